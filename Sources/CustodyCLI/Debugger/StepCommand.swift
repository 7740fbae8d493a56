// Why: what can be typed at the debugger's prompt, as data: one table for reading it and for the help. Not here:
// doing it (StepSession).

/// What a command does.
enum StepVerb: CaseIterable {
  case phase, phaseBack, transition, transitionBack, entry, entryBack, finish, change, changeBack, goTo, owner, watch
  case unwatch, show, here, help, quit

  /// The letter, the word, what follows, and what it does.
  var words: (letter: String, word: String, argument: String, help: String) {
    switch self {
    case .phase: ("s", "step", "[N]", "one phase forward, or N")
    case .phaseBack: ("b", "back", "[N]", "one phase back")
    case .transition: ("n", "next", "[N]", "to the end of the next transition")
    case .transitionBack: ("p", "prev", "[N]", "to the end of the transition before")
    case .entry: ("e", "entry", "[N]", "one entry forward, of any kind")
    case .entryBack: ("a", "ago", "[N]", "one entry back")
    case .finish: ("f", "finish", "", "to the end of the transition that is shown")
    case .change: ("c", "change", "[PAGE]…", "to the next change of a page (of those named last)")
    case .changeBack: ("r", "reverse", "[PAGE]…", "to the change of a page before")
    case .goTo: ("g", "goto", "MOMENT", "to 123, T5446, T5446.3, t=12.5s, mark=0x4001, @name, HEAD~10, 0")
    case .owner: ("o", "owner", "PAGE…", "who holds a page here, in every space")
    case .watch: ("w", "watch", "[PAGE]…", "show a page at each stop, or list those shown")
    case .unwatch: ("u", "unwatch", "", "watch nothing any more")
    case .show: ("l", "list", "", "the whole transition, as `custody show` has it")
    case .here: ("i", "info", "", "where we are, and who is inside a transition")
    case .help: ("h", "help", "", "this list")
    case .quit: ("q", "quit", "", "end; so do ctrl-D and ctrl-C")
    }
  }

  /// What may follow.
  enum Argument {
    case nothing, count, pages, somePages, moment
  }

  /// What may follow.
  var argument: Argument {
    switch self {
    case .phase, .phaseBack, .transition, .transitionBack, .entry, .entryBack: .count
    case .change, .changeBack, .watch: .pages
    case .owner: .somePages
    case .goTo: .moment
    case .finish, .unwatch, .show, .here, .help, .quit: .nothing
    }
  }
}

/// A command with what follows it.
struct StepCommand: Equatable {
  var verb: StepVerb
  /// How often.
  var count = 1
  /// The pages named.
  var pages: [PagesArgument] = []
  /// Where to.
  var moment: PointInTime?

  /// Why a line is no command.
  struct Misunderstood: Error, Equatable {
    /// What is wrong, and what may be typed.
    var message: String
  }

  init(_ verb: StepVerb) { self.verb = verb }

  /// Reads a line with a word in it. Throws ``Misunderstood``.
  init(line: String) throws(Misunderstood) {
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    let name = words.first ?? ""
    guard let verb = StepVerb.allCases.first(where: { name == $0.words.letter || name == $0.words.word }) else {
      let isHelp = name == "?"
      guard isHelp else {
        throw Misunderstood(message: "\(DisplayText.escaped(String(name.prefix(40)))) is no command; h lists them")
      }
      self.init(.help)
      return
    }
    self.init(verb)
    try take(Array(words.dropFirst()))
  }

  private mutating func take(_ rest: [String]) throws(Misunderstood) {
    switch verb.argument {
    case .nothing: guard rest.isEmpty else { throw misuse }
    case .count:
      guard rest.count <= 1 else { throw misuse }
      guard let word = rest.first else { return }
      guard let number = Int(word), (1...1_000_000_000).contains(number) else { throw misuse }
      count = number
    case .pages, .somePages:
      for word in rest {
        guard let argument = PagesArgument(argument: word), argument.count <= Self.pageLimit else { throw misuse }
        pages.append(argument)
      }
      if verb.argument == .somePages, pages.isEmpty { throw misuse }
    case .moment:
      guard rest.count == 1, let point = PointInTime(argument: rest[0]) else { throw misuse }
      moment = point
    }
  }

  /// More pages than this are not followed at once.
  static let pageLimit: UInt64 = 4096

  private var misuse: Misunderstood {
    let words = verb.words
    return Misunderstood(
      message: "type: \([words.letter, words.argument].filter { !$0.isEmpty }.joined(separator: " "))")
  }
}

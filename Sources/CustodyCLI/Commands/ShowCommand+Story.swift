// Why: everything that is told of one transition or activation, read once, so that text and JSON tell
// the same.

import Journal
import PageOwnership
import PageTables

/// What all stories of a journal need.
struct ShowContext {
  let reader: JournalReader
  let sites: Journal.SiteTable
  let facts: Facts
  /// How raw words are read; nil where the journal does not name its rules.
  let encoding: TableEncoding?
  /// Where the journal begins, if it was pruned.
  let anchor: Anchor?
  private var names: [SpaceID: String]

  init(_ reader: JournalReader) throws {
    self.reader = reader
    anchor = try reader.anchor()
    sites = try reader.sites()
    facts = try reader.facts()
    encoding = facts.generation.value.map { TableEncoding($0) }
    names = Dictionary(try reader.spaces().map { ($0.space.id, $0.space.name) }) { first, _ in first }
  }

  /// The name of a space.
  func name(_ space: SpaceID) -> String { names[space] ?? "space \(space.rawValue)" }

  /// Knows spaces too that the journal does not have.
  mutating func add(_ spaces: [Space]) {
    for space in spaces { names[space.id] = space.name }
  }

  /// Whose words the tables have. Throws a ``CommandFailure`` with status 3 if the journal does not say.
  func generation() throws -> Generation {
    guard let generation = facts.generation.value else {
      throw CommandFailure("\(reader.path): the journal does not name its generation", status: ExitStatus.corrupt)
    }
    return generation
  }

  /// When an entry happened, where its line says.
  func time(of seq: SequenceNumber) throws -> Int64? {
    var time: Int64?
    try reader.forEachEntry(from: seq, through: seq) { frame in
      time = frame.entry.time
      return false
    }
    return time
  }

  /// The activations around one, innermost first, itself included.
  func chain(from first: ActionID?) throws -> [CalledActivation] {
    var chain: [CalledActivation] = []
    var next = first
    // A journal from elsewhere may hold a circle.
    while let id = next, chain.count < 32, let (activation, end) = try reader.activation(id) {
      chain.append(CalledActivation(activation: activation, end: end))
      next = activation.parent
    }
    return chain
  }
}

/// An activation and its end.
struct CalledActivation {
  var activation: Activation
  var end: ActionEnd?

  /// `A5441 hypercall __pkvm_host_share_hyp(0x48163)`.
  var call: String {
    let registers = activation.registers.map(HexText.hex).joined(separator: ", ")
    let arguments = activation.arguments.isEmpty ? registers : activation.arguments
    return "A\(activation.id.rawValue) \(activation.kind.rawValue) \(activation.kernelFunction)(\(arguments))"
  }

  /// `call → -EPERM`; without one nothing is said.
  var callAndResult: String {
    guard let end else { return call + " (no end)" }
    return call + (end.result.map { " → " + HexText.result($0) } ?? "")
  }
}

/// One entry of a transition with its words.
struct ToldEntry {
  var frame: EntryFrame
  var site: Site
  /// Which phase of the transition it is, from 1; nil for entries that are no phases.
  var phase: Int?

  /// The entry.
  var entry: Entry { frame.entry }
}

/// One transition, whole.
struct TransitionStory {
  let context: ShowContext
  let transition: Transition
  let end: ActionEnd?
  let chain: [CalledActivation]
  let entries: [ToldEntry]

  /// Nil if the journal has no such transition.
  init?(_ context: ShowContext, _ id: ActionID) throws {
    guard let (transition, end) = try context.reader.transition(id) else { return nil }
    var entries: [ToldEntry] = []
    var phases = 0
    try context.reader.forEachEntry(of: id) { frame in
      guard let site = context.sites[frame.entry.site] else { return true }
      let isPhase = site.kind == .check || site.kind == .apply
      // A host abort is an activation and a transition of one number; only the transition's entries count here.
      if isPhase { phases += 1 }
      entries.append(ToldEntry(frame: frame, site: site, phase: isPhase ? phases : nil))
      return true
    }
    self.context = context
    self.transition = transition
    self.end = end
    self.entries = entries
    chain = try context.chain(from: transition.activation)
  }

  /// The outcome; open without an end.
  var outcome: TransitionOutcome { end?.outcome ?? .open }

  /// Nanoseconds of the first entry that says.
  var time: Int64? { entries.lazy.compactMap(\.entry.time).first }

  /// The last entry that is neither begin nor end.
  var lastStep: ToldEntry? {
    entries.last { [.check, .apply, .torn, .store, .locked].contains($0.site.kind) }
  }

  /// Whether the journal ends right after this apply, so that nobody knows if it was done.
  func isInDoubt(_ told: ToldEntry) -> Bool {
    outcome == .open && told.site.kind == .apply && told.entry.seq == lastStep?.entry.seq
  }

  /// The names of spaces inside this transition.
  var names: ShortNames { ShortNames(context: context, guest: transition.guestEnd?.space) }

  /// The name of a space; the transition's own guest is just `guest`, as the header names it.
  func shortName(_ space: SpaceID) -> String { names.name(space) }

  /// `guest 0x80000000 ×2`.
  func place(_ space: SpaceID?, _ page: PageFrame?, _ count: UInt64?) -> String { names.place(space, page, count) }
}

/// The names of spaces beneath a header that names the guest in full.
struct ShortNames {
  let context: ShowContext
  /// The guest that is just `guest`; nil for none.
  var guest: SpaceID?

  /// The name of a space.
  func name(_ space: SpaceID) -> String { space == guest ? "guest" : context.name(space) }

  /// `guest 0x80000000 ×2`.
  func place(_ space: SpaceID?, _ page: PageFrame?, _ count: UInt64?) -> String {
    let pages = HexText.pages(page?.address, count)
    return [space.map(name) ?? "", pages].filter { !$0.isEmpty }.joined(separator: " ")
  }
}

/// One activation with what it caused.
struct ActivationStory {
  /// An activation or a transition inside.
  enum Item {
    case activation(CalledActivation)
    case transition(LogLine)
  }

  let context: ShowContext
  let chain: [CalledActivation]
  let time: Int64?
  /// What happened inside, in order, with its depth from 0.
  let items: [(depth: Int, item: Item)]

  /// The activation itself.
  let subject: CalledActivation

  /// Nil if the journal has no such activation.
  init?(_ context: ShowContext, _ id: ActionID) throws {
    let chain = try context.chain(from: id)
    guard let subject = chain.first else { return nil }
    self.context = context
    self.subject = subject
    self.chain = Array(chain.dropFirst())
    time = try context.time(of: subject.activation.firstSeq)
    items = try Self.items(context, id)
  }

  private static func items(_ context: ShowContext, _ id: ActionID) throws -> [(Int, Item)] {
    var items: [(seq: SequenceNumber, parent: ActionID?, item: Item)] = []
    for inner in try activations(context, under: id) where inner != id {
      guard let (activation, end) = try context.reader.activation(inner) else { continue }
      let called = CalledActivation(activation: activation, end: end)
      items.append((activation.firstSeq, activation.parent, .activation(called)))
    }
    try TransitionLog(context.reader).forEach(LogFilter(parent: id)) { line in
      items.append((line.transition.firstSeq, line.transition.activation, .transition(line)))
    }
    items.sort { $0.seq < $1.seq }
    var depths: [ActionID: Int] = [id: -1]
    return items.map { _, parent, item in
      let depth = parent.flatMap { depths[$0] }.map { $0 + 1 } ?? 0
      if case .activation(let inner) = item { depths[inner.activation.id] = depth }
      return (depth, item)
    }
  }

  private static func activations(_ context: ShowContext, under id: ActionID) throws -> [ActionID] {
    var found: [ActionID] = []
    let sql = "SELECT id FROM activation_row WHERE id IN \(LogFilter.activations(under: id)) ORDER BY first_seq"
    try context.reader.query(sql) { row in
      if case .integer(let number) = row[0] { found.append(ActionID(number)) }
      return true
    }
    return found
  }
}

// Why: the rows of the rule tables in words, once for `rules`, its comparison and the generated pages.

import PageOwnership
import PageTables
import TransitionRules

/// One line of the rules of an operation, in words.
struct RuleLine: Equatable {
  /// `takes`, `check` or `apply`; `trait` for what holds for all operations.
  var kind: String
  /// The condition or effect.
  var what: String
  /// Which end, and whose table: `source host`.
  var end = ""
  /// The state that is asked for or written.
  var state = ""
  /// What a failure of the check means, or where the apply writes and what a failure means.
  var result = ""
  /// When it is performed; empty for always.
  var only = ""
  /// The kernel's step. Two lines that differ only here say the same.
  var kernelStep = ""

  /// Whether two lines say the same under whatever kernel name.
  func saysTheSame(as other: RuleLine) -> Bool {
    var renamed = other
    renamed.kernelStep = kernelStep
    return self == renamed
  }

  /// What the columns are called, in order.
  static let columns = ["kind", "what", "end", "state", "result", "only", "kernel_step"]

  /// The values of the columns, in order.
  var values: [String] { [kind, what, end, state, result, only, kernelStep] }
}

extension RuleLine {
  /// A check.
  init(_ rule: CheckRule) {
    self.init(kind: "check", what: rule.condition.rawValue)
    end = Self.end(rule.side, rule.subject)
    state = rule.expected?.name ?? ""
    result = Self.failure(rule)
    let occasions = [rule.needsDebug ? "EL2 debugging" : nil, rule.onlyIfGuest.map { "guest \($0.name)" }]
    only = occasions.compactMap { $0 }.joined(separator: ", ")
    kernelStep = rule.kernelStep
  }

  /// An apply.
  init(_ rule: ApplyRule) {
    self.init(kind: "apply", what: rule.effect.rawValue)
    end = Self.end(rule.side, rule.subject)
    state = rule.newState?.name ?? ""
    result = Self.place(rule.store) + "; " + Self.failure(rule.failure)
    only = Self.occasion(rule.occasion)
    kernelStep = rule.kernelStep
  }

  /// All lines of an operation, in order.
  static func lines(_ rules: OperationRules) -> [RuleLine] {
    var takes = RuleLine(kind: "takes", what: counting(rules.counting))
    if rules.appliesPageByPage { takes.only = "applies page by page" }
    return [takes] + rules.checks.map { RuleLine($0) } + rules.applies.map { RuleLine($0) }
  }

  private static func end(_ side: Side, _ subject: SpaceKind?) -> String {
    [side.rawValue, subject?.rawValue].compactMap { $0 }.joined(separator: " ")
  }

  private static func failure(_ rule: CheckRule) -> String {
    let errno = rule.errno == 0 ? "" : HexText.result(rule.errno)
    return switch rule.failure {
    case .refuse: errno.isEmpty ? "ends with 0" : errno
    case .warnAndRefuse: "warning" + (errno.isEmpty ? "" : ", " + errno)
    case .warnAndGoOn: "warning, goes on"
    case .finish: "ends with 0"
    case .leavePhase: "leaves the step"
    }
  }

  private static func failure(_ failure: StoreFailure) -> String {
    switch failure {
    case .warnAndStop: "a failure warns and ends it"
    case .warnAndGoOn: "a failure warns"
    case .returnErrno: "a failure is returned"
    }
  }

  private static func counting(_ counting: PageCounting) -> String {
    switch counting {
    case .one: "one page"
    case .range: "a range of pages"
    case .bytes: "a range of bytes, rounded out to pages"
    case .pageOrBlock: "one page or one aligned block"
    }
  }

  private static func occasion(_ occasion: ApplyOccasion) -> String {
    switch occasion {
    case .always: ""
    case .ifHostOwns: "host OWNED"
    case .ifGuest(let state): "guest \(state.name)"
    case .ifReferencedOnce: "one reference"
    case .ifNoGuestBorrows: "share count 0"
    }
  }

  private static func place(_ store: Store) -> String {
    switch store {
    case .hostMapping: "host stage 2, mapping"
    case .hostOwner(let owner): "host stage 2, owner \(owner.rawValue)"
    case .hostState: "page metadata, host's state, mapped first"
    case .hostStateAlone: "page metadata, host's state"
    case .hypMapping: "hyp stage 1, mapping"
    case .hypUnmapping: "hyp stage 1, unmapping"
    case .hypState: "page metadata, hyp's state"
    case .guestMapping: "guest stage 2, mapping"
    case .guestUnmapping: "guest stage 2, unmapping"
    case .guestPoison: "guest stage 2, poison"
    case .guestPermissions: "guest stage 2, permissions added"
    case .guestWriteProtection: "guest stage 2, write permission taken"
    case .guestAge: "guest stage 2, access flag read and cleared"
    case .guestYouth: "guest stage 2, access flag set"
    case .guestPoisonQuery: "nothing: the guest's leaf is read"
    case .nothing: "nothing: a word is computed"
    case .contents: "the page's content"
    case .references(let step): "reference count \(step > 0 ? "+" : "−")1"
    case .shareCount(let step): "share count \(step > 0 ? "+" : "−")1"
    }
  }
}

extension RuleLine {
  /// What holds for all operations of a generation.
  static func traits(_ book: RuleBook) -> [RuleLine] {
    let traits = book.traits
    let encoding = book.encoding
    func line(_ what: String, _ state: String) -> RuleLine { RuleLine(kind: "trait", what: what, state: state) }
    func home(_ isDescriptor: Bool) -> String { isDescriptor ? "software bits" : "page metadata" }
    return [
      line("the host's state is in", home(encoding.keepsHostStateInDescriptors)),
      line("the hypervisor's state is in", home(encoding.keepsHypStateInDescriptors)),
      line("memory that the kernel must not map changes hands", traits.nomapIsMemory ? "yes" : "no"),
      line("the host becomes an owner", traits.mapsReturnedPages ? "by a mapping" : "by an empty leaf"),
      line("loops over the metadata", traits.countsFrames ? "count pages" : "compare addresses"),
      line("a host fault on another's page", traits.foreignFaultIsFatal ? "is fatal" : "is given back to the host"),
      line(
        "permissions added to an unmapped guest page return",
        traits.relaxOnUnmapped == 0 ? "0" : HexText.result(traits.relaxOnUnmapped)),
      line(
        "permission bits",
        "x \(HexText.hex(traits.protection.execute)), w \(HexText.hex(traits.protection.write)), "
          + "r \(HexText.hex(traits.protection.read))"),
    ]
  }
}

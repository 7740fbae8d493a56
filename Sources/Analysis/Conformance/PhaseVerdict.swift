// Why: what the rules say of one check phase in a machine as it is: the outcomes that are possible. Mostly one;
// more where a journal does not tell what decides. Not here: holding it against the record (ConformanceJudge).

import PageOwnership
import PageTables
import TransitionRules

/// How a check phase can end.
enum PhaseOutcome: Hashable, Sendable {
  /// Everything held.
  case passed
  /// The phase and the transition return an errno.
  case refused(Int64)
  /// The phase returns an errno; the transition has nothing to do and returns 0.
  case finished(Int64)
  /// The hypervisor warns, and panics.
  case fatal

  /// What a record of the phase shows; nil: there is none.
  var recorded: Int64? {
    switch self {
    case .passed: 0
    case .refused(let errno), .finished(let errno): errno
    case .fatal: nil
    }
  }

  /// In words.
  var text: String {
    switch self {
    case .passed: "passes"
    case .refused(let errno), .finished(let errno): "fails \(Errno.name(errno) ?? "\(errno)")"
    case .fatal: "panics"
    }
  }
}

/// What the rules say of a check phase.
struct PhaseVerdict: Sendable {
  /// The outcomes that are possible, the most telling one first.
  var outcomes: [PhaseOutcome] = []
  /// Why there is more than one.
  var blindness: Blindness?
  /// The condition that decides, and what was found.
  var condition: Condition?
  var finding: Finding?

  /// The outcome, where there is but one.
  var certain: PhaseOutcome? { outcomes.count == 1 ? outcomes.first : nil }

  fileprivate mutating func add(_ rule: CheckRule) {
    let outcome: PhaseOutcome =
      switch rule.failure {
      case .refuse: .refused(rule.errno)
      case .finish: .finished(rule.errno)
      case .leavePhase: .passed
      case .warnAndRefuse, .warnAndGoOn: .fatal
      }
    if !outcomes.contains(outcome) { outcomes.append(outcome) }
  }

  fileprivate mutating func pass() {
    if !outcomes.contains(.passed) { outcomes.append(.passed) }
  }
}

extension ConditionJudge {
  /// What a phase's rows, in order, say of an attempt.
  ///
  /// Neighbouring rows that are verified page by page are verified together for each page: the first failing page
  /// decides, and on it the first row.
  func judge(_ rows: ArraySlice<CheckRule>, of subject: RuleSubject, in image: MachineImage) -> PhaseVerdict {
    var verdict = PhaseVerdict()
    var index = rows.startIndex
    while index < rows.endIndex {
      var end = index + 1
      while end < rows.endIndex, rows[index].condition.isPerPage, rows[end].condition.isPerPage { end += 1 }
      if let deciding = decide(rows[index..<end], subject, image, &verdict) {
        verdict.add(deciding.rule)
        verdict.condition = deciding.rule.condition
        verdict.finding = deciding.finding
        return verdict
      }
      index = end
    }
    verdict.pass()
    return verdict
  }

  // The row that fails for certain; what may fail is added to the verdict.
  private func decide(
    _ rows: ArraySlice<CheckRule>, _ subject: RuleSubject, _ image: MachineImage, _ verdict: inout PhaseVerdict
  ) -> (rule: CheckRule, finding: Finding?)? {
    var deciding: (rule: CheckRule, finding: Finding?, place: UInt64)?
    for rule in rows {
      let judged = judge(rule, of: subject, in: image)
      switch judged.verdict {
      case .holds: if verdict.finding == nil { verdict.finding = judged.finding }
      case .unknown(let why):
        verdict.add(rule)
        verdict.blindness = why
        verdict.condition = rule.condition
      case .fails:
        let place = judged.finding?.page.map { $0.rawValue &- base(of: rule, subject) } ?? 0
        if deciding.map({ place < $0.place }) ?? true { deciding = (rule, judged.finding, place) }
      }
    }
    return deciding.map { ($0.rule, $0.finding) }
  }

  private func base(of rule: CheckRule, _ subject: RuleSubject) -> UInt64 {
    let first = rule.subject == .guest ? subject.transition.guestPage?.page : subject.transition.firstFrame
    return first?.rawValue ?? 0
  }
}

extension Finding {
  /// The page that a finding is about, in its own space; nil for findings about numbers.
  var page: PageFrame? {
    switch self {
    case .holding(_, let page, _), .pins(let page, _), .shareCount(let page, _), .hostLeaf(let page, _, _),
      .deadGuest(let page, _), .region(let page, _):
      page
    case .guestLeaf(let place, _, _), .beyondGuest(let place): place.page
    case .regionBorder, .frames, .size, .permissions: nil
    }
  }

  /// The space that a finding is about; nil for findings about numbers.
  var space: SpaceID? {
    switch self {
    case .holding(let space, _, _): space
    case .pins: .hyp
    case .shareCount, .hostLeaf, .deadGuest, .region: .host
    case .guestLeaf(let place, _, _), .beyondGuest(let place): place.space
    case .regionBorder, .frames, .size, .permissions: nil
    }
  }

  /// In words.
  var text: String {
    switch self {
    case .holding(_, _, let holding): holding.state.name
    case .pins(_, let count): "\(count) pins"
    case .shareCount(_, let count): "lent to \(count) guests"
    case .guestLeaf(_, let leaf, _), .hostLeaf(_, let leaf, _):
      "leaf 0x\(String(leaf.raw, radix: 16)) at level \(leaf.level)"
    case .deadGuest(_, let handle): "no guest 0x\(String(handle.rawValue, radix: 16)) lives"
    case .region(_, let kind): kind.map { "lies in \($0.rawValue)" } ?? "lies in no region"
    case .regionBorder: "leaves its region"
    case .frames(let first, let count, let limit):
      "0x\(String(first, radix: 16))+\(count) of 0x\(String(limit, radix: 16)) frames"
    case .size(let count, let isAligned): "\(count) pages, \(isAligned ? "" : "not ")aligned"
    case .permissions(let bits, _): "permissions 0x\(String(bits, radix: 16))"
    case .beyondGuest: "beyond the guest's addresses"
    }
  }
}

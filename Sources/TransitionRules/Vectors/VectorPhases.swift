// Why: vectors list the steps that the harness saw under its own names; this writes the engine's phases in
// those names. Steps that the harness did not see (counters, tests without a function) are left out.

import PageOwnership
import PageTables

/// Watches an operation and writes its phases as vectors do.
struct VectorPhases: TransitionObserver {
  var rules: OperationRules?
  let bits: ProtectionBits
  /// Whether the generation has the parts "source" and "target" (up to 6.13).
  let hasParts: Bool
  private let shape: MachineShape
  private var protection: UInt64 = 0
  private var isDevice = false
  private var hidesFailure = false
  /// Whether the harness looks for the host's failing page by itself, between the ends of the range (6.14 to 6.18).
  private let seeksFailure: Bool
  private(set) var phases: [VectorPhase] = []
  private(set) var failure: VectorFailure?

  init(_ book: RuleBook, _ shape: MachineShape) {
    self.shape = shape
    bits = book.traits.protection
    hasParts = book.encoding.keepsHostStateInDescriptors
    seeksFailure = !hasParts && book.generation != .linux7_1
  }

  var wantsStates: Bool { false }

  /// Waits for an operation, or for stores that no operation asks for.
  mutating func begin(_ rules: OperationRules?, _ call: OperationCall? = nil) {
    self.rules = rules
    protection = call?.protection ?? 0
    hidesFailure = seeksFailure && (call.map { Attempt($0, rules?.counting ?? .one).isReversed } ?? false)
    isDevice = call?.operation == .hostFault && shape.stretch(at: call?.address ?? 0).kind == nil
  }

  mutating func clear() {
    phases = []
    failure = nil
  }

  mutating func append(_ phase: VectorPhase) { phases.append(phase) }

  // The harness's word for a step, and whose table it names.
  private static let steps: [String: (component: String, step: String)] = [
    "pfn_range_is_valid": ("host", "pfnrange"), "__guest_check_transition_size": ("guest", "size"),
    "check_range_allowed_memory": ("host", "memrange"), "__host_check_page_state_range": ("host", "check"),
    "__hyp_check_page_state_range": ("hyp", "check"), "hyp_page_count": ("hyp", "refcount"),
    "__hyp_check_page_count_range": ("hyp", "refcount"), "__guest_check_page_state_range": ("guest", "check"),
    "__check_host_shared_guest": ("guest", "shared"), "assert_host_shared_guest": ("guest", "assert_shared"),
    "__guest_check_pgtable_memcache": ("guest", "memcache"), "get_valid_guest_pte": ("guest", "leaf"),
    "host_stage2_get_guest_info": ("host", "info"), "host_request_owned_transition": ("host", "check"),
    "host_request_unshare": ("host", "check"), "hyp_request_donation": ("hyp", "check"),
    "hyp_ack_share": ("hyp", "check"), "hyp_ack_unshare": ("hyp", "check"), "hyp_ack_donation": ("hyp", "check"),
    "host_ack_donation": ("host", "check"),
  ]

  mutating func didCheck(_ report: CheckReport, _ machine: Machine) {
    guard let rules, let last = report.rows.last else { return }
    let step = rules.checks[last].kernelStep
    noteFailure(report, rules)
    guard let (component, word) = Self.steps[step] else { return }
    let isPart = hasParts && rules.operation != .pin
    let phase = isPart ? (rules.checks[last].side == .source ? "check_source" : "check_target") : "direct"
    if report.outcome == .skipped && !isPart && word != "assert_shared" { return }
    let performed = report.decidingRow.map { rules.checks[$0] }
    if isPart && performed?.expected == nil && performed?.condition.isWalked != true {
      // What is left out, or stopped by the pin count, is told as nothing done.
      append(VectorPhase(phase, component, report.result, "none", ""))
      return
    }
    let wanted = word == "check" ? rules.checks[last].expected.map(VectorWords.letter) ?? "" : ""
    append(VectorPhase(phase, component, word == "assert_shared" ? 0 : report.result, word, wanted))
  }

  /// The first failing page of a check of states.
  private mutating func noteFailure(_ report: CheckReport, _ rules: OperationRules) {
    guard failure == nil, report.outcome == .failed, let row = report.decidingRow, let page = report.page,
      let found = report.found, let level = report.level
    else { return }
    let rule = rules.checks[row]
    let isSeen = Self.steps[rule.kernelStep]?.step == "check" || rule.kernelStep == "get_host_state"
    guard isSeen, let subject = rule.subject, subject != .host || !hidesFailure else { return }
    let wanted = VectorWords.letter(rule.expected ?? report.rows.last.flatMap { rules.checks[$0].expected } ?? .owned)
    failure = VectorFailure(
      table: subject.rawValue, page: page.rawValue, level: Int64(level), found: VectorWords.letter(found),
      wanted: wanted)
  }

  mutating func didApply(_ report: ApplyReport, from before: Machine, to after: Machine) {
    guard let rules else { return }
    append(
      rules.applies[report.row], report, isPart: hasParts && ![.pin, .unpin, .hostFault].contains(rules.operation))
  }

  /// Appends what the harness saw of an apply.
  mutating func append(_ rule: ApplyRule, _ report: ApplyReport, isPart: Bool = false) {
    guard let (component, step, wanted) = words(rule) else { return }
    let phase = isPart ? (rule.side == .source ? "apply_source" : "apply_target") : "direct"
    let isShortUnmap = rule.store == .hypUnmapping && !hasParts && report.result != 0
    append(VectorPhase(phase, component, isShortUnmap ? 1 : report.result, step, wanted))
    if report.recycledDevices && hasParts && !isPart { append(VectorPhase("direct", "host", 0, "unmap_dev_all", "")) }
  }

  private func words(_ rule: ApplyRule) -> (component: String, step: String, wanted: String)? {
    let state = rule.newState.map(VectorWords.letter) ?? ""
    switch rule.store {
    case .hostMapping:
      let access = rule.newState == nil && isDevice ? "rw" : "rwx"
      return ("host", "map", hasParts ? access + ":" + (rule.newState == nil ? "O" : state) : access)
    case .hostOwner(let owner): return ("host", "owner", owner == .host ? "0" : owner == .hyp ? "1" : "2")
    case .hostState: return ("host", "set", state)
    case .hypMapping: return ("hyp", "map", state.isEmpty ? "rw" : "rw:" + state)
    case .hypUnmapping: return ("hyp", "unmap", "")
    case .hypState: return ("hyp", "set", state)
    case .guestMapping:
      let asked = rules?.operation == .hostShareGuest ? protection : bits.all
      return ("guest", "map", VectorWords.letters(asked, bits) + ":" + state)
    case .guestUnmapping: return ("guest", "unmap", "")
    case .guestPoison: return ("guest", "annotate", "")
    case .guestPermissions: return ("guest", "relax", VectorWords.letters(protection, bits))
    case .guestWriteProtection: return ("guest", "wrprotect", "")
    case .guestAge: return ("guest", "young", "")
    case .guestYouth: return ("guest", "mkyoung", "")
    case .contents: return ("host", "poison", "")
    case .hostStateAlone, .references, .shareCount, .guestPoisonQuery, .nothing: return nil
    }
  }
}

extension Condition {
  /// Whether the condition is part of walking a table.
  var isWalked: Bool { self == .insideTable || self == .leafMapsMemory }
}

// Why: the kernel names its steps, we name conditions and effects; this is the table between the two,
// for every step that recordings of 6.1, 6.12 and 7.3 contain and for their older and newer twins.
// Not here: what a step ought to check in a generation (TransitionRules will judge that).

import PageOwnership

/// What a recorded step means in our words.
struct PhaseMeaning: Hashable {
  /// What a check verified.
  var condition: Condition?
  /// What an apply did.
  var effect: Effect?
  /// Which end it looks at or changes.
  var side: Side
  /// The state a check asks for, or an apply writes.
  var state: PageState?
  /// The condition that the step leaves out unless EL2 debugging is built in.
  var debugOnly: Condition?
  /// True if the step performs nothing at all without EL2 debugging.
  var isEmptyWithoutDebug = false
}

/// The table of steps.
enum PhaseCatalogue {
  /// What a check step of an operation means; `want` is the state that the recording names.
  static func check(step: String, operation: Operation, want: PageState?) -> PhaseMeaning {
    if let debug = debugSteps[step] { return debug }
    if let subject = stateChecks[step] { return stateCheck(of: subject, operation: operation, want: want) }
    if let meaning = checks[step] {
      return PhaseMeaning(condition: meaning.0, side: side(meaning.1, operation), state: want ?? meaning.2)
    }
    return PhaseMeaning(condition: .unrecognised, side: .both, state: want)
  }

  /// What an apply step of an operation means; `set` is the state that the recording names.
  static func apply(step: String, operation: Operation, set: PageState?) -> PhaseMeaning {
    let key = step.hasPrefix("statements after ") ? "statements after" : step
    guard let rows = applies[key] else { return PhaseMeaning(effect: .unrecognised, side: .both, state: set) }
    let row = rows.first { $0.operations.contains(operation) } ?? rows.first { $0.operations.isEmpty }
    guard let row else { return PhaseMeaning(effect: .unrecognised, side: .both, state: set) }
    let effect = row.effect ?? stateEffect(set: set, operation: operation)
    return PhaseMeaning(effect: effect, side: side(row.subject, operation), state: set ?? state(after: effect))
  }

  /// Which end of the operation a kind of space is.
  static func side(_ subject: SpaceKind?, _ operation: Operation) -> Side {
    guard let subject else { return .both }
    let ends = operation.endpoints
    if ends.source == subject { return .source }
    return ends.target == subject ? .target : .both
  }

  // Steps that compare the state of every page with one wanted state, by whose table they read.
  private static let stateChecks: [String: SpaceKind] = [
    "__host_check_page_state_range": .host, "host_request_owned_transition": .host,
    "host_request_unshare": .host, "___host_check_page_state_range": .host,
    "__hyp_check_page_state_range": .hyp, "hyp_request_donation": .hyp,
    "__guest_check_page_state_range": .guest, "kvm_pgtable_stage2_pte_prot": .guest,
  ]

  private static let checks: [String: (Condition, SpaceKind?, PageState?)] = [
    "pfn_range_is_valid": (.rangeIsValid, nil, nil),
    "check_range_allowed_memory": (.isMemory, .host, nil),
    "range_is_memory": (.isMemory, .host, nil),
    "addr_is_memory": (.isMemory, .host, nil),
    "find_mem_range": (.regionIsKnown, .host, nil),
    "host_stage2_adjust_range": (.leafIsEmpty, .host, nil),
    "__guest_check_transition_size": (.sizeIsValid, nil, nil),
    "__guest_check_pgtable_memcache": (.memcacheSuffices, .guest, nil),
    "__hyp_check_page_count_range": (.notPinned, .hyp, nil),
    "hyp_page_count": (.notPinned, .hyp, nil),
    "get_host_state": (.sourceIsOwnedOrGuestShared, .host, nil),
    "__check_host_shared_guest": (.pairIsShared, nil, nil),
    "get_valid_guest_pte": (.guestLeafIsValid, .guest, nil),
    "host_stage2_get_guest_info": (.hostNamesGuest, .host, .noPage),
    "guest_get_page_state": (.sourceIsOwnedOrShared, .guest, nil),
  ]

  // ≤ 6.13: the receiver's checks (the kernel's "ack"), mostly compiled out (captures NOTES).
  private static let debugSteps: [String: PhaseMeaning] = [
    "hyp_ack_share": PhaseMeaning(condition: .permissionsAllowed, side: .target, debugOnly: .targetIsUnmapped),
    "hyp_ack_unshare": PhaseMeaning(condition: .notPinned, side: .target, debugOnly: .targetIsBorrowed),
    "hyp_ack_donation": PhaseMeaning(
      condition: .targetIsUnmapped, side: .target, state: .noPage, debugOnly: .targetIsUnmapped,
      isEmptyWithoutDebug: true),
    "host_ack_donation": PhaseMeaning(
      condition: .targetIsUnmapped, side: .target, state: .noPage, debugOnly: .targetIsUnmapped,
      isEmptyWithoutDebug: true),
  ]

  private static func stateCheck(of subject: SpaceKind, operation: Operation, want: PageState?) -> PhaseMeaning {
    let side = side(subject, operation)
    let state = want ?? impliedState(of: subject, operation: operation)
    let condition: Condition =
      switch (side, state) {
      case (.source, .owned): .sourceIsOwned
      case (.source, .sharedOwned): .sourceIsShared
      case (.source, .sharedBorrowed): .sourceIsBorrowed
      case (.source, .noPage): .sourceIsUnmapped
      case (.target, .noPage): .targetIsUnmapped
      case (.target, .sharedBorrowed): .targetIsBorrowed
      default: .unrecognised
      }
    return PhaseMeaning(condition: condition, side: side, state: state)
  }

  // The state that the source line does not spell out (6.12's pin names none).
  private static func impliedState(of subject: SpaceKind, operation: Operation) -> PageState? {
    switch (operation, subject) {
    case (.pin, .host): .sharedOwned
    case (.pin, .hyp): .sharedBorrowed
    case (.hostUnshareHyp, .host), (.hostUnshareFFA, .host), (.guestUnshareHost, .guest): .sharedOwned
    case (_, _) where operation.endpoints.source == subject: .owned
    default: .noPage
    }
  }

  private struct ApplyRow {
    var operations: [Operation]
    var effect: Effect?
    var subject: SpaceKind?
  }

  private static func row(_ effect: Effect?, _ subject: SpaceKind?, _ operations: Operation...) -> ApplyRow {
    ApplyRow(operations: operations, effect: effect, subject: subject)
  }

  // A row without operations holds for all others; an effect of nil is decided by the state written.
  private static let applies: [String: [ApplyRow]] = [
    "__hyp_set_page_state_range": [row(nil, .hyp)],
    "__host_set_page_state_range": [row(nil, .host)],
    "set_host_state": [row(nil, .host)],
    "host_initiate_share": [row(.lend, .host)],
    "host_initiate_unshare": [row(.endLend, .host)],
    "host_initiate_donation": [row(.disown, .host)],
    "hyp_initiate_donation": [row(.disown, .hyp)],
    "hyp_complete_share": [row(.borrow, .hyp)],
    "hyp_complete_unshare": [row(.endBorrow, .hyp)],
    "hyp_complete_donation": [row(.own, .hyp)],
    "host_complete_donation": [row(.own, .host)],
    "pkvm_create_mappings_locked": [row(.map, .hyp)],
    "kvm_pgtable_hyp_unmap": [row(.unmap, .hyp)],
    "host_stage2_set_owner_locked": [row(.disown, .host, .hostDonateHyp), row(.own, .host)],
    "host_stage2_set_owner_metadata_locked": [row(.endBorrow, .host, .guestUnshareHost), row(.disown, .host)],
    "host_stage2_encode_gfn_meta": [row(.encode, .host)],
    "host_stage2_idmap_locked": [row(.map, .host)],
    "kvm_pgtable_stage2_map": [
      row(.own, .guest, .hostDonateGuest), row(.borrow, .guest, .hostShareGuest),
      row(.lend, .guest, .guestShareHost), row(.endLend, .guest, .guestUnshareHost), row(.map, .guest),
    ],
    "kvm_pgtable_stage2_unmap": [
      row(.endBorrow, .guest, .hostUnshareGuest), row(.disown, .guest, .hostReclaimGuest), row(.unmap, .guest),
    ],
    "kvm_pgtable_stage2_annotate": [row(.poison, .guest, .hostForceReclaim), row(.disown, .host)],
    "hyp_poison_page": [row(.scrub, .guest)],
    "statements after": [row(.dropShare, .host)],
    "hyp_page_ref_inc": [row(.pin, .hyp)],
    "hyp_page_ref_dec": [row(.unpin, .hyp)],
    "kvm_pgtable_stage2_relax_perms": [row(.changeAttributes, .guest)],
    "kvm_pgtable_stage2_wrprotect": [row(.changeAttributes, .guest)],
    "kvm_pgtable_stage2_test_clear_young": [row(.changeAttributes, .guest)],
    "kvm_pgtable_stage2_mkyoung": [row(.changeAttributes, .guest)],
  ]

  private static func stateEffect(set: PageState?, operation: Operation) -> Effect {
    let donates = [.hostDonateHyp, .hypDonateHost, .hostDonateGuest, .hostForceReclaim, .hostReclaimGuest]
      .contains(operation)
    switch set {
    case .owned: return donates ? .own : .endLend
    case .noPage: return donates ? .disown : .endBorrow
    case .sharedOwned: return .lend
    case .sharedBorrowed: return .borrow
    default: return .unrecognised
    }
  }

  private static func state(after effect: Effect) -> PageState? {
    switch effect {
    case .own, .endLend: .owned
    case .disown, .endBorrow: .noPage
    case .lend: .sharedOwned
    case .borrow: .sharedBorrowed
    case .poison: .poison
    default: nil
    }
  }
}

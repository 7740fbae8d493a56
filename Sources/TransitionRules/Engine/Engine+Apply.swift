// Why: the apply half of an operation: rows in the table's order, each with what a failure means. Not here:
// single stores (+Stores).

import PageOwnership

/// What became of a store.
enum StoreResult {
  /// It is done, or an errno.
  case returned(Int64, warnings: Int = 0)
  /// The hypervisor stops inside it.
  case stopped(FatalCause)
}

extension Engine {
  /// Makes the applies and books the result.
  func apply(
    _ attempt: inout Attempt, _ rules: OperationRules, _ machine: inout Machine,
    _ observer: inout some TransitionObserver
  ) {
    attempt.result.value = 0
    guard rules.appliesPageByPage else {
      _ = applyAll(&attempt, rules, nil, &machine, &observer)
      return
    }
    let end = attempt.physical &+ shape.hypOffset &+ attempt.size
    var address = attempt.physical &+ shape.hypOffset
    while address < end {
      attempt.physical = address &- shape.hypOffset
      attempt.size = 1 << 12
      guard applyAll(&attempt, rules, PageFrame(attempt.page), &machine, &observer) else { return }
      address &+= 1 << 12
    }
  }

  /// Makes the applies for the attempt's range; false if the operation ends.
  private func applyAll(
    _ attempt: inout Attempt, _ rules: OperationRules, _ page: PageFrame?, _ machine: inout Machine,
    _ observer: inout some TransitionObserver
  ) -> Bool {
    for row in rules.applies.indices {
      let rule = rules.applies[row]
      guard isDue(rule.occasion, attempt, machine) else { continue }
      var report = ApplyReport(row: row, page: page, result: 0)
      let before = observer.wantsStates ? machine : nil
      let result = store(rule, &attempt, &machine, &report)
      switch result {
      case .stopped(let cause):
        attempt.result.hasChanged = true
        attempt.result.value = nil
        attempt.result.fatal = cause
        tell(report, before, machine, &observer)
        return false
      case .returned(let value, let warnings):
        report.result = value
        if rule.store.writes && (value >= 0 || report.recycledDevices) { attempt.result.hasChanged = true }
        tell(report, before, machine, &observer)
        if !book(value, warnings, rule.failure, &attempt) { return false }
      }
    }
    return true
  }

  private func tell(
    _ report: ApplyReport, _ before: Machine?, _ after: Machine, _ observer: inout some TransitionObserver
  ) {
    guard let before else { return observer.didApply(report, from: after, to: after) }
    observer.didApply(report, from: before, to: after)
  }

  /// Books what a store returned; false if the operation ends with it.
  private func book(_ value: Int64, _ warnings: Int, _ failure: StoreFailure, _ attempt: inout Attempt) -> Bool {
    if warnings > 0 {
      attempt.result.warnings += warnings
      attempt.result.fatal = .warning
    }
    guard value < 0 else {
      if value > 0 { attempt.result.value = value }
      return true
    }
    switch failure {
    case .returnErrno:
      attempt.result.value = value
      return false
    case .warnAndStop, .warnAndGoOn:
      attempt.result.warnings += 1
      attempt.result.fatal = .warning
      if failure == .warnAndStop { attempt.result.value = 1 }
      return failure == .warnAndGoOn
    }
  }

  private func isDue(_ occasion: ApplyOccasion, _ attempt: Attempt, _ machine: Machine) -> Bool {
    switch occasion {
    case .always: true
    case .ifHostOwns: machine.frames[attempt.page].host == .owned
    case .ifGuest(let state): attempt.guestState == state
    case .ifReferencedOnce: machine.frames[attempt.page].references == 1
    case .ifNoGuestBorrows: hasUnborrowedPage(attempt, machine)
    }
  }

  private func hasUnborrowedPage(_ attempt: Attempt, _ machine: Machine) -> Bool {
    var page = attempt.page
    let end = page &+ frameCount(attempt)
    while page < end {
      let index = machine.frames.index(of: page)
      if machine.frames.runs[index].value.shareCount == 0 { return true }
      page = machine.frames.end(ofRun: index)
    }
    return false
  }
}

// Why: the check half of an operation: phases in the table's order, conditions on pages judged page by page
// so that the first failing page decides. Nothing is written here. Not here: single conditions (+Conditions).

import PageOwnership

/// What became of a condition.
enum Finding {
  case holds
  /// It does not; where, and what was found there.
  case fails(page: UInt64?, level: Int8?, found: PageState?)
  /// Looking was an access to memory that is not there.
  case faults
  /// The table does not reach so far.
  case outside
  /// The table does not exist any more.
  case noTable

  static let fails = Finding.fails(page: nil, level: nil, found: nil)
}

extension Engine {
  /// Makes the checks; false if the operation ends there.
  func check(
    _ attempt: inout Attempt, _ plan: Plan, _ machine: Machine, _ observer: inout some TransitionObserver
  ) -> Bool {
    attempt.guest = attempt.call.guest.flatMap { machine.place(of: $0) }
    for phase in plan.phases {
      if let state = plan.checks[phase.lowerBound].onlyIfGuest, state != attempt.guestState { continue }
      var report = CheckReport(rows: phase, decidingRow: nil, outcome: .skipped, result: 0)
      let goesOn = check(&attempt, phase, plan.checks, machine, &report)
      observer.didCheck(report, machine)
      if !goesOn { return false }
    }
    return true
  }

  /// Makes the checks of one phase; false if the operation ends there.
  private func check(
    _ attempt: inout Attempt, _ phase: Range<Int>, _ rows: [CheckRow], _ machine: Machine,
    _ report: inout CheckReport
  ) -> Bool {
    var row = phase.lowerBound
    while row < phase.upperBound {
      if rows[row].needsDebug && !el2Debug {
        row += 1
        continue
      }
      let group = groupEnd(from: row, phase.upperBound, rows)
      report.decidingRow = group - 1
      report.outcome = .passed
      let (failing, finding) = judge(row..<group, rows, &attempt, machine)
      if case .holds = finding {
        row = group
        continue
      }
      report.decidingRow = failing
      return fail(&attempt, rows[failing], failing, finding, &report)
    }
    return true
  }

  /// Where the rows that are judged together for each page end.
  private func groupEnd(from row: Int, _ end: Int, _ rows: [CheckRow]) -> Int {
    guard rows[row].isPerPage else { return row + 1 }
    var next = row + 1
    while next < end, rows[next].isPerPage, rows[next].subject == rows[row].subject,
      el2Debug || !rows[next].needsDebug
    {
      next += 1
    }
    return next
  }

  /// Books a failure; false if the operation ends with it.
  private func fail(
    _ attempt: inout Attempt, _ rule: CheckRow, _ row: Int, _ finding: Finding, _ report: inout CheckReport
  ) -> Bool {
    report.outcome = .failed
    report.result = rule.errno
    switch finding {
    case .fails(let page, let level, let found):
      report.page = page.map { PageFrame($0) }
      report.found = found
      report.level = level
    case .faults:
      report.result = 0
      report.outcome = .unknown
      attempt.result.fatal = .fault
      return false
    case .outside: report.result = Errno.outOfRange
    case .noTable: report.result = Errno.invalid
    case .holds: return true
    }
    switch rule.failure {
    case .leavePhase:
      report.outcome = .passed
      return true
    case .warnAndGoOn:
      attempt.result.warnings += rule.warnings
      attempt.result.fatal = .warning
      return true
    case .warnAndRefuse:
      attempt.result.warnings += rule.warnings
      attempt.result.fatal = .warning
    case .refuse: break
    case .finish:
      attempt.result.value = 0
      return false
    }
    attempt.result.value = report.result
    attempt.result.failedCheck = row
    attempt.result.failedPage = report.page
    attempt.result.failedLevel = report.level
    attempt.result.found = report.found
    return false
  }
}

// Why: the judge: the engine does what the kernel's own code did, and everything that was seen of that is
// compared. What tables look like is counted apart, because ownership does not depend on it.

package import PageOwnership

/// A disagreement between the engine and a vector.
package struct VectorDisagreement: Hashable, Sendable {
  /// The case.
  package var name: String
  /// The operation's place in the case.
  package var index: Int
  /// The operation as written.
  package var operation: String
  /// What differs: `result`, `fatal`, `warnings`, `changes`, `phases`, `failure`, `final`, `physical`, `tables`.
  package var what: String
  /// What the kernel's code did.
  package var expected: String
  /// What the engine did.
  package var found: String
}

/// What came of judging cases.
package struct VectorVerdict: Hashable, Sendable {
  /// Cases that were judged.
  package var cases = 0
  /// Operations that were judged.
  package var operations = 0
  /// Operations that agree in result, warnings, ownership, failing page and phases.
  package var agreeing = 0
  /// Operations that differ in any of these, and final states that differ.
  package var differing = 0
  /// Always 0: vectors have one CPU.
  package var racy = 0
  /// Operations that neither the rules nor the harness know.
  package var unsupported = 0
  /// Operations whose tables and table pages agree.
  package var physicalAgreeing = 0
  /// Operations whose tables or table pages differ.
  package var physicalDiffering = 0
  /// The first disagreements, as many as were asked for.
  package var disagreements: [VectorDisagreement] = []

  /// Nothing judged yet.
  package init() {}

  /// Adds another verdict; keeps at most `limit` disagreements.
  package mutating func add(_ other: VectorVerdict, limit: Int = 20) {
    cases += other.cases
    operations += other.operations
    agreeing += other.agreeing
    differing += other.differing
    racy += other.racy
    unsupported += other.unsupported
    physicalAgreeing += other.physicalAgreeing
    physicalDiffering += other.physicalDiffering
    disagreements += other.disagreements.prefix(max(0, limit - disagreements.count))
  }
}

/// Judges the rules of a generation by vectors.
package struct VectorJudge: Sendable {
  private let start: VectorStart
  /// How many disagreements of one case are kept.
  package var limit = 20

  /// A judge of cases that begin with a machine.
  package init(_ start: VectorStart) { self.start = start }

  /// Runs a case and compares each operation and the final state.
  package func judge(_ vector: VectorCase) -> VectorVerdict {
    var verdict = VectorVerdict()
    verdict.cases = 1
    var harness = VectorHarness(start, el2Debug: vector.el2Debug)
    let first = harness.machine
    for (index, operation) in vector.operations.enumerated() {
      let before = harness.machine
      if operation.isUnrecorded {
        _ = harness.run(operation.name, operation.arguments)
        continue
      }
      verdict.operations += 1
      guard let result = harness.run(operation.name, operation.arguments) else {
        verdict.unsupported += 1
        continue
      }
      var notes = Notes(name: vector.name, index: index, operation: operation, limit: limit)
      compare(result, operation, before, harness, &notes)
      if notes.isDifferent { verdict.differing += 1 } else { verdict.agreeing += 1 }
      if operation.physicalChanges != nil {
        if notes.isPhysicallyDifferent { verdict.physicalDiffering += 1 } else { verdict.physicalAgreeing += 1 }
      }
      verdict.disagreements += notes.list.prefix(max(0, limit - verdict.disagreements.count))
    }
    compareFinal(vector, first, harness, &verdict)
    return verdict
  }

  private func view(_ machine: Machine) -> MachineView {
    MachineView(machine, shape: start.shape, encoding: start.rules.encoding)
  }

  private func compare(
    _ result: OperationResult, _ operation: VectorOperation, _ before: Machine, _ harness: VectorHarness,
    _ notes: inout Notes
  ) {
    notes.compare("result", operation.result, result.value)
    notes.compare("warnings", operation.warnings, Int64(result.warnings))
    let fatal = result.fatal == .bug ? "bug" : result.fatal == .fault ? "fault" : nil
    notes.compare("fatal", operation.fatal, fatal)
    notes.compare("failure", operation.failure, harness.watcher.failure)
    let phases = harness.watcher.phases
    let listed = Array(phases.prefix(operation.phases.count))
    notes.compare("phases", operation.phases, listed)
    notes.compare("omitted phases", operation.omittedPhases, Int64(phases.count - listed.count))
    guard operation.changes != nil || operation.physicalChanges != nil else { return }
    let difference = MachineDifference(old: view(before), new: view(harness.machine), pools: start.pools)
    if let changes = operation.changes {
      notes.compare("changes", Self.sorted(changes), Self.sorted(difference.logical()))
    }
    if let changes = operation.physicalChanges {
      notes.compare("physical", Self.sorted(changes), Self.sorted(difference.physical()))
    }
    if let pages = operation.tablePages {
      let (old, new) = (before.freeTables, harness.machine.freeTables)
      notes.compare("tables", pages, [Int64(old.host - new.host), Int64(old.hyp - new.hyp)])
    }
  }

  private func compareFinal(
    _ vector: VectorCase, _ first: Machine, _ harness: VectorHarness, _ verdict: inout VectorVerdict
  ) {
    var notes = Notes(
      name: vector.name, index: vector.operations.count, operation: VectorOperation(name: "final", arguments: []),
      limit: limit)
    if let final = vector.final {
      let found = MachineDifference(old: view(first), new: view(harness.machine), pools: start.pools).listing()
      notes.compare("final", Self.sorted(final), Self.sorted(found))
    }
    if let free = vector.freeTables {
      let found = harness.machine.freeTables
      notes.compare("tables", free, [Int64(found.host), Int64(found.hyp)])
    }
    if notes.isDifferent { verdict.differing += 1 }
    if notes.isPhysicallyDifferent { verdict.physicalDiffering += 1 }
    verdict.disagreements += notes.list.prefix(max(0, limit - verdict.disagreements.count))
  }

  private static func sorted(_ deltas: [VectorDelta]) -> [VectorDelta] {
    deltas.sorted { ($0.table, $0.first) < ($1.table, $1.first) }
  }

  private static func sorted(_ ranges: [VectorRange]) -> [VectorRange] {
    ranges.sorted { ($0.table, $0.first) < ($1.table, $1.first) }
  }
}

/// The differences of one operation.
private struct Notes {
  let name: String
  let index: Int
  let operation: VectorOperation
  let limit: Int
  var list: [VectorDisagreement] = []
  var isDifferent = false
  var isPhysicallyDifferent = false

  mutating func compare<Value: Equatable>(_ what: String, _ expected: Value?, _ found: Value?) {
    guard expected != found else { return }
    if what == "physical" || what == "tables" { isPhysicallyDifferent = true } else { isDifferent = true }
    guard list.count < limit else { return }
    list.append(
      VectorDisagreement(
        name: name, index: index, operation: ([operation.name] + operation.arguments).joined(separator: " "),
        what: what, expected: expected.map { "\($0)" } ?? "none", found: found.map { "\($0)" } ?? "none"))
  }
}

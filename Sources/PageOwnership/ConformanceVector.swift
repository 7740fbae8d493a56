// Why: what the kernel's own code did in a harness, as plain values: the measure of every rule. Capture
// reads them, TransitionRules is judged by them, and neither knows the other. Words stay as the files write
// them, because the files are the measure.

/// A stretch of pages of one table in one state, as vectors write it.
package struct VectorRange: Hashable, Sendable {
  /// The table: `host`, `hyp`, `ref`, `gsc`, `g0` …
  package var table: String
  /// The first page.
  package var first: UInt64
  /// How many pages.
  package var count: UInt64
  /// The state: `O`, `N1`, `B@0x41300`, `O:v.rwx@3` …
  package var state: String

  /// Makes a range.
  package init(table: String, first: UInt64, count: UInt64, state: String) {
    self.table = table
    self.first = first
    self.count = count
    self.state = state
  }
}

/// A change of a stretch of pages, as vectors write it.
package struct VectorDelta: Hashable, Sendable {
  /// The table.
  package var table: String
  /// The first page.
  package var first: UInt64
  /// How many pages.
  package var count: UInt64
  /// The state before.
  package var old: String
  /// The state after.
  package var new: String

  /// Makes a delta.
  package init(table: String, first: UInt64, count: UInt64, old: String, new: String) {
    self.table = table
    self.first = first
    self.count = count
    self.old = old
    self.new = new
  }
}

/// A step that was executed.
package struct VectorPhase: Hashable, Sendable {
  /// `check_source`, `apply_target` … up to 6.13; `direct` for everything else.
  package var phase: String
  /// `host`, `hyp` or `guest`.
  package var component: String
  /// What the step returned.
  package var result: Int64
  /// What it did: `check`, `map`, `owner` …
  package var step: String
  /// What it asked for or wrote; empty for nothing.
  package var wanted: String

  /// Makes a phase.
  package init(_ phase: String, _ component: String, _ result: Int64, _ step: String, _ wanted: String) {
    self.phase = phase
    self.component = component
    self.result = result
    self.step = step
    self.wanted = wanted
  }
}

/// The first page that did not meet a state check.
package struct VectorFailure: Hashable, Sendable {
  /// `host`, `hyp` or `guest`.
  package var table: String
  /// The page; a gfn in a guest.
  package var page: UInt64
  /// The level of the leaf that was judged.
  package var level: Int64
  /// The state found and the state wanted.
  package var found: String
  /// The state wanted.
  package var wanted: String

  /// Makes a failure.
  package init(table: String, page: UInt64, level: Int64, found: String, wanted: String) {
    self.table = table
    self.page = page
    self.level = level
    self.found = found
    self.wanted = wanted
  }
}

/// One operation of a case with everything that was seen of it.
package struct VectorOperation: Hashable, Sendable {
  /// Its name; most are those of ``Operation``.
  package var name: String
  /// Its arguments as written.
  package var arguments: [String]
  /// What it returned; nil if it was fatal.
  package var result: Int64?
  /// `bug` or `fault`; nil if it returned.
  package var fatal: String?
  /// How many warnings were hit.
  package var warnings: Int64 = 0
  /// Logical changes; nil if none were recorded.
  package var changes: [VectorDelta]?
  /// Physical changes; nil if none were recorded.
  package var physicalChanges: [VectorDelta]?
  /// What was executed, in order.
  package var phases: [VectorPhase] = []
  /// How many more phases were executed than are listed.
  package var omittedPhases: Int64 = 0
  /// The first failing page of a state check.
  package var failure: VectorFailure?
  /// Whether it only prepares the state, and nothing was recorded of it.
  package var isUnrecorded: Bool { result == nil && fatal == nil }
  /// Table pages taken by the host's stage 2 and by the hypervisor's stage 1.
  package var tablePages: [Int64]?

  /// Makes an operation; the rest is set as read.
  package init(name: String, arguments: [String]) {
    self.name = name
    self.arguments = arguments
  }
}

/// A sequence of operations from the initial state.
package struct VectorCase: Hashable, Sendable {
  /// Its name.
  package var name: String
  /// Whether EL2 debugging was built in.
  package var el2Debug: Bool
  /// The operations, in order.
  package var operations: [VectorOperation]
  /// The logical state at the end; nil after a fatal operation.
  package var final: [VectorRange]?
  /// Table pages free at the end: host, hypervisor; nil if not recorded.
  package var freeTables: [Int64]?

  /// Makes a case.
  package init(
    name: String, el2Debug: Bool, operations: [VectorOperation], final: [VectorRange]? = nil, freeTables: [Int64]? = nil
  ) {
    self.name = name
    self.el2Debug = el2Debug
    self.operations = operations
    self.final = final
    self.freeTables = freeTables
  }
}

/// The machine that vectors start from.
package struct VectorMachine: Hashable, Sendable {
  /// The harness's name of the generation: `G0` …
  package var generation: String
  /// Memory.
  package var regions: [Region] = []
  /// The logical and physical state of every table, by build (EL2 debugging off, on).
  package var logical: [Bool: [VectorRange]] = [:]
  /// The same as tables show it.
  package var physical: [Bool: [VectorRange]] = [:]
  /// The pages of the hypervisor's pools: stage 1, stage 2.
  package var pools: [PageRange] = []
  /// Table pages free at the start, where the file says so: host, hypervisor.
  package var freeTables: [Int64]?
  /// What the hypervisor's linear map adds to a physical address.
  package var hypOffset: UInt64?
  /// The guests: handle, and whether it is protected.
  package var guests: [(handle: UInt16, isProtected: Bool)] { zip(handles, protections).map { ($0, $1) } }
  /// The handles of the guests.
  package var handles: [UInt16] = []
  /// Which guests are protected.
  package var protections: [Bool] = []
  /// Pages in the memcache of each guest's vCPU.
  package var memcachePages: Int64 = 0

  /// A machine of which nothing was read yet.
  package init(generation: String) { self.generation = generation }
}

// As the files write them, so that a disagreement is found in them by searching.

extension VectorRange: CustomStringConvertible {
  /// `host 0x41300+1 S`.
  package var description: String { "\(table) \(VectorText.pages(first, count)) \(state)" }
}

extension VectorDelta: CustomStringConvertible {
  /// `host 0x41300+1 O→S`.
  package var description: String { "\(table) \(VectorText.pages(first, count)) \(old)→\(new)" }
}

extension VectorPhase: CustomStringConvertible {
  /// `check_source host check O: 0`.
  package var description: String {
    "\(phase) \(component) \(step)" + (wanted.isEmpty ? "" : " \(wanted)") + ": \(result)"
  }
}

extension VectorFailure: CustomStringConvertible {
  /// `host 0x41300 level 3: S, wanted O`.
  package var description: String {
    "\(table) 0x\(String(page, radix: 16)) level \(level): \(found), wanted \(wanted)"
  }
}

private enum VectorText {
  static func pages(_ first: UInt64, _ count: UInt64) -> String { "0x\(String(first, radix: 16))+\(count)" }
}

// Why: all rules of one kernel era as one value. A generation is its parent plus the lines that differ, so
// that reading Generations/ is reading the history of the specification. A value, so that a test may change
// a line and see who notices.

package import PageOwnership
package import PageTables

/// The rules of one generation.
package struct RuleBook: Sendable {
  /// Whose rules these are.
  package let generation: Generation
  /// Where this generation keeps what.
  package let encoding: TableEncoding
  /// What no row of the table can say.
  package var traits: GenerationTraits
  private var table: [Operation: OperationRules] = [:]

  init(_ generation: Generation, _ traits: GenerationTraits) {
    self.generation = generation
    self.encoding = TableEncoding(generation)
    self.traits = traits
  }

  /// A successor that begins with the rules of its parent.
  init(_ generation: Generation, after parent: RuleBook) {
    self.init(generation, parent.traits)
    table = parent.table
  }

  /// The rules of an operation; nil if the generation does not have it.
  package subscript(operation: Operation) -> OperationRules? {
    get { table[operation] }
    set { table[operation] = newValue }
  }

  /// The operations that this generation has, in the order of the vocabulary.
  package var operations: [Operation] { Operation.allCases.filter { table[$0] != nil } }

  /// The rules of a generation.
  package static func of(_ generation: Generation) -> RuleBook {
    switch generation {
    case .linux6_1: linux6_1
    case .linux6_2: linux6_2
    case .linux6_4: linux6_4
    case .linux6_14: linux6_14
    case .linux6_16: linux6_16
    case .linux6_18: linux6_18
    case .linux7_1: linux7_1
    }
  }

  /// Changes the rules of an operation that exists; does nothing for others.
  package mutating func amend(_ operation: Operation, _ change: (inout OperationRules) -> Void) {
    guard var rules = table[operation] else { return }
    change(&rules)
    table[operation] = rules
  }

  mutating func add(_ rules: OperationRules) { table[rules.operation] = rules }
}

/// What differs between generations and is not a matter of one operation's rows.
package struct GenerationTraits: Hashable, Sendable {
  /// Memory that the kernel must not map (NOMAP) changes hands like other memory (6.1).
  package var nomapIsMemory = false
  /// Whether the caller of `host_fault` panics when a page is somebody else's (up to 6.18), or gives the fault back to
  /// the host. The operation itself returns `-EPERM` in both.
  package var foreignFaultIsFatal = true
  /// Whether loops over the metadata count pages, so that a size of nearly 2^64 runs on until something stops it; else
  /// they compare addresses and end at once.
  package var countsFrames = false
  /// Whether the host becomes an owner by a mapping, or by an empty leaf that is filled when it is touched.
  package var mapsReturnedPages = false
  /// What adding permissions to an unmapped guest address returns.
  package var relaxOnUnmapped: Int64 = 0
  /// The bits of the protection argument: execute, write, read (`enum kvm_pgtable_prot`).
  package var protection = ProtectionBits.narrow
}

/// The numbers of the protection argument (spec §6).
package struct ProtectionBits: Hashable, Sendable {
  /// Which bits allow execution, at either level.
  package var execute: UInt64
  /// The bit that allows writing.
  package var write: UInt64
  /// The bit that allows reading.
  package var read: UInt64

  /// Up to 6.18: one bit for execution.
  package static let narrow = ProtectionBits(execute: 1, write: 2, read: 4)
  /// Since 7.1: two bits for execution.
  package static let wide = ProtectionBits(execute: 3, write: 4, read: 8)

  /// All that a guest may ask for.
  package var all: UInt64 { execute | write | read }
}

// Why: which sealed ranges go, before anything is written: what was asked for, and how far back the cut must move so
// that it lies inside no transition. Not here: dropping (JournalWriter+Prune), how it is told (CustodyCLI).

package import PageOwnership

/// How much of a journal is to stay.
package enum PruneLimit: Hashable, Sendable {
  /// At least the last so many entries.
  case entries(Int64)
  /// At least what was recorded in the last so many nanoseconds.
  case age(Int64)
  /// What fits into so many bytes, as far as that can be told.
  case bytes(Int64)
  /// This entry and everything behind it.
  case from(SequenceNumber)
}

/// What pruning a journal would drop.
package struct PrunePlan: Hashable, Sendable {
  /// A transition that a cut must not divide.
  package struct Blocker: Hashable, Sendable {
    /// The transition.
    package var id: ActionID
    /// Its first entry.
    package var first: SequenceNumber
    /// Its last entry; nil if it never ended, or in a panic.
    package var last: SequenceNumber?

    /// Whether a cut would divide it.
    func contains(_ cut: SequenceNumber) -> Bool { first <= cut && last.map { $0 > cut } ?? true }
  }

  /// The first entry that is there now.
  package var first: SequenceNumber
  /// The last entry of the journal.
  package var head: SequenceNumber
  /// The last entry to drop; nil if nothing goes.
  package var cut: SequenceNumber?
  /// The seal that the limit asks for; nil if there is none.
  package var wanted: SequenceNumber?
  /// The transition because of which ``cut`` lies before ``wanted``.
  package var blocker: Blocker?
  /// Transitions, observed snapshots, names and saved violations that go.
  package var transitions: Int64 = 0, snapshots: Int64 = 0, names: Int64 = 0, violations: Int64 = 0
  /// Calls that had not returned at the cut: they stay with their begins.
  package var openCalls: Int64 = 0
  /// The bytes of the file.
  package var byteCount: Int64
  /// About how many there will be.
  package var byteCountAfter: Int64
  /// Whether there is an index, to be made anew.
  package var hasIndex = false

  /// How many entries go.
  package var entries: Int64 { cut.map { $0.rawValue &- first.rawValue &+ 1 } ?? 0 }
}

extension JournalReader {
  /// Plans a prune.
  ///
  /// - Throws: ``JournalError``: `invalid` for a journal that is not complete or tells no times; `corrupt`, `io`.
  package func prunePlan(_ limit: PruneLimit) throws(JournalError) -> PrunePlan {
    guard try connection.hasSeals() else {
      throw JournalError(
        .invalid, "\(path) is of an older schema and has no seals", hint: "`custody migrate` seals what it holds")
    }
    guard try isComplete() else {
      throw JournalError(
        .invalid, "\(path): the import is incomplete, and to go on it needs the beginning",
        hint: "`custody import --resume` goes on with it")
    }
    let size = try JournalSize(self)
    var plan = PrunePlan(
      first: try firstSeq(), head: try headSeq(), byteCount: size.byteCount, byteCountAfter: size.byteCount)
    plan.hasIndex = try indexedSeq() != nil
    let before = plan.first.rawValue &- 1
    // A seal stands where another entry follows.
    let lastSeal = (plan.head.rawValue &- 1) / Seal.interval * Seal.interval
    let end = min(try end(limit, plan, size), lastSeal) / Seal.interval * Seal.interval
    guard end > before else { return plan }
    plan.wanted = SequenceNumber(end)
    if case .bytes = limit { try moveOn(&plan, from: end, through: lastSeal) }
    if plan.cut == nil { try moveBack(&plan, from: end) }
    guard let cut = plan.cut else { return plan }
    try count(&plan, through: cut.rawValue)
    plan.byteCountAfter = size.after(plan.entries)
    return plan
  }

  // The last entry that may go.
  private func end(_ limit: PruneLimit, _ plan: PrunePlan, _ size: JournalSize) throws(JournalError) -> Int64 {
    switch limit {
    case .entries(let count): return plan.head.rawValue &- min(max(0, count), plan.head.rawValue)
    case .from(let seq): return max(0, seq.rawValue &- 1)
    case .bytes(let count):
      let needed = size.entries(over: count)
      let (sum, overflow) = (plan.first.rawValue &- 1).addingReportingOverflow(needed)
      return overflow ? plan.head.rawValue : min(sum, plan.head.rawValue) &+ Seal.interval &- 1
    case .age(let nanoseconds):
      guard let last = try connection.number("SELECT max(time) FROM entry_row") else {
        throw JournalError(.invalid, "\(path): no entry tells a time", hint: "say how many entries are to stay")
      }
      let (since, overflow) = last.subtractingReportingOverflow(max(0, nanoseconds))
      guard !overflow else { return 0 }
      let first = try connection.number(
        "SELECT min(seq) FROM entry_row WHERE seq >= \(plan.first.rawValue) AND time >= \(since)")
      return max(0, (first ?? 1) &- 1)
    }
  }

  // Transitions that a seal lies inside; what never ended reaches to the end.
  private func blockers(through end: Int64) throws(JournalError) -> [PrunePlan.Blocker] {
    let rows = try Cursor(
      connection,
      """
      SELECT t.id, t.first_seq, iif(e.outcome IN (19, 20), NULL, e.last_seq) AS last
      FROM transition_row t LEFT JOIN transition_end e ON e.id = t.id
      WHERE t.first_seq <= ?1 AND ifnull((last - 1) / ?2 * ?2 >= t.first_seq, 1)
      """, of: "transition")
    rows.restart(end, Seal.interval)
    var blockers: [PrunePlan.Blocker] = []
    while try rows.step() {
      blockers.append(
        PrunePlan.Blocker(
          id: ActionID(rows.number(0)), first: SequenceNumber(rows.number(1)),
          last: rows.optionalNumber(2).map { SequenceNumber($0) }))
    }
    return blockers.sorted { $0.first < $1.first }
  }

  private func moveBack(_ plan: inout PrunePlan, from end: Int64) throws(JournalError) {
    var cut = SequenceNumber(end)
    for blocker in try blockers(through: end).reversed() where blocker.contains(cut) {
      plan.blocker = plan.blocker ?? blocker
      cut = SequenceNumber((blocker.first.rawValue &- 1) / Seal.interval * Seal.interval)
    }
    if cut >= plan.first { plan.cut = cut }
  }

  // Where the rest must fit, rather more goes than less.
  private func moveOn(_ plan: inout PrunePlan, from end: Int64, through lastSeal: Int64) throws(JournalError) {
    var cut = SequenceNumber(end)
    for blocker in try blockers(through: lastSeal) where blocker.contains(cut) {
      guard let last = blocker.last else { return }
      cut = SequenceNumber((last.rawValue &+ Seal.interval &- 1) / Seal.interval &* Seal.interval)
    }
    if cut.rawValue <= lastSeal { plan.cut = cut }
  }

  private func count(_ plan: inout PrunePlan, through cut: Int64) throws(JournalError) {
    func number(_ sql: String) throws(JournalError) -> Int64 {
      try connection.number("SELECT count(*) FROM " + sql) ?? 0
    }
    plan.transitions = try number("transition_row WHERE first_seq <= \(cut)")
    plan.snapshots = try number("snapshot WHERE seq <= \(cut) AND origin = 'observed'")
    plan.openCalls = try number(
      """
      activation_row a LEFT JOIN activation_end e ON e.id = a.id
      WHERE a.first_seq <= \(cut) AND ifnull(e.last_seq > \(cut), 1)
      """)
    if try schemaVersion() >= 4 { plan.names = try number("bookmark WHERE seq < \(cut)") }
    if try auditedSeq() != nil { plan.violations = try number("violation") }
  }
}

/// How large a journal is, and what entries take of it.
private struct JournalSize {
  /// The bytes of the file.
  var byteCount: Int64
  private var freeBytes: Int64
  // What the tables take that grow with the entries.
  private var growing: Double
  private var entryCount: Int64

  private static let lasting: Set<String> = [
    "sqlite_schema", "fact", "region", "space_row", "space_end", "site", "anchor", "bookmark", "import_state",
    "writer_state", "seal_tail", "ownership_index", "audit_run",
  ]

  init(_ reader: JournalReader) throws(JournalError) {
    let pageSize = try reader.number("PRAGMA page_size") ?? 0
    byteCount = (try reader.number("PRAGMA page_count") ?? 0) &* pageSize
    freeBytes = (try reader.number("PRAGMA freelist_count") ?? 0) &* pageSize
    let tables = try reader.tableSizes()
    let lasting = tables.filter { Self.lasting.contains($0.table) }.reduce(0) { $0 &+ $1.byteCount }
    growing = Double(byteCount &- freeBytes &- lasting)
    entryCount = max(1, try reader.headSeq().rawValue &- reader.firstSeq().rawValue &+ 1)
  }

  /// About the bytes of the file without so many entries.
  func after(_ entries: Int64) -> Int64 {
    byteCount &- freeBytes &- Int64(growing * Double(entries) / Double(entryCount))
  }

  /// About how many entries must go so that the rest fits.
  func entries(over limit: Int64) -> Int64 {
    let excess = Double(byteCount &- freeBytes) - Double(max(0, limit))
    guard excess > 0 else { return 0 }
    guard growing > 0 else { return entryCount }
    return Int64(min(Double(entryCount), (excess / growing * Double(entryCount)).rounded(.up)))
  }
}

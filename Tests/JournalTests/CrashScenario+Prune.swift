// Why: pruning drops, vacuums and ends: the power may go and the disk may fail anywhere between. Not here: the other
// scenarios.

import PageOwnership

@testable import Journal

extension CrashScenario {
  /// A sealed range is dropped, then the file is made smaller, then the journal is closed.
  static let prune = CrashScenario(name: "prune", prepare: sealed) { session in
    try session.writing(ends: true) { writer in
      try writer.prune(PrunedJournal.machine(1024))
      session.acknowledge()
      try writer.shrink()
      session.acknowledge()
    }
  }

  // A closed journal whose first seal has entries behind it.
  private static func sealed(_ path: String) throws {
    let writer = try JournalWriter.create(at: path, facts: SampleJournal.facts)
    try writer.append(CrashRows.batch(after: SequenceNumber(0), 12))
    var more = EntryBatch()
    // The site of a store: marks would stay.
    more.entries = (13...1030).map { Entry(seq: SequenceNumber($0), site: SiteID(rawValue: 2)) }
    try writer.append(more)
    try writer.close()
  }
}

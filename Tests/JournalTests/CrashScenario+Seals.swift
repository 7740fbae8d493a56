// Why: seals are due at fixed numbers of entries, and a key moves on with each of them in a file of its own: neither
// may be behind the other for good, wherever the power goes. Not here: what a seal says (`SealTests.swift`).

import PageOwnership

@testable import Journal

extension CrashScenario {
  /// Groups that end before, at and behind entries at which a seal is due.
  static let seal = CrashScenario(name: "seal", prepare: almostSealed, run: sealing)

  /// The same with a key.
  static let sealWithKey = CrashScenario(
    name: "sealkey",
    prepare: { path in
      let first = SealKey()
      for name in ["key", "key-first"] {
        try SealKeyFile.create(first, at: SystemFiles.split(path).folder + "/" + name)
      }
      try almostSealed(path)
    }, run: sealing)

  /// The entries of a journal without seals are sealed.
  static let sealLate = CrashScenario(name: "seallate", prepare: { try first($0, entryCount: 2100) }) { session in
    try session.writing(ends: true) { writer in
      session.acknowledge()
      try session.group(writer, 4)
    }
  }

  private static func almostSealed(_ path: String) throws {
    let key = try FaultDisk.key(beside: path)
    let writer = try JournalWriter.create(at: path, facts: SampleJournal.facts, key: key)
    try writer.append(CrashRows.batch(after: SequenceNumber(0), 12))
    try writer.append(CrashRows.lean(after: writer.headSeq, 1008))
    try writer.close()
  }

  private static func sealing(_ session: CrashSession) throws {
    try session.writing(ends: true) { writer in
      try session.group(writer, 4)
      try session.group(writer, 3)
      try writer.append(CrashRows.lean(after: writer.headSeq, 1030))
      try writer.commit()
      session.acknowledge()
    }
  }
}

extension CrashRows {
  /// Entries that follow `head` and say nothing but that they are there.
  static func lean(after head: SequenceNumber, _ count: Int64) -> EntryBatch {
    var batch = EntryBatch()
    for number in head.rawValue + 1...head.rawValue + count {
      var entry = Entry(seq: SequenceNumber(number), site: SiteID(rawValue: 1))
      entry.sourceIndex = number - 1
      batch.entries.append(entry)
    }
    return batch
  }
}

// Why: after a crash a journal of 1 GB is to open within 50 ms, and one of any other length too. The log is as long
// as it may get before it is copied: that, and not the journal, is what opening has to read.

import Glibc
import Journal
import PageOwnership

/// What opening after a crash costs.
struct Reopening {
  /// Nanoseconds: CPU and time on the wall, the least and the most of some rounds.
  private(set) var leastCPU: Int64 = .max, leastWall: Int64 = .max, mostWall: Int64 = 0
  private(set) var entryCount: Int64 = 0, byteCount: Int64 = 0, logByteCount: Int64 = 0

  /// What was measured, in words.
  var words: String {
    """
    reopen   \(Clock.milliseconds(leastCPU)) CPU, \(Clock.milliseconds(leastWall)) to \(Clock.milliseconds(mostWall)) \
    on the wall
    journal  \(entryCount) entries, \(byteCount) bytes; log \(logByteCount) bytes
    """
  }

  /// Crashes and opens again.
  static func run(journal path: String, rounds: Int) throws -> Reopening {
    var result = Reopening()
    var writer = try JournalWriter.open(at: path, keepsCopy: false)
    for round in 0..<max(1, rounds) {
      // About 15 MiB, just less than what is copied into the database.
      for _ in 0..<15 { try append(to: writer, after: JournalReader(at: path)) }
      writer.abandon()
      result.byteCount = size(path)
      result.logByteCount = size(path + "-wal")
      let (cpu, wall) = (Clock.cpu(), Clock.wall())
      writer = try JournalWriter.open(at: path)
      result.leastCPU = min(result.leastCPU, Clock.cpu() - cpu)
      result.leastWall = min(result.leastWall, Clock.wall() - wall)
      result.mostWall = max(result.mostWall, Clock.wall() - wall)
      result.entryCount = writer.resume.headSeq.rawValue
      guard round + 1 < rounds else { break }
      try writer.close()
      writer = try JournalWriter.open(at: path)
    }
    try writer.close()
    return result
  }

  // A group of a thousand marks with long notes.
  private static func append(to writer: JournalWriter, after reader: JournalReader) throws {
    var batch = EntryBatch()
    var sites = try reader.sites().sites
    if !sites.contains(Site(.mark)) {
      sites.append(Site(.mark))
      batch.sites.append((SiteID(rawValue: Int32(clamping: sites.count)), Site(.mark)))
    }
    let site = SiteID(rawValue: Int32(clamping: (sites.firstIndex(of: Site(.mark)) ?? 0) + 1))
    let head = try reader.headSeq().rawValue
    for number in 1...1000 as ClosedRange<Int64> {
      var entry = Entry(seq: SequenceNumber(head + number), site: site)
      entry.note = String(repeating: "x", count: 900)
      batch.entries.append(entry)
    }
    try writer.append(batch)
    try writer.commit()
  }

  private static func size(_ path: String) -> Int64 {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : 0
  }
}

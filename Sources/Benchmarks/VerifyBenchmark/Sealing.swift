// Why: seals and state hashes may cost 0.35 µs of CPU an entry. The chain of the same batches is computed once more
// beside the journal; it must come to the same head.

import Glibc
import Journal
import JournalGenerator
import PageOwnership

/// What seals cost an entry.
struct Sealing {
  /// Nanoseconds of CPU: the seals alone, appending with them.
  private(set) var seals: Int64 = 0, append: Int64 = 0
  private(set) var entryCount: Int64 = 0
  /// The heads that both came to.
  private(set) var head = "", journalHead = ""

  /// What was measured, in words.
  var words: String {
    let each = { (time: Int64) in "\(time / max(1, entryCount)) ns CPU an entry" }
    return """
      seals    \(each(seals)), state hashes included
      append   \(each(append)) with seals, \(each(append - seals)) without
      ratio    \(Clock.ratio(append, append - seals))
      head     \(head), in the journal \(journalHead)
      """
  }

  /// Makes a journal at `path` and measures in turn.
  static func run(at path: String, entryCount: Int) throws -> Sealing {
    var result = Sealing()
    var generator = JournalGenerator(seed: 1)
    let writer = try JournalWriter.create(at: path, facts: generator.facts)
    var pass = try SealPass(after: JournalReader(at: path))
    while result.entryCount < entryCount {
      let batch = generator.batch(entryCount: 10_000)
      result.entryCount += Int64(batch.entries.count)
      result.seals += try Clock.cpu { try pass.take(batch) }
      result.append += try Clock.cpu {
        try writer.append(batch)
        try writer.commit()
      }
    }
    try writer.close()
    result.head = pass.head
    result.journalHead = try JournalReader(at: path).sealTail()?.seal.head.description ?? "none"
    return result
  }
}

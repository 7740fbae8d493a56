// Why: what a search found, the same for all ways of searching: the entry with its transition and phase, the pages
// before and after, the call around it; or why no entry can be named.

import Analysis
import Journal
import PageOwnership

/// The words of a search.
struct BisectText {
  private let reader: JournalReader
  private let console: Console

  init(_ reader: JournalReader, _ console: Console) {
    self.reader = reader
    self.console = console
  }

  /// Tells what is wanted next; false if the search has ended. Throws a silent ``CommandFailure`` with status 1 if it
  /// ended without an answer.
  func tell(_ found: (next: BisectState.Next, words: String)) throws -> Bool {
    switch found.next {
    case .test(let seq):
      try console.write("next: entry \(seq.rawValue)\(try name(seq)); \(found.words)\n")
      try console.flush()
      return true
    case .believed(let seq, let belief):
      try console.write("entry \(seq.rawValue) is the first bad one, with confidence \(Int(belief * 100)) %\n")
      try show(seq)
    case .done(.first(let seq)):
      try console.write("entry \(seq.rawValue) is the first bad one, if what is bad stays bad\n")
      try show(seq)
    case .done(.oneOf(let good, let bad)):
      try console.write(
        "one of the entries \(good.rawValue + 1) to \(bad.rawValue) is the first bad one: those between were skipped\n")
      try fail()
    case .done(.alternates(let evidence)):
      try console.write("there is no first bad entry: what is bad does not stay bad\n")
      for pair in evidence.prefix(16) {
        try console.write("  entry \(pair.bad.rawValue)\(try name(pair.bad)) is bad, ")
        try console.write("entry \(pair.good.rawValue)\(try name(pair.good)) behind it is good\n")
      }
      try fail()
    }
    try console.flush()
    return false
  }

  private func fail() throws {
    try console.flush()
    throw CommandFailure.silent(ExitStatus.differences)
  }

  /// Shows an entry: its transition and phase, the pages before and after, the call around it.
  func show(_ seq: SequenceNumber) throws {
    var cursor = try StepCursor(reader)
    try cursor.move(to: seq)
    guard let stop = try cursor.stop() else { return }
    try StepText(cursor.context, console).write(stop, cursor)
  }

  // `, T5446.3 host_share_hyp`.
  private func name(_ seq: SequenceNumber) throws -> String {
    guard let cause = try CauseFinder(ShowContext(reader)).cause(at: seq), let transition = cause.transition else {
      return ""
    }
    return ", \(cause.name) \(transition.operation.rawValue)"
  }
}

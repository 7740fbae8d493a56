// Why: `snapshots.jsonl`, one snapshot at a time: lines with one number belong together, the first is the
// header. Not here: when a snapshot is due (RecordingImport).

package import PageOwnership
import PageTables

/// Reads the snapshots of a recording in order.
package final class SnapshotFile {
  private let reader: LineReader
  private let parser: JSONParser
  private let words: WordReader
  private var pending: RecordedSnapshot?
  private var pendingNumber: Int64 = 0
  /// Whether the rest of a snapshot is left out because a line of it could not be read.
  private var isSkipping = false
  private var lastAfterEvent = Int64.min
  /// A snapshot of more ranges than this is refused.
  private static let rangeLimit = 4_000_000

  /// Begins to read; `generation` says how words are decoded. Throws ``InputError``.
  package init(_ source: ByteSource, generation: Generation) throws(InputError) {
    reader = LineReader(source)
    parser = try JSONParser()
    words = WordReader(generation: generation)
  }

  /// The next snapshot; nil at the end.
  ///
  /// Throws ``InputError`` for a line that cannot be read. After ``InputError/Code/malformed`` the next call goes on
  /// with the snapshot behind the one that the line belongs to.
  package func next() throws(InputError) -> RecordedSnapshot? {
    while let line = try reader.next() {
      if line.bytes.isEmpty { continue }
      do throws(InputError) {
        if let finished = try take(line) { return finished }
      } catch {
        let isNews = !isSkipping
        pending = nil
        isSkipping = true
        if isNews { throw error }
      }
    }
    defer { pending = nil }
    return pending
  }

  private func take(_ line: Line) throws(InputError) -> RecordedSnapshot? {
    do throws(WordError) {
      return try take(parse(line))
    } catch {
      throw InputError(.malformed, error.message, file: reader.source.name, line: line.number, offset: line.offset)
    }
  }

  private func parse(_ line: Line) throws(WordError) -> JSONValue {
    do throws(InputError) {
      return try parser.parse(line)
    } catch {
      throw WordError(error.message)
    }
  }

  // Returns the snapshot before, when a header begins the next.
  private func take(_ value: JSONValue) throws(WordError) -> RecordedSnapshot? {
    guard let number = value["snap"]?.int64, let kind = value["kind"]?.string else {
      throw WordError("the line has no `snap` and `kind`")
    }
    switch kind {
    case "header":
      let finished = pending
      pending = try header(value)
      pendingNumber = number
      isSkipping = false
      return finished
    case "range" where isSkipping, "vmemmap" where isSkipping: break
    case "range": try addRange(value, number, try range(value))
    case "vmemmap": try addRange(value, number, try frames(value))
    default: throw WordError("unknown kind `\(kind.makeString())`")
    }
    return nil
  }

  private func addRange(_ value: JSONValue, _ number: Int64, _ range: RecordedSnapshotRange) throws(WordError) {
    guard pending != nil, number == pendingNumber else { throw WordError("a range without its header") }
    guard range.byteCount > 0, range.byteCount & 0xfff == 0, range.address & 0xfff == 0 else {
      throw WordError("a range is not whole pages")
    }
    guard pending?.ranges.count ?? 0 < Self.rangeLimit else { throw WordError("a snapshot has too many ranges") }
    pending?.ranges.append(range)
  }

  private func header(_ value: JSONValue) throws(WordError) -> RecordedSnapshot {
    guard let after = value["after_event"]?.int64, (-1...1 << 53).contains(after) else {
      throw WordError("the header has no `after_event`")
    }
    guard after >= lastAfterEvent else { throw WordError("snapshots are not in the order of events") }
    lastAfterEvent = after
    var registers = ""
    value["regs"]?.forEachField { name, register in
      guard let number = register.hex else { return }
      registers += (registers.isEmpty ? "" : " ") + name.makeString() + "=0x" + String(number, radix: 16)
    }
    var busy: [Int32] = []
    value["el2_busy_cpus"]?.forEachElement {
      if let cpu = $0.int64, (0..<65536).contains(cpu) { busy.append(Int32(cpu)) }
    }
    var guests: [(UInt16, Bool?)] = []
    value["vms"]?.forEachElement { guest in
      guard guest["reserved"]?.bool != true, let handle = guest["handle"]?.hex else { return }
      guests.append((UInt16(truncatingIfNeeded: handle), guest["protected"]?.bool))
    }
    return RecordedSnapshot(
      afterEvent: after, why: value["why"]?.makeString() ?? "", registers: registers, busyCPUs: busy,
      guests: guests.map { (handle: $0.0, isProtected: $0.1) })
  }

  private func range(_ value: JSONValue) throws(WordError) -> RecordedSnapshotRange {
    guard let name = value["table"]?.makeString(), let start = value["start"]?.hex, let length = value["len"]?.hex,
      let level = value["level"]?.int64, (0...3).contains(level), let raw = value["first"]?.hex,
      let entries = value["entries"]?.uint64
    else { throw WordError("the range lacks `table`, `start`, `len`, `level`, `entries` or `first`") }
    var handle: UInt16?
    let table: TableKind
    switch name {
    case "host_s2": table = .hostStage2
    case "hyp_s1": table = .hypStage1
    default:
      guard name.hasPrefix("guest_s2:0x"), let number = UInt16(name.dropFirst(11), radix: 16) else {
        throw WordError("`\(name)` is no table")
      }
      handle = number
      table = .guestStage2
    }
    let leaf = LeafWord(level: Int8(level), raw: raw)
    try words.check(value, leaf, table)
    let size = MachineImage.pagesPerLeaf(leaf.level) << 12
    guard entries.multipliedReportingOverflow(by: size) == (length, false) else {
      throw WordError("`entries` times the size of a leaf is not `len`")
    }
    return RecordedSnapshotRange(
      table: table, handle: handle, address: start, byteCount: length, level: leaf.level, raw: raw)
  }

  private func frames(_ value: JSONValue) throws(WordError) -> RecordedSnapshotRange {
    guard let start = value["start"]?.hex, let length = value["len"]?.hex else {
      throw WordError("the vmemmap run lacks `start` or `len`")
    }
    let word = try words.frame(value["raw"], "raw")
    try words.checkFrame(value, word)
    return RecordedSnapshotRange(
      table: .vmemmap, handle: nil, address: start, byteCount: length, level: 3, raw: word)
  }
}

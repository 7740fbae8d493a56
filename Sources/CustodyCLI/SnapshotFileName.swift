// Why: a snapshots file of a recording is read for what a machine's tables showed, without importing it. Not here:
// its lines (Capture), comparing (Analysis).

import Analysis
import Capture
import Glibc
import Journal
import PageOwnership
import PageTables

/// A snapshot in a file as the user names it: `snapshots.jsonl` for its last, `snapshots.jsonl#3` for its third.
struct SnapshotFileName: Equatable {
  /// The file.
  let path: String
  /// Which snapshot of the file, from 1, as an import would number it; nil for the last.
  let number: Int?

  /// Reads a name; a file that is called so as a whole comes first.
  init(_ text: String) {
    guard access(text, F_OK) != 0, let sign = text.lastIndex(of: "#"),
      let number = Int(text[text.index(after: sign)...])
    else {
      (path, self.number) = (text, nil)
      return
    }
    (path, self.number) = (String(text[..<sign]), number)
  }

  /// Whether there is such a file and it begins as snapshots do, plain or compressed: no journal does.
  var isThere: Bool {
    guard access(path, F_OK) == 0, let source = try? ByteSource(path: path), source.storedSize != nil else {
      return false
    }
    var first: UInt8 = 0
    let count = withUnsafeMutableBytes(of: &first) { try? source.read(into: $0) }
    return count == 1 && first == UInt8(ascii: "{")
  }

  /// Reads the snapshot. Throws `InputError`, or a ``CommandFailure`` with status 2 if the file has no such one.
  func read(_ generation: Generation) throws -> (snapshot: RecordedSnapshot, number: Int) {
    let file = try SnapshotFile(ByteSource(path: path), generation: generation)
    var found: RecordedSnapshot?
    var count = 0
    while count != number, let next = try file.next() {
      found = next
      count += 1
    }
    guard let found, number == nil || number == count else {
      throw CommandFailure(
        "\(DisplayText.escaped(path)) has \(count) snapshots\(number.map { ", and no number \($0)" } ?? "")",
        hint: "FILE#1 is the first, FILE alone the last", status: ExitStatus.usage)
    }
    return (found, count)
  }
}

/// What a snapshot of a file shows, in the terms of a journal of the same machine.
struct ObservedTable {
  /// What was held and counted.
  let ownership: OwnershipState
  /// The journal, which knows the guests too that only the file has: those with incarnation 0.
  let context: ShowContext
  /// `snapshot 3 of a.snapshots.jsonl, "mark 0x100"`.
  let words: String

  /// Reads a snapshot; its guests are those of the same handles that live in the journal right after `seq`.
  init(_ name: SnapshotFileName, _ context: ShowContext, at seq: SequenceNumber) throws {
    let (recorded, number) = try name.read(context.generation())
    let spaces = try context.reader.spaces().map(\.space)
    let lives = try context.reader.guestLives()
    var known: [UInt16: Space] = [:]
    for guest in recorded.guests where known[guest.handle] == nil {
      let handle = VMHandle(rawValue: guest.handle)
      let living = lives.guest(of: handle, at: seq).flatMap { id in spaces.first { $0.id == id } }
      known[guest.handle] =
        living
        ?? Space(
          id: SpaceID(rawValue: .max - Int32(guest.handle)), kind: .guest, handle: handle, incarnation: 0,
          isProtected: guest.isProtected)
    }
    let guests = known.values.sorted { $0.id < $1.id }
    var content = SnapshotImage(guests: guests.map(\.id))
    let ranges = recorded.ranges(
      numbered: Int64(number), hypVAOffset: context.facts.hypVAOffset.value ?? 0,
      // Of a guest that the header does not name, nothing is taken over.
      guest: { known[$0]?.id ?? .ffa })
    for range in ranges { content.add(range) }
    ownership = try SnapshotState.ownership(content, guests, context)
    var context = context
    context.add(guests)
    self.context = context
    let why = recorded.why.isEmpty ? "" : ", \(DisplayText.escaped(recorded.why))"
    words = "snapshot \(number) of \(DisplayText.escaped(name.path))\(why)"
  }
}

// Why: what `diff` compares: a moment of a journal or a snapshot, as typed, and the state that it means. Not here:
// rebuilding states (StateAt, SnapshotState).

import Glibc
import Journal
import PageOwnership

/// One side of a comparison as the user names it.
struct DiffPoint: Equatable {
  /// The journal's file; nil for the one of `-j`.
  var path: String?
  /// The moment; nil for the end, or where a snapshot is meant.
  var moment: PointInTime?
  /// The snapshot.
  var snapshot: SnapshotArgument?

  /// Reads a side. What is a moment is one; `isFile` tells what else there is. Nil if it is neither.
  init?(_ text: String, isFile: (String) -> Bool) {
    if take(text[...]) { return }
    if isFile(text) {
      path = text
      return
    }
    // A file may have the sign in its name, a moment begins with it.
    guard let sign = text.lastIndex(of: "@"), sign != text.startIndex else {
      guard text.contains("/") || text.hasSuffix(".db") else { return nil }
      path = text
      return
    }
    let last = text[text.index(after: sign)...]
    guard take(last) || take("@" + last) else { return nil }
    path = String(text[..<sign])
  }

  private mutating func take(_ text: Substring) -> Bool {
    let prefix = "snapshot:"
    if text.hasPrefix(prefix) { snapshot = SnapshotArgument(argument: String(text.dropFirst(prefix.count))) }
    if snapshot == nil { moment = PointInTime(argument: String(text)) }
    return snapshot != nil || moment != nil
  }
}

/// One side of a comparison.
final class DiffSide {
  /// The journal.
  let context: ShowContext
  /// The entry after which it holds; of an observed snapshot the one before its own, of one in a file -1.
  let seq: SequenceNumber
  /// What was held and counted.
  let ownership: OwnershipState
  /// What it is, in words.
  let words: String
  // Whether it is a snapshot of a file, of which no entry tells anything.
  private let isFile: Bool
  private let lives: [(space: Space, bornSeq: SequenceNumber, diedSeq: SequenceNumber?)]
  private var opened: (any HoldingSource)?

  private init(
    _ context: ShowContext, _ seq: SequenceNumber, _ ownership: OwnershipState, _ words: String, isFile: Bool = false
  ) throws {
    self.context = context
    self.seq = seq
    self.ownership = ownership
    self.words = words
    self.isFile = isFile
    lives = try context.reader.spaces().map { ($0.space, $0.bornSeq, $0.diedSeq) }
  }

  /// Rebuilds two sides. A snapshots file is read in the terms of the other side's journal, as of its moment.
  ///
  /// Throws a ``CommandFailure`` with status 2 for what is nothing, ``JournalError``.
  static func both(_ first: String, _ second: String, _ option: JournalOption) throws -> (DiffSide, DiffSide) {
    if let file = snapshotFile(first), snapshotFile(second) == nil {
      let after = try DiffSide(second, option, besides: nil)
      return (try DiffSide(file, option, besides: after), after)
    }
    let before = try side(first, option, besides: nil)
    return (before, try side(second, option, besides: before))
  }

  private static func side(_ text: String, _ option: JournalOption, besides other: DiffSide?) throws -> DiffSide {
    guard let file = snapshotFile(text) else { return try DiffSide(text, option, besides: other) }
    return try DiffSide(file, option, besides: other)
  }

  // What is named like a moment is one.
  private static func snapshotFile(_ text: String) -> SnapshotFileName? {
    if let point = DiffPoint(text, isFile: { _ in false }), point.path == nil { return nil }
    let file = SnapshotFileName(text)
    return file.isThere ? file : nil
  }

  // No entry made it so: it comes before all of them.
  private convenience init(_ file: SnapshotFileName, _ option: JournalOption, besides other: DiffSide?) throws {
    let journal = try other?.context ?? ShowContext(option.openReader())
    let seq = try other.flatMap { $0.isFile ? nil : $0.seq } ?? journal.reader.headSeq()
    let table = try ObservedTable(file, journal, at: seq)
    try self.init(table.context, SequenceNumber(-1), table.ownership, table.words, isFile: true)
  }

  private convenience init(_ text: String, _ option: JournalOption, besides other: DiffSide?) throws {
    guard let point = DiffPoint(text, isFile: { access($0, F_OK) == 0 }) else {
      throw CommandFailure(
        "\(DisplayText.escaped(text)) is no moment, no snapshot and no file",
        hint: "`custody diff --help` shows what can be compared", status: ExitStatus.usage)
    }
    let reader = try JournalReader(at: point.path ?? option.path)
    let context = try other.flatMap { $0.context.reader.path == reader.path ? $0.context : nil } ?? ShowContext(reader)
    let place = point.path.map { DisplayText.escaped($0) + " " } ?? ""
    if let name = point.snapshot {
      let snapshot = try SnapshotState(name, context)
      let seq = snapshot.header == nil ? snapshot.seq : SequenceNumber(max(0, snapshot.seq.rawValue - 1))
      let words = place + "snapshot \(name.text), entry \(snapshot.seq.rawValue)"
      try self.init(context, seq, snapshot.ownership, words)
    } else {
      let moment = try PointInTime.moment(point.moment, in: context.reader)
      try self.init(context, moment.seq, StateAt(context.reader).ownership(moment.seq), place + moment.words)
    }
  }

  /// Whether both are of one journal.
  func isOfSameJournal(as other: DiffSide) -> Bool { context.reader === other.context.reader }

  /// The numbers that the other side gives the spaces of this one: guests are the same by handle and incarnation.
  func counterparts(in other: DiffSide) -> [SpaceID: SpaceID] {
    let pairs = ownership.spaces.map { ($0, isOfSameJournal(as: other) ? $0 : counterpart(of: $0, in: other)) }
    return Dictionary(pairs) { first, _ in first }.compactMapValues { $0 }
  }

  private func counterpart(of id: SpaceID, in other: DiffSide) -> SpaceID? {
    guard id.isGuest, let space = lives.first(where: { $0.space.id == id })?.space else { return id }
    return other.lives.first {
      $0.space.id.isGuest && $0.space.handle == space.handle && $0.space.incarnation == space.incarnation
    }?.space.id
  }

  /// The entry of a guest's birth or death, the last of them on this side; nil if neither was seen.
  func lifeChange(of id: SpaceID) -> SequenceNumber? {
    guard let life = lives.first(where: { $0.space.id == id }) else { return nil }
    if let died = life.diedSeq, died <= seq { return died }
    return life.bornSeq <= seq && life.bornSeq.rawValue > 0 ? life.bornSeq : nil
  }

  /// The entry that made it so that a space holds a page as this side has it; nil if the journal tells none.
  func since(_ space: SpaceID, _ page: PageFrame) throws -> SequenceNumber? {
    guard !isFile else { return nil }
    let held = try source().held(space, page)
    return held.holding == ownership.holding(space, page) ? held.since : nil
  }

  /// The same of a counter.
  func since(_ field: StateField, _ page: PageFrame) throws -> SequenceNumber? {
    guard !isFile else { return nil }
    let found = try source().count(field, of: page)
    return found.count == (field == .pins ? ownership.pins(page) : ownership.shareCount(page)) ? found.since : nil
  }

  // One of two sources of one journal may be asked at a time: its transaction is held from question to question.
  private func source() throws -> any HoldingSource {
    if let opened { return opened }
    let source = try HoldingSources.source(of: context.reader, [], context.reader.guestLives(), at: seq)
    opened = source
    return source
  }

  /// Ends the transaction of the questions, so that entries can be read.
  func release() { opened?.release() }
}

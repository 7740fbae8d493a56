// Why: a snapshot of either kind as the same value: what is held in all spaces at that moment.

import Analysis
import Journal
import PageOwnership
import PageTables

/// A snapshot, rebuilt.
struct SnapshotState {
  /// The entry after which it holds.
  let seq: SequenceNumber
  /// What was held and counted.
  let ownership: OwnershipState
  /// The header of an observed one.
  let header: Snapshot?

  /// Rebuilds a snapshot. Throws a ``CommandFailure`` with status 2 if there is none, with 3 if it cannot be read.
  init(_ name: SnapshotArgument, _ context: ShowContext) throws {
    switch name {
    case .observed(let number): self = try Self.observed(number, context)
    case .own(let seq): self = try Self.own(seq, context.reader)
    }
  }

  private init(_ seq: SequenceNumber, _ ownership: OwnershipState, _ header: Snapshot?) {
    self.seq = seq
    self.ownership = ownership
    self.header = header
  }

  /// The observed snapshot of a number.
  static func header(_ number: Int64, _ reader: JournalReader) throws -> Snapshot {
    let all = try reader.snapshots().filter { $0.origin == .observed }
    guard let header = all.first(where: { $0.id == number }) else {
      let range = all.isEmpty ? "it has none" : "they are numbered \(all[0].id) to \(all[all.count - 1].id)"
      throw CommandFailure(
        "\(reader.path) has no observed snapshot \(number)", hint: "\(range); `custody snapshot list` tells more",
        status: ExitStatus.usage)
    }
    return header
  }

  private static func observed(_ number: Int64, _ context: ShowContext) throws -> SnapshotState {
    let reader = context.reader
    let header = try header(number, reader)
    let guests = try reader.spaces().map(\.space).filter { header.guests.contains($0.id) }
    var content = SnapshotImage(guests: header.guests)
    try reader.forEachSnapshotRange(of: number) { content.add($0) }
    return SnapshotState(header.seq, try ownership(content, guests, context), header)
  }

  /// What tables say of who holds what.
  static func ownership(
    _ content: SnapshotImage, _ guests: [Space], _ context: ShowContext
  ) throws -> OwnershipState {
    var image = MachineImage(generation: try context.generation(), regions: context.facts.regions.value ?? [])
    for guest in guests { image.addGuest(guest, isEmpty: true) }
    image.adopt(content, after: image.compare(with: content), keeping: [])
    return image.ownership
  }

  private static func own(_ seq: SequenceNumber, _ reader: JournalReader) throws -> SnapshotState {
    guard try reader.ownSnapshotSeq(through: seq) == seq else {
      throw CommandFailure(
        "\(reader.path) has no own snapshot at entry \(seq.rawValue)",
        hint: "`custody snapshot list` tells which it has",
        status: ExitStatus.usage)
    }
    guard let ownership = try StateAt(reader).own(seq) else {
      throw CommandFailure(
        "\(reader.path): the own snapshot at entry \(seq.rawValue) cannot be read",
        hint: "`custody verify` tells more", status: ExitStatus.corrupt)
    }
    return SnapshotState(seq, ownership, nil)
  }
}

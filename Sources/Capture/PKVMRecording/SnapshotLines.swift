// Why: a state is kept in the lines in which recorders write snapshots, so that whatever reads theirs reads ours.
// Raw words only: their decoded twins say nothing more. Not here: where the state comes from.

package import PageOwnership
import PageTables

/// The lines of one snapshot, as a `snapshots.jsonl` has them.
package struct SnapshotLines {
  /// Its number in the file.
  package var number: Int64 = 1
  /// The index of the last event before it; -1: it comes before all.
  package var afterEvent: Int64
  /// Why it was taken.
  package var why: String
  /// The CPUs that were inside a transition then.
  package var busyCPUs: [Int32]
  /// The guests that lived then.
  package var guests: [Space]
  /// The content; addresses of the hypervisor by the linear map.
  package var ranges: [SnapshotRange]
  /// What is added to an address of the hypervisor to get the physical one, modulo 2^64.
  package var hypVAOffset: UInt64
  /// Whose words they are.
  package var generation: Generation
  /// What nobody knows: pages of tables that are left out although they may not be empty. The header lists them.
  package var unknown: [SnapshotRange]

  /// Makes the lines of a state.
  package init(
    afterEvent: Int64, why: String, busyCPUs: [Int32], guests: [Space], ranges: [SnapshotRange], hypVAOffset: UInt64,
    generation: Generation, unknown: [SnapshotRange] = []
  ) {
    self.afterEvent = afterEvent
    self.why = why
    self.busyCPUs = busyCPUs
    self.guests = guests
    self.ranges = ranges
    self.hypVAOffset = hypVAOffset
    self.generation = generation
    self.unknown = unknown
  }

  /// Goes through the lines in order: the header, then a line a range, each with its newline.
  package func forEachLine(_ body: (String) throws -> Void) rethrows {
    try body(header)
    let handles = Dictionary(guests.map { ($0.id, $0.handle?.rawValue ?? 0) }) { first, _ in first }
    for range in ranges {
      try body(range.table == .vmemmap ? frames(range) : leaves(range, handles[range.space] ?? 0))
    }
  }

  private var header: String {
    let busy = busyCPUs.map { "\($0)" }.joined(separator: ",")
    let guests = self.guests.map { guest in
      let protected = guest.isProtected.map { ",\"protected\":\($0)" } ?? ""
      return "{\"handle\":\"\(Self.hex(UInt64(guest.handle?.rawValue ?? 0)))\"\(protected)}"
    }
    return "{\"snap\":\(number),\"kind\":\"header\",\"why\":\"\(Self.escaped(why))\",\"after_event\":\(afterEvent),"
      + "\"el2_busy_cpus\":[\(busy)],\"regs\":{},\"vms\":[\(guests.joined(separator: ","))]\(unseen)}\n"
  }

  private var unseen: String {
    let ranges = unknown.map { range in
      "{\"table\":\"\(range.table.name)\",\"start\":\"\(Self.hex(range.pages.first.address))\","
        + "\"len\":\"\(Self.hex(range.pages.count << 12))\"}"
    }
    return ranges.isEmpty ? "" : ",\"unknown\":[\(ranges.joined(separator: ","))]"
  }

  private func leaves(_ range: SnapshotRange, _ handle: UInt16) -> String {
    let table = range.table == .guestStage2 ? "guest_s2:\(Self.hex(UInt64(handle)))" : range.table.name
    let offset = range.table == .hypStage1 ? hypVAOffset : 0
    let entries = range.pages.count / MachineImage.pagesPerLeaf(range.level)
    return "{\"snap\":\(number),\"kind\":\"range\",\"table\":\"\(table)\","
      + "\"start\":\"\(Self.hex(range.pages.first.address &- offset))\","
      + "\"len\":\"\(Self.hex(range.pages.count << 12))\","
      + "\"level\":\(range.level),\"entries\":\(entries),\"first\":\"\(Self.hex(range.raw))\"}\n"
  }

  // The metadata in memory order, as many bytes as the structure has.
  private func frames(_ range: SnapshotRange) -> String {
    let bytes = (0..<TableEncoding(generation).frameByteCount).map { UInt8(truncatingIfNeeded: range.raw >> ($0 * 8)) }
    let raw = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return "{\"snap\":\(number),\"kind\":\"vmemmap\",\"start\":\"\(Self.hex(range.pages.first.address))\","
      + "\"len\":\"\(Self.hex(range.pages.count << 12))\",\"raw\":\"\(raw)\"}\n"
  }

  private static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  // The words are our own; what a path could bring in is left out.
  private static func escaped(_ text: String) -> String {
    String(
      text.unicodeScalars.filter { (0x20..<0x7f).contains($0.value) && $0 != "\"" && $0 != "\\" }.map(Character.init))
  }
}

// Why: importer and replay against an account that shares no code with them.

import Analysis
import Capture
import Foundation
import PageOwnership
import PageTables
import TestSupport
import Testing

@Suite struct NaiveModelTests {
  @Test(arguments: Recordings.shipped.map(\.name))
  func replayAgreesWithANaiveModel(name: String) throws {
    let text = try RecordingText(try #require(Recordings.shipped.first { $0.name == name }))
    let imported = try Pipeline.importing(text)
    let naive = try Self.naive(text, imported.facts.hypVAOffset.value ?? 0)
    // As the last line leaves it: before what only stores tell.
    let last = try #require(imported.rows.entries.last { $0.sourceIndex != nil }).seq
    var image: MachineImage?
    _ = try Pipeline.replaying(imported) { if $0.lastSeq == last { image = $0.image } }
    let machine = try #require(image)
    #expect(Self.leafDifferences(naive, machine, imported).prefix(5) == [])
    #expect(Self.stateDifferences(naive, machine).prefix(5) == [])
  }

  private static func naive(_ text: RecordingText, _ offset: UInt64) throws -> NaiveMachine {
    var machine = NaiveMachine(offset: offset)
    var after = Int.max
    for place in RecordingText.lines(text.snapshots) {
      let line = try object(text.snapshots[place])
      guard line["snap"] as? Int == 1 else { break }
      if line["kind"] as? String == "header" { after = line["after_event"] as? Int ?? 0 }
      machine.takeSnapshotLine(line)
    }
    for place in RecordingText.lines(text.events) {
      let line = try object(text.events[place])
      machine.takeEvent(line, changes: line["i"] as? Int ?? 0 > after)
    }
    return machine
  }

  private static func object(_ bytes: ArraySlice<UInt8>) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] ?? [:]
  }

  private static func leafDifferences(
    _ naive: NaiveMachine, _ machine: MachineImage, _ imported: Imported
  ) -> [String] {
    let died = Set(imported.rows.spaceEnds.map(\.0))
    var tables: [(String, TableKind, SpaceID)] = [("host_s2", .hostStage2, .host), ("hyp_s1", .hypStage1, .hyp)]
    for (space, _) in imported.rows.spaces where !died.contains(space.id) {
      tables.append(("guest_s2:0x" + String(space.handle?.rawValue ?? 0, radix: 16), .guestStage2, space.id))
    }
    var differences: [String] = []
    for (name, table, space) in tables {
      // Recorders do not see how large stretches of devices are mapped, and private mappings are nobody's pages.
      for page in pages(naive, name) where table == .guestStage2 || (0x40000..<0x80000).contains(page) {
        let mine = naive.leaf(name, page)
        let theirs = machine.leaf(table, space, at: PageFrame(page))
        let isSame = mine.map { Int8($0.level) == theirs?.level && $0.raw == theirs?.raw } ?? (theirs?.raw == 0)
        if !isSame {
          differences.append(
            "\(name) page \(hexText(page)): \(String(describing: mine)), \(String(describing: theirs))")
        }
      }
    }
    return differences
  }

  // Every leaf, every page that was written, and the pages beside them.
  private static func pages(_ naive: NaiveMachine, _ table: String) -> Set<UInt64> {
    var pages = naive.touched[table] ?? []
    for leaves in (naive.leaves[table] ?? [:]).values { pages.formUnion(leaves.keys) }
    return pages.union(pages.map { $0 &+ 1 }).union(pages.map { $0 &- 1 & (1 << 52 - 1) })
  }

  // States by the table in the specification: 7.x in struct hyp_page, 6.12 in the leaves.
  private static func stateDifferences(_ naive: NaiveMachine, _ machine: MachineImage) -> [String] {
    var differences: [String] = []
    for page in 0x40000..<0x80000 as Range<UInt64> {
      guard let frame = naive.frames[page] else { continue }
      let (host, hyp) = frame.count == 16 ? states(frame) : states(naive, page)
      let frameNumber = PageFrame(page)
      if machine.ownership.holding(.host, frameNumber).state != host {
        differences.append("host, page \(hexText(page)): \(host)")
      }
      if machine.ownership.holding(.hyp, frameNumber).state != hyp {
        differences.append("hyp, page \(hexText(page)): \(hyp)")
      }
      guard frame.count == 16 else { continue }
      let share = UInt32(frame.dropFirst(8), radix: 16)?.byteSwapped
      if machine.ownership.shareCount(frameNumber) != share { differences.append("share count, page \(hexText(page))") }
    }
    return differences
  }

  private static let numbered: [PageState] = [.owned, .sharedOwned, .sharedBorrowed, .noPage]

  private static func states(_ frame: String) -> (PageState, PageState) {
    let byte = Int(frame.dropFirst(6).prefix(2), radix: 16) ?? 0
    return (numbered[byte & 3], numbered[(byte >> 4 ^ 3) & 3])
  }

  private static func states(_ naive: NaiveMachine, _ page: UInt64) -> (PageState, PageState) {
    func state(_ leaf: NaiveLeaf?, zero: PageState) -> PageState {
      guard let leaf else { return zero }
      return leaf.raw & 1 == 1 ? numbered[Int(leaf.raw >> 55 & 3)] : .noPage
    }
    return (state(naive.leaf("host_s2", page), zero: .owned), state(naive.leaf("hyp_s1", page), zero: .noPage))
  }
}

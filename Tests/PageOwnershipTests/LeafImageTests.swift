// Why: a state that was stored in pieces must come back whole, and no piece may harm the reader.

import PageOwnership
import TestSupport
import Testing

@Suite struct LeafImageTests {
  private let guests = [guestSpace(3, 0x1000, 1), guestSpace(4, 0x1001, 1)]

  private func blank() -> OwnershipState {
    var state = OwnershipState()
    for guest in guests { state.addSpace(guest, isEmpty: false) }
    return state
  }

  private func runs(_ state: OwnershipState, _ space: SpaceID) -> [String] {
    var found: [String] = []
    state.forEachRun(space, in: PageRange(first: PageFrame(0), count: RadixMap.pageEnd)) { found.append("\($0) \($1)") }
    return found
  }

  private func expectEqual(_ left: OwnershipState, _ right: OwnershipState, _ what: String) {
    #expect(left.hash == right.hash, "\(what)")
    for space in left.spaces { #expect(runs(left, space) == runs(right, space), "\(what), space \(space.rawValue)") }
    #expect(right.checkInvariants() == [], "\(what)")
  }

  @Test(arguments: [51, 52, 53] as [UInt64])
  func stagesComeBackInAnyReading(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var state = OwnershipState()
    for guest in guests { state.addSpace(guest, isEmpty: true) }
    var all: [LeafImage] = []
    var latest: [Key: (stage: Int, image: LeafImage)] = [:]
    for stage in 0..<12 {
      for _ in 0..<20 {
        var update = random.update([.host, .hyp, guests[0].id, guests[1].id])
        let bases: [UInt64] = [0, 0, 1 << 18, 1 << 40]
        update.pages.first = PageFrame(update.pages.first.rawValue + random.pick(bases))
        update.pages.count = random.pick([update.pages.count, 1, 1 << 18, 1 << 20])
        state.apply(update)
      }
      if stage == 6 {
        let everything = PageRange(first: PageFrame(0), count: RadixMap.pageEnd)
        state.apply(OwnershipUpdate(space: .host, pages: everything, state: .owned, annotation: .hyp))
      }
      let images = state.takeDirtyLeaves()
      #expect(state.takeDirtyLeaves() == [], "taken once")
      let levels = images.filter { $0.space == .host && $0.field == 0 }.map(\.level)
      #expect(levels == levels.sorted(by: >), "coarse ones first")
      all += images
      for image in images { latest[Key(image)] = (stage, image) }
      var restored = blank()
      try restored.restore(all)
      expectEqual(state, restored, "seed \(seed), stage \(stage), all images")
      #expect(restored.takeDirtyLeaves() == [], "a restored state has nothing new")
      let newest = latest.values.sorted { ($0.stage, $1.image.level) < ($1.stage, $0.image.level) }
      var lean = blank()
      try lean.restore(newest.map(\.image))
      expectEqual(state, lean, "seed \(seed), stage \(stage), newest image of each node")
    }
  }

  private struct Key: Hashable {
    var space: SpaceID
    var field: UInt8
    var level: UInt8
    var index: UInt64

    init(_ image: LeafImage) {
      (space, field, level, index) = (image.space, image.field, image.level, image.index)
    }
  }

  @Test func uniformNodesAreAFewBytes() {
    var state = OwnershipState()
    let block = PageRange(first: PageFrame(1 << 18), count: 1 << 18)
    state.apply(OwnershipUpdate(space: .host, pages: block, state: .owned, annotation: OwnerAnnotation.none))
    let images = state.takeDirtyLeaves()
    #expect(images.allSatisfy { $0.level >= 2 && $0.body.count <= 12 })
    state.addSpace(guests[0], isEmpty: true)
    #expect(state.takeDirtyLeaves().map(\.body.count) == [6], "one run of pages, one of slots beyond the last page")
  }

  @Test func hostileImagesAreRefused() {
    let whole: [UInt8] = [0x80, 0x04, 0x01]
    func restore(_ image: LeafImage) throws { var state = blank(); try state.restore([image]) }
    func image(
      _ body: [UInt8], space: SpaceID = .host, field: UInt8 = 0, level: UInt8 = 0, index: UInt64 = 0
    ) -> LeafImage {
      LeafImage(space: space, field: field, level: level, index: index, body: body)
    }
    #expect(throws: Never.self) { try restore(image(whole)) }
    let bodies: [[UInt8]] = [
      [], [0x80], [0x80, 0x04], [0xff, 0x03, 0x01], [0x81, 0x04, 0x01], whole + [0x01, 0x01], [0, 1] + whole,
      [0x80, 0x04] + [UInt8](repeating: 0xff, count: 9), [0x80, 0x04] + [UInt8](repeating: 0xff, count: 8) + [0x7f],
      [UInt8](repeating: 0xff, count: 8) + [0x7f, 0x01], [0x80, 0x04, 0x42], [UInt8](repeating: 1, count: 1 << 20),
    ]
    for body in bodies {
      #expect(throws: LeafImageError.badBody, "\(body.prefix(12))") { try restore(image(body)) }
    }
    #expect(throws: LeafImageError.noField(3)) { try restore(image(whole, field: 3)) }
    #expect(throws: LeafImageError.noField(1)) { try restore(image(whole, field: 1)) }
    #expect(throws: LeafImageError.noField(2)) { try restore(image(whole, space: .hyp, field: 2)) }
    #expect(throws: LeafImageError.noSpace(.ffa)) { try restore(image(whole, space: .ffa)) }
    for (level, index) in [(6, 0), (255, 0), (5, 1), (0, 1 << 43), (4, 128), (0, .max)] as [(UInt8, UInt64)] {
      #expect(throws: LeafImageError.noNode(level: level, index: index)) {
        try restore(image(whole, level: level, index: index))
      }
    }
  }

  @Test(arguments: [61, 62] as [UInt64])
  func randomBytesNeverTrap(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var state = blank()
    for _ in 0..<3000 {
      var body = (0..<random.next() % 24).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      if random.next() % 2 == 0 { body = [0x80, 0x04] + body }
      let image = LeafImage(
        space: SpaceID(rawValue: Int32(random.next() % 6)), field: UInt8(random.next() % 4),
        level: UInt8(random.next() % 7), index: random.pick([0, 1, 5, random.next()]), body: body)
      try? state.restore([image])
    }
    #expect(state.checkInvariants() == [], "seed \(seed)")
  }
}

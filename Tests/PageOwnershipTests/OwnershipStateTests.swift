// Why: the state must be that of a plain table of pages, and its hash that of a plain sum, in any order.

import PageOwnership
import TestSupport
import Testing

/// The naive state: one entry for each page of a small machine.
private struct PlainState {
  var holdings: [SpaceID: [UInt64: Holding]] = [:]
  var pins: [UInt64: UInt32] = [:]
  var shares: [UInt64: UInt32] = [:]

  mutating func apply(_ update: OwnershipUpdate, absent: Set<SpaceID>) {
    for offset in 0..<update.pages.count {
      let page = update.pages.first.rawValue + offset
      if let count = update.pins { pins[page] = count }
      if let count = update.shareCount { shares[page] = count }
      guard !absent.contains(update.space) else { continue }
      var holding = holdings[update.space]?[page] ?? (update.space.isGuest ? Holding(.noPage) : .unknown)
      if let state = update.state { holding.state = state }
      if let annotation = update.annotation { holding.annotation = annotation.advanced(by: offset) }
      holdings[update.space, default: [:]][page] = holding
    }
  }
}

extension OwnerAnnotation {
  fileprivate func advanced(by pages: UInt64) -> OwnerAnnotation {
    guard case .guest(let handle, let gfn) = self else { return self }
    return .guest(handle: handle, gfn: gfn.advanced(by: pages))
  }
}

func guestSpace(_ number: Int32, _ handle: UInt16, _ incarnation: Int32) -> Space {
  Space(
    id: SpaceID(rawValue: number), kind: .guest, handle: VMHandle(rawValue: handle), incarnation: incarnation,
    isProtected: true)
}

extension SeededRandom {
  mutating func update(_ spaces: [SpaceID], pages: UInt64 = 1600) -> OwnershipUpdate {
    let annotations: [OwnerAnnotation?] = [
      nil, nil, OwnerAnnotation.none, .hyp, .ffa, .locked, .other(9), .unknown,
      .guest(handle: VMHandle(rawValue: 0x1000), gfn: PageFrame(0x80000)),
      .guest(handle: VMHandle(rawValue: 0x1001), gfn: PageFrame(0)),
      .guest(handle: VMHandle(rawValue: 0xffff), gfn: PageFrame((1 << 40) - 2000)),
    ]
    return OwnershipUpdate(
      space: pick(spaces), pages: PageRange(first: PageFrame(next() % pages), count: pick([1, 1, 1, 2, 7, 512, 700])),
      state: pick([nil] + PageState.allCases), annotation: pick(annotations), pins: pick([nil, nil, 0, 1, .max]),
      shareCount: pick([nil, nil, 0, 300]))
  }
}

@Suite struct OwnershipStateTests {
  private let guest = guestSpace(3, 0x1000, 1)

  @Test(arguments: [11, 12, 13, 14] as [UInt64])
  func agreesWithAPlainTable(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var state = OwnershipState()
    state.addSpace(guest, isEmpty: true)
    var plain = PlainState()
    for _ in 0..<300 {
      let update = random.update([.host, .hyp, .ffa, guest.id])
      state.apply(update)
      plain.apply(update, absent: [.ffa])
    }
    for page in 0..<UInt64(2500) {
      let frame = PageFrame(page)
      for space in [SpaceID.host, .hyp, guest.id] {
        let expected = plain.holdings[space]?[page] ?? (space.isGuest ? Holding(.noPage) : .unknown)
        #expect(state.holding(space, frame) == expected, "seed \(seed), space \(space.rawValue), page \(page)")
      }
      #expect(state.pins(frame) == plain.pins[page], "seed \(seed), page \(page)")
      #expect(state.shareCount(frame) == plain.shares[page], "seed \(seed), page \(page)")
    }
    #expect(state.checkInvariants() == [], "seed \(seed)")
  }

  @Test(arguments: [21, 22, 23] as [UInt64])
  func theSamePagesGiveTheSameHashInAnyOrder(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var state = OwnershipState()
    for _ in 0..<200 { state.apply(random.update([.host, .hyp])) }
    var rebuilt = OwnershipState()
    for page in (0..<UInt64(2400)).shuffled(using: &random) {
      let frame = PageFrame(page)
      for space in [SpaceID.host, .hyp] {
        let holding = state.holding(space, frame)
        rebuilt.apply(
          OwnershipUpdate(
            space: space, pages: PageRange(frame), state: holding.state, annotation: holding.annotation,
            pins: state.pins(frame), shareCount: state.shareCount(frame)))
      }
    }
    #expect(rebuilt.hash == state.hash, "seed \(seed)")
    #expect(rebuilt.hash != .empty)
  }

  @Test func runsOfAGuestsPagesAreOneRun() {
    var state = OwnershipState()
    let range = PageRange(first: PageFrame(0x40000), count: 1 << 30)
    let annotation = OwnerAnnotation.guest(handle: VMHandle(rawValue: 0x1001), gfn: PageFrame(0x80000))
    state.apply(OwnershipUpdate(space: .host, pages: range, state: .noPage, annotation: annotation))
    var runs: [PageRange] = []
    state.forEachRun(.host, in: range) { run, holding in
      runs.append(run)
      #expect(holding == Holding(.noPage, annotation))
    }
    #expect(runs == [range])
    let third = state.holding(.host, PageFrame(0x40002))
    #expect(third == Holding(.noPage, .guest(handle: VMHandle(rawValue: 0x1001), gfn: PageFrame(0x80002))))
  }

  @Test func stateAndAnnotationDoNotDisturbEachOther() {
    for state in PageState.allCases {
      var machine = OwnershipState()
      let page = PageRange(PageFrame(7))
      machine.apply(OwnershipUpdate(space: .host, pages: page, state: state))
      machine.apply(OwnershipUpdate(space: .host, pages: page, annotation: .hyp))
      #expect(machine.holding(.host, PageFrame(7)) == Holding(state, .hyp))
      machine.apply(OwnershipUpdate(space: .host, pages: page, state: .owned))
      #expect(machine.holding(.host, PageFrame(7)) == Holding(.owned, .hyp))
      #expect(machine.holding(.host, PageFrame(6)) == .unknown)
    }
  }

  @Test func aDeadGuestLeavesNothing() {
    var state = OwnershipState()
    state.apply(OwnershipUpdate(space: .host, pages: PageRange(PageFrame(1)), state: .owned))
    let before = state.hash
    state.addSpace(guest, isEmpty: true)
    #expect(state.hash != before, "that a newborn holds nothing is knowledge")
    state.apply(OwnershipUpdate(space: guest.id, pages: PageRange(PageFrame(5)), state: .owned))
    #expect(state.spaces == [.host, .hyp, guest.id])
    state.removeSpace(guest.id)
    #expect(state.hash == before && state.spaces == [.host, .hyp])
    #expect(state.holding(guest.id, PageFrame(5)) == .unknown)
    state.removeSpace(.host)
    #expect(state.spaces == [.host, .hyp], "host and hypervisor stay")
  }

  @Test func guestsAreToldApartByHandleAndIncarnationNotByNumber() {
    func hash(_ space: Space) -> StateHash {
      var state = OwnershipState()
      state.addSpace(space, isEmpty: false)
      #expect(state.hash == .empty, "unknown adds nothing")
      state.apply(OwnershipUpdate(space: space.id, pages: PageRange(PageFrame(1)), state: .owned))
      return state.hash
    }
    #expect(hash(guestSpace(3, 0x1000, 1)) == hash(guestSpace(9, 0x1000, 1)))
    #expect(hash(guestSpace(3, 0x1000, 1)) != hash(guestSpace(3, 0x1000, 2)))
    #expect(hash(guestSpace(3, 0x1000, 1)) != hash(guestSpace(3, 0x1001, 1)))
  }

  @Test func manyGuestsComeAndGo() {
    var random = SeededRandom(seed: 31)
    var state = OwnershipState()
    var alive: Set<Int32> = []
    for _ in 0..<400 {
      let number = Int32(3 + random.next() % 40)
      if random.next() % 3 == 0 {
        state.removeSpace(SpaceID(rawValue: number))
        alive.remove(number)
      } else if alive.insert(number).inserted {
        state.addSpace(guestSpace(number, UInt16(number), 1), isEmpty: true)
      }
      state.apply(random.update([SpaceID(rawValue: number)]))
    }
    #expect(state.spaces.map(\.rawValue) == [0, 1] + alive.sorted())
    #expect(state.checkInvariants() == [])
  }

  @Test func countersCanBeForgotten() {
    var state = OwnershipState()
    state.apply(
      OwnershipUpdate(space: .hyp, pages: PageRange(first: PageFrame(0), count: 9), pins: 2, shareCount: 3))
    state.forgetCounters(in: PageRange(PageFrame(4)))
    #expect(state.pins(PageFrame(4)) == nil && state.shareCount(PageFrame(4)) == nil)
    #expect(state.pins(PageFrame(5)) == 2 && state.shareCount(PageFrame(3)) == 3)
    state.forgetCounters()
    #expect(state.hash == .empty)
  }
}

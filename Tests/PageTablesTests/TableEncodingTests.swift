// Why: one table of expected meanings for each generation, taken from the spec and from real words, so that
// a wrong bit in one generation cannot hide behind another.

import PageOwnership
import PageTables
import TestSupport
import Testing

@Suite struct TableEncodingTests {
  private static let old: [Generation] = [.linux6_1, .linux6_2, .linux6_4]
  private static let atHome: [Generation] = [.linux6_14, .linux6_16, .linux6_18, .linux7_1]
  private static let sharedOwned: UInt64 = 1 << 55
  private static let sharedBorrowed: UInt64 = 1 << 56
  private static let page: UInt64 = 0x4817_d7ff

  private func host(_ generation: Generation, _ raw: UInt64, _ isMemory: Bool?) -> PageState? {
    TableEncoding(generation).hostMeaning(LeafWord(level: 3, raw: raw), isMemory: isMemory).state
  }

  private func annotation(_ generation: Generation, _ raw: UInt64) -> OwnerAnnotation {
    TableEncoding(generation).hostMeaning(LeafWord(level: 3, raw: raw), isMemory: true).annotation
  }

  @Test(arguments: old) func hostStateInDescriptors(generation: Generation) {
    #expect(host(generation, Self.page, true) == .owned)
    #expect(host(generation, Self.page | Self.sharedOwned, true) == .sharedOwned)
    #expect(host(generation, Self.page | Self.sharedBorrowed, true) == .sharedBorrowed)
    #expect(host(generation, Self.page | Self.sharedOwned | Self.sharedBorrowed, true) == .reserved)
    #expect(host(generation, 0, true) == .owned)
    #expect(host(generation, 0x4, true) == .noPage)
    #expect(host(generation, 0x400, true) == .noPage)
    #expect(host(generation, Self.sharedOwned, true) == .noPage, "software bits of an invalid word mean nothing")
  }

  @Test func devicesBelongToTheHostUpTo6_3() {
    for generation in [Generation.linux6_1, .linux6_2] {
      for raw in [0, 0x0040_0000_0000_07fd] as [UInt64] {
        #expect(host(generation, raw, false) == .owned && host(generation, raw, nil) == .owned)
      }
    }
    #expect(host(.linux6_4, 0, false) == .noPage)
    #expect(host(.linux6_4, 0x0040_0000_0000_07fd, false) == .noPage)
    #expect(host(.linux6_4, 0, nil) == .unknown, "only the regions tell memory from devices")
    #expect(host(.linux6_4, Self.page, nil) == .owned)
  }

  @Test(arguments: atHome) func hostStateInTheFrame(generation: Generation) {
    for raw in [0, 4, Self.page, Self.page | Self.sharedOwned, .max] as [UInt64] {
      for isMemory in [true, false, nil] as [Bool?] { #expect(host(generation, raw, isMemory) == nil) }
    }
  }

  @Test func oldAnnotations() {
    for generation in Generation.allCases where generation != .linux7_1 {
      #expect(annotation(generation, 0) == OwnerAnnotation.none)
      #expect(annotation(generation, Self.page) == OwnerAnnotation.none)
      #expect(annotation(generation, 0x4) == .hyp)
      #expect(annotation(generation, 3 << 2) == .other(3))
      #expect(annotation(generation, 0xff << 2) == .other(255))
      #expect(annotation(generation, 0x400) == (generation == .linux6_1 ? .other(0) : .locked))
      let knowsFFA = generation != .linux6_1 && generation != .linux6_2
      #expect(annotation(generation, 2 << 2) == (knowsFFA ? .ffa : .other(2)), "\(generation)")
    }
  }

  @Test func newAnnotations() {
    func expect(_ raw: UInt64, _ expected: OwnerAnnotation) { #expect(annotation(.linux7_1, raw) == expected) }
    expect(0, .none)
    expect(Self.page, .none)
    expect(0x2000_0000_0000_0002, .hyp)
    expect(0x2000_0080_0001_0004, .guest(handle: VMHandle(rawValue: 0x1000), gfn: PageFrame(0x80000)))
    expect(0x2000_0080_0001_0024, .guest(handle: VMHandle(rawValue: 0x1002), gfn: PageFrame(0x80000)))
    expect(0x2fff_ffff_ffff_fff4, .guest(handle: VMHandle(rawValue: 0xffff), gfn: PageFrame(0xff_ffff_ffff)))
    expect(0x1000_0000_0000_0000, .locked)
    expect(0x2000_0000_0000_0000, .other(0))
    expect(0x2000_0000_0000_0006, .other(3))
    expect(0x3000_0000_0000_0000, .other(0x30))
    expect(0x4, .other(2))
  }

  @Test func hypStates() {
    let data: UInt64 = 0x0040_0000_7f20_0703
    for generation in Self.old + [.linux6_14] {
      let encoding = TableEncoding(generation)
      func state(_ raw: UInt64) -> PageState? { encoding.hypState(LeafWord(level: 3, raw: raw)) }
      #expect(state(data) == .owned && state(0x0140_0000_446c_0703) == .sharedBorrowed)
      #expect(state(0x00c0_0000_418f_2783) == .sharedOwned && state(data | 3 << 55) == .reserved)
      #expect(state(0) == .noPage && state(0x0040_0000_425f_c702) == .noPage)
    }
    for generation in [Generation.linux6_16, .linux6_18, .linux7_1] {
      #expect(TableEncoding(generation).hypState(LeafWord(level: 3, raw: data)) == nil)
    }
  }

  @Test func guestStates() {
    for generation in Generation.allCases {
      func state(_ raw: UInt64) -> PageState { TableEncoding(generation).guestState(LeafWord(level: 3, raw: raw)) }
      #expect(state(0x4812_e7ff) == .owned && state(0x0080_0000_4356_77ff) == .sharedOwned)
      #expect(state(0x0140_0000_4812_97ff) == .sharedBorrowed && state(0) == .noPage)
      #expect(state(0x1000_0000_0000_0000) == .noPage, "locked")
      #expect(state(0x3000_0000_0000_0000) == (generation == .linux7_1 ? .poison : .noPage))
      let numbersNoPage3 = [.linux6_16, .linux6_18, .linux7_1].contains(generation)
      #expect(state(0x4812_e7ff | 3 << 55) == (numbersNoPage3 ? .noPage : .reserved), "\(generation)")
    }
  }

  @Test func framesOfTwoCounters() {
    for generation in Self.old {
      let encoding = TableEncoding(generation)
      #expect(encoding.frameByteCount == 4)
      #expect(
        encoding.frame(0xffff_0005)
          == FrameMeaning(host: nil, hyp: nil, references: 5, order: 0xffff, shareCount: nil))
      #expect(encoding.frame(0xdead_beef_0001_0002).order == 1, "bytes beyond the struct are ignored")
    }
  }

  @Test func framesOf6_14() {
    let encoding = TableEncoding(.linux6_14)
    #expect(encoding.frameByteCount == 8)
    let states: [UInt64: PageState] = [
      0: .owned, 1: .sharedOwned, 2: .sharedBorrowed, 3: .reserved, 4: .noPage, 5: .reserved, 0x10: .reserved,
    ]
    for (number, state) in states {
      let meaning = encoding.frame(number << 24 | 7 << 32 | 9 << 16 | 3)
      #expect(meaning == FrameMeaning(host: state, hyp: nil, references: 3, order: 9, shareCount: 7))
    }
  }

  @Test(arguments: [Generation.linux6_16, .linux6_18, .linux7_1])
  func framesOfTwoStates(generation: Generation) {
    let encoding = TableEncoding(generation)
    #expect(encoding.frameByteCount == 8)
    let bytes: [(byte: UInt64, host: PageState, hyp: PageState)] = [
      (0x00, .owned, .noPage), (0x33, .noPage, .owned), (0x11, .sharedOwned, .sharedBorrowed),
      (0x01, .sharedOwned, .noPage), (0x03, .noPage, .noPage), (0x02, .sharedBorrowed, .noPage),
      (0x22, .sharedBorrowed, .sharedOwned), (0x30, .owned, .owned), (0x04, .reserved, .noPage),
      (0xf0, .owned, .reserved), (0x40, .owned, .reserved),
    ]
    for (byte, host, hyp) in bytes {
      let meaning = encoding.frame(byte << 24 | 1 << 32 | 0xff << 16 | 0x102)
      #expect(meaning == FrameMeaning(host: host, hyp: hyp, references: 0x102, order: 0xff, shareCount: 1))
    }
  }

  @Test(arguments: Generation.allCases) func everyWordHasAMeaning(generation: Generation) {
    var random = SeededRandom(seed: 71)
    let encoding = TableEncoding(generation)
    for _ in 0..<20_000 {
      let raw = random.next() & random.next()
      let leaf = LeafWord(level: Int8(truncatingIfNeeded: random.next()), raw: raw)
      for isMemory in [true, false, nil] as [Bool?] { _ = encoding.hostMeaning(leaf, isMemory: isMemory) }
      #expect(encoding.guestState(leaf) != .unknown && encoding.hypState(leaf) != .unknown)
      let frame = encoding.frame(raw)
      #expect((frame.host == nil) == encoding.keepsHostStateInDescriptors)
      #expect((frame.hyp == nil) == encoding.keepsHypStateInDescriptors)
    }
  }
}

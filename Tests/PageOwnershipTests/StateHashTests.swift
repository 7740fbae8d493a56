// Why: hashes are stored; the same state must give the same text on every machine and in every version.

import PageOwnership
import Testing

@Suite struct StateHashTests {
  @Test func aKnownStateHasItsKnownHash() {
    var state = OwnershipState()
    #expect(state.hash.description == "00000000000000000000000000000000")
    let memory = PageRange(first: PageFrame(0x40000), count: 0x40000)
    state.apply(OwnershipUpdate(space: .host, pages: memory, state: .owned, annotation: OwnerAnnotation.none))
    state.apply(OwnershipUpdate(space: .hyp, pages: memory, state: .noPage, annotation: OwnerAnnotation.none, pins: 0))
    state.addSpace(guestSpace(3, 0x1000, 1), isEmpty: true)
    #expect(state.hash.description == "b0e9fb8649a778ecdde64d491cca4a41")
  }

  @Test func textRoundTrips() {
    let hash = StateHash(first: 0x1, second: 0xfedc_ba98_7654_3210)
    #expect(hash.description == "0000000000000001fedcba9876543210")
    #expect(StateHash(hash.description) == hash)
    for bad in ["", "1", "+000000000000001fedcba9876543210", "0000000000000001FEDCBA9876543210", "0x"] {
      #expect(StateHash(bad) == nil)
    }
  }

  @Test func singleDifferencesShow() {
    var hashes: Set<StateHash> = [.empty]
    var count = 1
    for space in [SpaceID.host, .hyp] {
      for page in 0..<UInt64(64) {
        for state in PageState.allCases where state != .unknown {
          var machine = OwnershipState()
          machine.apply(OwnershipUpdate(space: space, pages: PageRange(PageFrame(page)), state: state))
          hashes.insert(machine.hash)
          count += 1
        }
        for number in [0, 1, 2] as [UInt32] {
          var machine = OwnershipState()
          machine.apply(
            space == .hyp
              ? OwnershipUpdate(space: space, pages: PageRange(PageFrame(page)), pins: number)
              : OwnershipUpdate(space: space, pages: PageRange(PageFrame(page)), shareCount: number))
          hashes.insert(machine.hash)
          count += 1
        }
      }
    }
    #expect(hashes.count == count)
  }

  @Test func swappedPagesShow() {
    func hash(_ words: [PageState]) -> StateHash {
      var machine = OwnershipState()
      for (page, state) in words.enumerated() {
        machine.apply(OwnershipUpdate(space: .host, pages: PageRange(PageFrame(UInt64(page))), state: state))
      }
      return machine.hash
    }
    #expect(hash([.owned, .noPage]) != hash([.noPage, .owned]))
    #expect(hash([.owned, .noPage, .owned]) != hash([.noPage, .owned, .owned]))
  }
}

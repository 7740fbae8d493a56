// Why: every pair of host and hypervisor states has one right answer to "who owns it?".

import PageOwnership
import Testing

@Suite struct DerivedOwnerTests {
  private static let guest = SpaceID(rawValue: 3)

  private func owner(_ host: Holding, _ hyp: PageState, guest: SpaceID? = Self.guest) -> DerivedOwner {
    var state = OwnershipState()
    let page = PageRange(PageFrame(0x40000))
    state.apply(OwnershipUpdate(space: .host, pages: page, state: host.state, annotation: host.annotation))
    state.apply(OwnershipUpdate(space: .hyp, pages: page, state: hyp, annotation: OwnerAnnotation.none))
    return state.owner(of: page.first) { _ in guest }
  }

  @Test func statesDecide() {
    let given = OwnerAnnotation.guest(handle: VMHandle(rawValue: 0x1000), gfn: PageFrame(1))
    #expect(owner(Holding(.owned), .noPage) == .one(.host))
    #expect(owner(Holding(.sharedOwned), .sharedBorrowed) == .one(.host))
    #expect(owner(Holding(.noPage, .hyp), .owned) == .one(.hyp))
    #expect(owner(Holding(.sharedBorrowed), .sharedOwned) == .one(.hyp))
    #expect(owner(Holding(.noPage, given), .noPage) == .one(Self.guest))
    #expect(owner(Holding(.noPage, given), .noPage, guest: nil) == .unknown)
    #expect(owner(Holding(.sharedBorrowed), .noPage) == .one(Self.guest))
    #expect(owner(Holding(.noPage, .hyp), .noPage) == .nobody)
    #expect(owner(Holding(.noPage, .locked), .noPage) == .nobody)
    #expect(owner(Holding(.owned), .owned) == .two([.host, .hyp]))
    #expect(owner(Holding(.noPage, given), .owned) == .two([.hyp, Self.guest]))
    #expect(owner(Holding(.noPage, .unknown), .owned) == .one(.hyp))
  }

  @Test func theUnseenIsUnknown() {
    for state in PageState.allCases {
      #expect(owner(Holding(.unknown, .unknown), state) == .unknown)
      #expect(owner(Holding(state, OwnerAnnotation.none), .unknown) == .unknown)
    }
    #expect(owner(Holding(.noPage, .unknown), .noPage, guest: nil) == .unknown)
  }
}

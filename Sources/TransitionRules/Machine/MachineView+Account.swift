// Why: what must hold of a page (PageOwnership) is judged on a machine that performs too, not only on the small ones
// of a search. Not here: the invariants, and when a machine is to be judged.

package import PageOwnership
import PageTables

extension MachineView {
  /// What all spaces say of some pages, in order.
  ///
  /// - Parameter isLentToSecureWorld: what no table of the hypervisor records.
  package func accounts(of pages: [PageFrame], isLentToSecureWorld: (PageFrame) -> Bool) -> [PageAccount] {
    let states = guestStates(of: Set(pages))
    return pages.map { page in
      var account = PageAccount()
      account.host = hostHolding(page)
      account.hyp = hypState(page)
      account.isMappedByHyp = encoding.keepsHypStateInDescriptors ? nil : isMappedByHyp(page)
      let frame = machine.frame(page)
      account.pins = UInt32(frame.references)
      account.shareCount = frame.shareCount
      account.isLentToSecureWorld = isLentToSecureWorld(page)
      let found = states[page] ?? []
      account.guestOwners = found.count { $0 == .owned }
      account.guestLenders = found.count { $0 == .sharedOwned }
      account.guestBorrowers = found.count { $0 == .sharedBorrowed }
      account.isNamedLeafThere = isNamedLeafThere(account.host, page)
      return account
    }
  }

  /// The physical pages behind pages of a guest.
  package func pages(behind range: PageRange, of guest: GuestMachine) -> [PageRange] {
    guard guest.hasTable else { return [] }
    var found: [PageRange] = []
    let first = min(range.first.rawValue, guest.table.pageEnd)
    let inside = PageRange(first: PageFrame(first), count: min(range.count, guest.table.pageEnd - first))
    guest.table.forEachRun(in: inside) { pages, leaf in
      guard leaf.isValid else { return }
      found.append(PageRange(first: PageFrame(leaf.target(of: pages.first.rawValue)), count: pages.count))
    }
    return found
  }

  private func isMappedByHyp(_ page: PageFrame) -> Bool {
    let linear = PageFrame(containing: page.address &+ shape.hypOffset)
    return linear.rawValue < machine.hyp.pageEnd && machine.hyp.leaf(at: linear.rawValue).isValid
  }

  private func guestStates(of pages: Set<PageFrame>) -> [PageFrame: [PageState]] {
    var found: [PageFrame: [PageState]] = [:]
    guard let low = pages.min(), let high = pages.max() else { return found }
    for guest in machine.guests where guest.hasTable {
      guest.table.forEachRun(in: PageRange(first: PageFrame(0), count: guest.table.pageEnd)) { run, leaf in
        guard leaf.isValid else { return }
        let first = leaf.target(of: run.first.rawValue)
        guard first <= high.rawValue, first + run.count > low.rawValue else { return }
        for offset in 0..<run.count where pages.contains(PageFrame(first + offset)) {
          let address = run.first.advanced(by: offset)
          found[PageFrame(first + offset), default: []].append(
            encoding.guestState(leaf.descriptor(at: address.rawValue)))
        }
      }
    }
    return found
  }

  // Of a guest without a table nobody can tell.
  private func isNamedLeafThere(_ host: Holding, _ page: PageFrame) -> Bool? {
    guard case .guest(let handle, let gfn) = host.annotation,
      let guest = machine.guests.first(where: { $0.handle == handle }), guest.hasTable
    else { return nil }
    return guestHolding(guest, gfn).target == page
  }
}

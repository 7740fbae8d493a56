// Why: the account of a page, filled from the replayed machine and the ledger, and the runs of pages of which one
// account speaks for all. Not here: what must hold (PageOwnership's OwnershipInvariant).

import PageOwnership
import PageTables

/// A run of pages with an account that is the same for all of them, but for the gfn of a named guest.
struct AccountedRun {
  var pages: PageRange
  var account: PageAccount
}

extension PageLedger {
  /// What all spaces say of a page.
  func account(of page: PageFrame, _ image: MachineImage) -> PageAccount {
    var account = PageAccount()
    account.host = image.ownership.holding(.host, page)
    account.hyp = image.ownership.holding(.hyp, page).state
    let isPrivate = privates.get(page) == 1 && account.host.annotation == .hyp
    if isPrivate, account.hyp == .noPage { account.hyp = .owned }
    if !image.encoding.keepsHypStateInDescriptors, !isPrivate {
      account.isMappedByHyp = image.leaf(.hypStage1, .hyp, at: page).map { Descriptor($0.raw).isValid }
    }
    account.pins = image.ownership.pins(page)
    account.shareCount = image.encoding.keepsHostStateInDescriptors ? nil : image.ownership.shareCount(page)
    switch secure.get(page) {
    case SecureWord.lent: account.isLentToSecureWorld = true
    case SecureWord.notLent: account.isLentToSecureWorld = false
    default: break
    }
    guard areGuestsKnown else { return account }
    let counts = mappings.get(page)
    account.guestOwners = Int(counts & 0xf_ffff)
    account.guestLenders = Int(counts >> 20 & 0xf_ffff)
    account.guestBorrowers = Int(counts >> 40 & 0xf_ffff)
    if case .guest = account.host.annotation { account.isNamedLeafThere = isNamedLeafThere(account.host, page, image) }
    return account
  }

  private func isNamedLeafThere(_ host: Holding, _ page: PageFrame, _ image: MachineImage) -> Bool {
    guard let place = living?.named(by: host) else { return false }
    return image.physicalPage(of: place) == page && image.ownership.holding(place.space, place.page).state == .owned
  }

  /// The runs of a range, in order.
  func forEachRun(in range: PageRange, _ image: MachineImage, _ body: (AccountedRun) -> Void) {
    if range.count == 1 { return body(AccountedRun(pages: range, account: account(of: range.first, image))) }
    let borders = borders(in: range, image)
    for (index, start) in borders.enumerated() {
      let end = index + 1 < borders.count ? borders[index + 1] : range.end.rawValue
      let pages = PageRange(first: PageFrame(start), count: end - start)
      let account = account(of: pages.first, image)
      if case .guest = account.host.annotation, pages.count > 1 {
        // Each page is named by an address of its own.
        for page in pages.frames.prefix(Self.namedLimit) {
          body(AccountedRun(pages: PageRange(page), account: self.account(of: page, image)))
        }
      } else {
        body(AccountedRun(pages: pages, account: account))
      }
    }
  }

  // More pages of one guest side by side no machine of today has; a damaged journal may.
  private static let namedLimit = 1 << 18

  private func borders(in range: PageRange, _ image: MachineImage) -> [UInt64] {
    var borders: Set<UInt64> = [range.first.rawValue]
    func add(_ run: PageRange) { borders.insert(max(run.first.rawValue, range.first.rawValue)) }
    image.ownership.forEachRun(.host, in: range) { run, _ in add(run) }
    image.ownership.forEachRun(.hyp, in: range) { run, _ in add(run) }
    image.ownership.forEachPinRun(in: range) { run, _ in add(run) }
    image.ownership.forEachShareCountRun(in: range) { run, _ in add(run) }
    for map in [mappings, secure, privates] { map.forEachRun(in: range) { run, _ in add(run) } }
    image.forEachLeaf(.hypStage1, .hyp, in: range) { run in
      add(run.pages)
      if run.pages.end < range.end { borders.insert(run.pages.end.rawValue) }
    }
    return borders.sorted()
  }
}

extension PageAccount {
  /// The account in words.
  var words: String {
    var words = ["host \(host.state.name)"]
    if host.annotation != .none { words[0] += " naming \(host.annotation.name)" }
    words.append("hyp \(hyp.name)" + (isMappedByHyp == true ? ", mapped" : ""))
    if let pins, pins > 0 { words.append("\(pins) pins") }
    for (count, what) in [(guestOwners, "own"), (guestLenders, "lend"), (guestBorrowers, "borrow")] {
      if let count, count > 0 { words.append("\(count) guest pages \(what) it") }
    }
    if let shareCount, shareCount > 0 || guestBorrowers ?? 0 > 0 { words.append("share count \(shareCount)") }
    if isNamedLeafThere == false { words.append("the named guest does not own it") }
    if isLentToSecureWorld == true { words.append("lent to the secure world") }
    return words.joined(separator: "; ")
  }

  /// Whether some space's state is not known.
  var isPartlyUnknown: Bool { host.state == .unknown || hyp == .unknown || guestOwners == nil }
}

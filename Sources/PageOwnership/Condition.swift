// Why: checks are named by what they verify and applies by what they change (the review's rule); the
// kernel's step name stands beside them in a site. Not here: which step means which condition.

/// What a check verifies.
package enum Condition: String, Hashable, Sendable, CaseIterable {
  /// The source's table says OWNED for every page.
  case sourceIsOwned = "source is owned"
  /// The source's table says SHARED_OWNED for every page.
  case sourceIsShared = "source is shared"
  /// The source's table says SHARED_BORROWED for every page.
  case sourceIsBorrowed = "source is borrowed"
  /// The source's table says NOPAGE for every page.
  case sourceIsUnmapped = "source is unmapped"
  /// The source's table says OWNED or SHARED_OWNED (reclaim of a dying guest's page).
  case sourceIsOwnedOrShared = "source is owned or shared"
  /// The source holds the page itself, or lent it to guests only (`host_share_guest_count`).
  case sourceIsOwnedOrGuestShared = "source is owned or lent to guests"
  /// The target's table says NOPAGE for every page.
  case targetIsUnmapped = "target is unmapped"
  /// The target's table says SHARED_OWNED for every page.
  case targetIsShared = "target is shared"
  /// The target's table says SHARED_BORROWED for every page.
  case targetIsBorrowed = "target is borrowed"
  /// The source lent the page and the target guest borrows it, leaf by leaf.
  case pairIsShared = "source is shared and target is borrowed"
  /// No page is pinned or referenced by the hypervisor.
  case notPinned = "not pinned"
  /// Every page lies in one region of allowed memory.
  case isMemory = "is memory"
  /// The address lies in a region of memory, whether the kernel may map it or not.
  case inMemoryRegion = "lies in a memory region"
  /// The range lies in one region, or in one gap between regions.
  case inOneRegion = "range lies in one region"
  /// The addresses lie inside the table that is walked.
  case insideTable = "addresses lie inside the table"
  /// What a valid leaf maps is memory (up to 6.3, which asks the leaf and not the address).
  case leafMapsMemory = "mapped pages are memory"
  /// The address lies in a known region of memory or device space.
  case regionIsKnown = "region is known"
  /// The frame numbers lie inside the physical address space and do not wrap.
  case rangeIsValid = "range is valid"
  /// The size is one page, or exactly one aligned block.
  case sizeIsValid = "size is a page or an aligned block"
  /// The mapping asks for permissions that a share may have.
  case permissionsAllowed = "permissions are allowed"
  /// The vCPU's memcache holds enough pages for new tables.
  case memcacheSuffices = "memcache suffices"
  /// The guest's table has a valid page-level leaf at the address (not poisoned, not a block).
  case guestLeafIsValid = "guest leaf is valid"
  /// The guest's address was not poisoned.
  case guestLeafIsNotPoisoned = "guest leaf is not poisoned"
  /// The guest's table has a valid leaf at the address.
  case guestLeafIsMapped = "guest leaf is mapped"
  /// A walk of the guest's table ends at page level, whatever is there.
  case guestWalkReachesPage = "guest's walk reaches page level"
  /// The guest's leaf is as large as the range asked for.
  case guestLeafHasSize = "guest leaf has the size asked for"
  /// The guest's leaf maps memory that may change hands.
  case guestLeafMapsMemory = "guest leaf maps memory"
  /// The guest's leaf maps the page that is asked for.
  case guestLeafMapsPage = "guest leaf maps the page"
  /// The guest is not a protected one.
  case guestIsNotProtected = "guest is not protected"
  /// At least one guest borrows the page (`host_share_guest_count`).
  case shareCountIsNotZero = "share count is not zero"
  /// One more guest may borrow the page.
  case shareCountHasRoom = "share count has room"
  /// The host has no access to the page.
  case hostHasNoAccess = "host has no access"
  /// The host's leaf is an invalid one of page size.
  case hostLeafIsInvalidPage = "host leaf is an invalid page"
  /// The host's leaf says that the page was given away.
  case hostLeafIsDonation = "host leaf is a donation"
  /// The guest that the host's table names still lives.
  case guestIsKnown = "guest is known"
  /// The host's table names a guest as owner, and which.
  case hostNamesGuest = "host names the guest"
  /// Nothing is mapped yet at the faulting address and nobody else is named there.
  case leafIsEmpty = "leaf is empty"
  /// Nothing is mapped at the address.
  case leafIsUnmapped = "leaf is unmapped"
  /// The leaf names nobody else as owner.
  case leafNamesNobody = "leaf names nobody"
  /// Where the leaf names an owner, the host's state is NOPAGE.
  case stateAgreesWithLeaf = "state agrees with leaf"
  /// A step that the catalogue does not know; its kernel name stands in the site.
  case unrecognised = "unrecognised check"
}

/// What an apply does.
package enum Effect: String, Hashable, Sendable, CaseIterable {
  /// The owner gives up the page: its table names the new owner.
  case disown = "disown"
  /// The receiver's table says OWNED.
  case own = "own"
  /// The owner marks the page as lent.
  case lend = "lend"
  /// The owner marks the page as no longer lent.
  case endLend = "end lend"
  /// The borrower's table says SHARED_BORROWED.
  case borrow = "borrow"
  /// The borrower's table says NOPAGE again.
  case endBorrow = "end borrow"
  /// A mapping is made without a change of state.
  case map = "map"
  /// A mapping is removed.
  case unmap = "unmap"
  /// A pin is added.
  case pin = "pin"
  /// A pin is dropped.
  case unpin = "unpin"
  /// The page's content is zeroed and cleaned.
  case scrub = "scrub"
  /// The guest's address is poisoned.
  case poison = "poison"
  /// The count of guests that borrow the page rises.
  case addShare = "add share"
  /// The count of guests that borrow the page falls.
  case dropShare = "drop share"
  /// Permissions or the access flag of a mapping change.
  case changeAttributes = "change attributes"
  /// A question is answered; memory does not change.
  case query = "query"
  /// A value is computed; memory does not change.
  case encode = "encode"
  /// The boot walk brings the host's table in line.
  case fixOwnership = "fix ownership"
  /// A step that the catalogue does not know; its kernel name stands in the site.
  case unrecognised = "unrecognised apply"
}

/// Which end of the transition a phase looks at or changes.
package enum Side: String, Hashable, Sendable {
  /// The space that gives.
  case source
  /// The space that receives.
  case target
  /// Both at once, or neither.
  case both
}

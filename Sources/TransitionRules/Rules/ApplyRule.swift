// Why: the other kind of line of a specification: what is changed, of whom, where it is written, and what
// becomes of the operation if writing fails. Not here: how a store is performed (Engine).

package import PageOwnership

/// Which piece of memory an apply writes.
package enum Store: Hashable, Sendable {
  /// The host's stage 2: identity mappings with full access, the state in their software bits up to 6.13.
  case hostMapping
  /// The host's stage 2: who owns the pages, and the host's state with it. The host itself is named by a zero
  /// descriptor up to 6.18 and by a mapping since.
  case hostOwner(SpaceKind)
  /// The host's state in the page metadata; pages without access are mapped first.
  case hostState
  /// The host's state in the page metadata alone.
  case hostStateAlone
  /// The hypervisor's stage 1: a read-write mapping, the state in its software bits up to 6.15.
  case hypMapping
  /// The hypervisor's stage 1: nothing is mapped afterwards.
  case hypUnmapping
  /// The hypervisor's state in the page metadata.
  case hypState
  /// The guest's stage 2: a mapping with the state in its software bits.
  case guestMapping
  /// The guest's stage 2: nothing is mapped afterwards.
  case guestUnmapping
  /// The guest's stage 2: an invalid descriptor that says "poisoned".
  case guestPoison
  /// Permissions of a guest's mapping are added.
  case guestPermissions
  /// Write permission of a guest's mappings is taken away.
  case guestWriteProtection
  /// The access flags of a guest's mappings are read, and cleared if asked.
  case guestAge
  /// The access flag of a guest's mapping is set.
  case guestYouth
  /// Nothing: a word is computed that a later store writes.
  case nothing
  /// Nothing: the guest's leaf is asked whether it is poisoned.
  case guestPoisonQuery
  /// The content of the page.
  case contents
  /// `refcount`: one more or one less.
  case references(Int8)
  /// `host_share_guest_count`: one more or one less.
  case shareCount(Int8)
}

extension Store {
  /// Whether it writes to memory at all.
  package var writes: Bool {
    switch self {
    case .nothing, .guestPoisonQuery: false
    default: true
    }
  }
}

/// What becomes of an operation whose store fails.
package enum StoreFailure: Hashable, Sendable {
  /// The hypervisor warns, which is fatal at EL2; where a warning does not stop, the rest is left out and 1 returned.
  case warnAndStop
  /// The hypervisor warns, which is fatal at EL2; where a warning does not stop, the operation goes on.
  case warnAndGoOn
  /// The operation ends and returns the errno.
  case returnErrno
}

/// When an apply is performed.
package enum ApplyOccasion: Hashable, Sendable {
  /// Always.
  case always
  /// Only if the host owns the page exclusively.
  case ifHostOwns
  /// Only if the guest's page was found in this state.
  case ifGuest(PageState)
  /// Only if the page's reference count is now 1.
  case ifReferencedOnce
  /// Only if no guest borrows the page any more.
  case ifNoGuestBorrows
}

/// One thing that an operation changes, in its place among the others.
package struct ApplyRule: Hashable, Sendable {
  /// What it does, in the vocabulary's words.
  package var effect: Effect
  /// Which end of the operation changes.
  package var side: Side
  /// Whose table or metadata is written; nil for contents.
  package var subject: SpaceKind?
  /// The state that the subject has afterwards; nil where it does not change.
  package var newState: PageState?
  /// Which piece of memory is written.
  package var store: Store
  /// When.
  package var occasion = ApplyOccasion.always
  /// What a failure means.
  package var failure: StoreFailure
  /// The kernel's step.
  package var kernelStep: String

  /// Makes a rule.
  package init(
    _ effect: Effect, _ side: Side, _ subject: SpaceKind?, newState: PageState? = nil, store: Store,
    occasion: ApplyOccasion = .always, failure: StoreFailure, step: String
  ) {
    self.effect = effect
    self.side = side
    self.subject = subject
    self.newState = newState
    self.store = store
    self.occasion = occasion
    self.failure = failure
    kernelStep = step
  }
}

// Why: the rows of a journal as values: sites (the repeated words, interned), entries, changes and
// observations. Capture makes them, Journal stores and returns them, Analysis reads them. Not here:
// actions (Action), snapshots (Snapshot), SQL names (Journal) and text (CustodyCLI).

/// The kind of an entry.
package enum EntryKind: String, Hashable, Sendable, CaseIterable {
  /// A check phase.
  case check
  /// An apply phase.
  case apply
  /// A transition begins.
  case begin
  /// A transition ends; carries its outcome.
  case end
  /// An activation begins.
  case activation
  /// An activation ends.
  case activationEnd = "activation end"
  /// A mapping made outside a transition, at boot.
  case op
  /// Another CPU changed what the begin entry saw before the locks were held; evidence only.
  case locked
  /// The workload said where it is.
  case mark
  /// One store of the hypervisor; evidence, its effect stands in the apply that follows.
  case store
  /// An apply that the recording ends inside: its changes are the stores seen so far.
  case torn
  /// The whole of a group of phases (≤ 6.13): not a phase.
  case whole
  /// A snapshot of all tables.
  case snapshot
  /// Lines or events are missing here.
  case lost
  /// Written by recovery.
  case recovery
}

/// The number of a site in one journal.
package struct SiteID: RawRepresentable, Hashable, Sendable {
  /// The number, from 1.
  package var rawValue: Int32

  /// Wraps a site number.
  package init(rawValue: Int32) { self.rawValue = rawValue }
}

/// The words that many entries share, stored once.
package struct Site: Hashable, Sendable {
  /// What kind of entry it is.
  package var kind: EntryKind
  /// The operation, where the entry belongs to a transition.
  package var operation: Operation?
  /// The kernel function (of the transition or activation).
  package var kernelFunction: String?
  /// The kernel's step inside the function.
  package var kernelStep: String?
  /// The source line of the step.
  package var sourceLine: Int64?
  /// What the check verified.
  package var condition: Condition?
  /// Conditions of this step that this build does not perform, with the reason; empty for none.
  package var skipped: String = ""
  /// What the apply did.
  package var effect: Effect?
  /// Which end it looked at or changed.
  package var side: Side?
  /// The state that the check asked for.
  package var expected: PageState?
  /// The state that the apply writes.
  package var newState: PageState?
  /// How the result is known: read from a register, or from control flow.
  package var resultProvenance: Provenance = .unknown

  /// Makes a site of a kind; the rest is set as known.
  package init(_ kind: EntryKind) { self.kind = kind }
}

/// One journal line.
package struct Entry: Hashable, Sendable {
  /// Its place in the journal.
  package var seq: SequenceNumber
  /// The shared words.
  package var site: SiteID
  /// The transition or activation it belongs to; nil for marks, ops and snapshots.
  package var action: ActionID?
  /// The CPU it happened on.
  package var cpu: Int32?
  /// The space it looks at or changes.
  package var space: SpaceID?
  /// The first page: of a failed check the page that decided (inferred), else the start of the range.
  package var page: PageFrame?
  /// How many pages from ``page`` on.
  package var pageCount: UInt64?
  /// The state found by a check, inferred from the replayed state.
  package var found: PageState?
  /// For checks a ``CheckOutcome``, for ends a ``TransitionOutcome`` raw value.
  package var outcome: UInt8?
  /// What the kernel returned (errnos negative); a mark's value; a store's value.
  package var result: Int64?
  /// Nanoseconds since the start of the recording, where the line says.
  package var time: Int64?
  /// The index that the source gave the line; nil for entries that have no line of their own.
  package var sourceIndex: Int64?
  /// Rare details as text: a mark's words, a store's symbol, why something was lost.
  package var note: String?

  /// Makes an entry; the rest is set as known.
  package init(seq: SequenceNumber, site: SiteID) {
    self.seq = seq
    self.site = site
  }
}

/// Which piece of memory a change or an observation is about.
package enum TableKind: UInt8, Hashable, Sendable, CaseIterable {
  /// A leaf of the host's stage 2.
  case hostStage2 = 0
  /// A leaf of the hypervisor's stage 1.
  case hypStage1 = 1
  /// A leaf of a guest's stage 2.
  case guestStage2 = 2
  /// The page's `struct hyp_page`, as a little-endian word.
  case vmemmap = 3

  /// The word used in SQL and in recordings.
  package var name: String {
    switch self {
    case .hostStage2: "host_s2"
    case .hypStage1: "hyp_s1"
    case .guestStage2: "guest_s2"
    case .vmemmap: "vmemmap"
    }
  }
}

/// What memory did under an entry: one page, block or run of one table.
package struct Change: Hashable, Sendable {
  /// The entry it belongs to.
  package var seq: SequenceNumber
  /// Its place among the changes of that entry, from 0.
  package var ordinal: Int32
  /// Whose table; for `vmemmap` the space whose state the word changes.
  package var space: SpaceID
  /// Which table.
  package var table: TableKind
  /// The pages: pfns, or gfns in a guest. For a block leaf the range that the recorder looked at.
  package var pages: PageRange
  /// The level of the leaf before; 3 for vmemmap.
  package var oldLevel: Int8
  /// The level of the leaf after; 3 for vmemmap.
  package var newLevel: Int8
  /// The raw word before, of the first page; nil if not recorded.
  package var old: UInt64?
  /// The raw word after, of the first page; nil: something was written that was not recorded.
  package var new: UInt64?
  /// The logical state before, as decoded when it was recorded.
  package var oldState: PageState
  /// The logical state after.
  package var newState: PageState
  /// The space that the table names as owner afterwards; nil for nobody.
  package var owner: SpaceID?
  /// True if the recorder did not write this change down: it follows from the others.
  package var isInferred: Bool

  /// Makes a change.
  package init(
    seq: SequenceNumber, ordinal: Int32, space: SpaceID, table: TableKind, pages: PageRange, oldLevel: Int8,
    newLevel: Int8, old: UInt64?, new: UInt64?, oldState: PageState, newState: PageState, owner: SpaceID?,
    isInferred: Bool
  ) {
    self.seq = seq
    self.ordinal = ordinal
    self.space = space
    self.table = table
    self.pages = pages
    self.oldLevel = oldLevel
    self.newLevel = newLevel
    self.old = old
    self.new = new
    self.oldState = oldState
    self.newState = newState
    self.owner = owner
    self.isInferred = isInferred
  }
}

/// A raw leaf with its level, as a recorder read it.
package struct LeafWord: Hashable, Sendable {
  /// The level of the leaf: 3 is a page, 2 a 2 MiB block.
  package var level: Int8
  /// The raw descriptor.
  package var raw: UInt64

  /// Makes a leaf word.
  package init(level: Int8, raw: UInt64) {
    self.level = level
    self.raw = raw
  }
}

/// What a begin entry saw of one page (or of a run with equal vmemmap words) before anything happened.
package struct Observation: Hashable, Sendable {
  /// The begin entry.
  package var seq: SequenceNumber
  /// Its place among the observations of that entry, from 0.
  package var ordinal: Int32
  /// The pages; pfns if ``frame``, host or hyp words are there.
  package var pages: PageRange
  /// True if the words are those of `pages.count` pages somewhere in the transition's range.
  package var isUnordered: Bool
  /// The page's `struct hyp_page`, as a little-endian word.
  package var frame: UInt64?
  /// The leaf of the host's stage 2.
  package var host: LeafWord?
  /// The leaf of the hypervisor's stage 1.
  package var hyp: LeafWord?
  /// The guest whose leaf was read, with its address.
  package var guestSpace: SpaceID?
  /// The gfn in that guest.
  package var guestPage: PageFrame?
  /// The leaf of the guest's stage 2.
  package var guest: LeafWord?

  /// Makes an observation of a run of pages; the words are set as known.
  package init(seq: SequenceNumber, ordinal: Int32, pages: PageRange, isUnordered: Bool = false) {
    self.seq = seq
    self.ordinal = ordinal
    self.pages = pages
    self.isUnordered = isUnordered
  }
}

/// A hole in what was seen.
package struct Gap: Hashable, Sendable {
  /// The `lost` entry.
  package var seq: SequenceNumber
  /// How many source lines are missing; nil if unknown.
  package var missing: Int64?
  /// The source index of the first missing line; nil if unknown.
  package var firstIndex: Int64?
  /// In words, with line and offset.
  package var why: String

  /// Makes a gap.
  package init(seq: SequenceNumber, missing: Int64?, firstIndex: Int64?, why: String) {
    self.seq = seq
    self.missing = missing
    self.firstIndex = firstIndex
    self.why = why
  }
}

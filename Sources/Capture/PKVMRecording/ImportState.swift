// Why: what an import must remember between two lines, so that it can stop after any commit and go on
// later as if nothing had happened. It is stored as JSON in the same commit as the entries.
// Not here: the machine's state, which the journal itself gives back by replay.

import Foundation
package import PageOwnership

/// A store of the hypervisor whose apply line has not come yet.
struct PendingStore: Codable, Hashable {
  var table: UInt8
  var space: Int32
  var page: UInt64
  var level: Int8
  /// For the vmemmap: the first byte written, and how many.
  var byte: Int
  var size: Int
  var value: UInt64
  /// The store put a table there, not a leaf.
  var isTable: Bool
}

/// A word that a transition last saw.
struct SeenRaw: Codable, Hashable {
  var table: UInt8
  var page: UInt64
  var raw: UInt64
}

/// A transition that has begun and not ended.
struct OpenTransition: Codable, Hashable {
  var id: Int64
  var operation: String
  var cpu: Int32
  /// The activation that began with the same line (host aborts, guest calls) and ends with it.
  var ownsActivation = false
  /// The first page, and how many; nil where no physical page is known.
  var page: UInt64?
  var pageCount: UInt64
  var guestSpace: Int32?
  var guestPage: UInt64?
  /// The phase that failed last.
  var failedSeq: Int64?
  var hasChanges = false
  /// False after a gap: it may have ended unseen.
  var isCertainlyOpen = true
  var stores: [PendingStore] = []
  /// The words that it last saw, until it changes some itself.
  var seen: [SeenRaw] = []
}

/// An activation that has begun and not ended.
struct OpenActivation: Codable, Hashable {
  var id: Int64
  var function: String
  var cpu: Int32
  var kind: String
  /// The first register, or the handle argument: which VM it is about.
  var handle: UInt16?
  /// The guest that had the handle then: it may be given away again before this returns.
  var guestSpace: Int32?
  /// False once its CPU is known to have left it without an end.
  var isCurrent = true
}

/// A guest that is known to live.
struct LiveGuest: Codable, Hashable {
  var handle: UInt16
  var incarnation: Int32
  var bornSeq: Int64
  /// Its space.
  var space: Int32
  /// Whether its row was written.
  var isWritten: Bool

  func asSpace(isProtected: Bool?) -> Space {
    Space(
      id: SpaceID(rawValue: space), kind: .guest, handle: VMHandle(rawValue: handle), incarnation: incarnation,
      isProtected: isProtected)
  }
}

/// Everything an import remembers.
package struct ImportState: Codable, Hashable, Sendable {
  /// The layout of this record.
  package var version = 1
  /// Whether the whole recording was read.
  package var isComplete = false
  /// The name of the events file as given.
  package var input = ""
  /// Uncompressed bytes of events that are in the journal.
  package var offset: Int64 = 0
  /// Lines of events that are in the journal.
  package var line = 0
  /// SHA-256 of those bytes, as hex digits.
  package var prefixDigest = ""
  /// Whether the recording came with a snapshots file.
  package var hasSnapshots = false
  /// Snapshots that are in the journal.
  package var snapshotCount: Int64 = 0
  /// The index that the next line should have.
  package var nextIndex: Int64 = 0
  /// The last entry.
  package var lastSeq: Int64 = 0
  /// Lines that were skipped or missing.
  package var gapCount: Int64 = 0
  /// Own snapshots are due at multiples of this many entries.
  package var leafInterval: Int64 = 50_000
  var siteCount: Int32 = 0
  var nextSpace: Int32 = SpaceID.firstGuest.rawValue
  // A key that is no Int would be encoded as a list in no certain order.
  var incarnations: [Int: Int32] = [:]
  var reservedHandles: [UInt16] = []
  /// Initialisations that returned, less those whose guest something named.
  var initialisedWithoutName = 0
  /// Unreadable lines since the last one that was read: they are recorded as lost already.
  var unreadLines: Int64 = 0
  /// Leaves read so far, by shareability.
  var stage1Leaves = LeafCount()
  var stage2Leaves = LeafCount()
  /// Transitions that ended in a panic; nothing of them should follow.
  var fatalTransitions: [Int64] = []
  var guests: [LiveGuest] = []
  var transitions: [OpenTransition] = []
  var activations: [OpenActivation] = []

  /// A fresh import.
  package init() {}

  /// Guests that live and have no row in the journal yet, with their births.
  package var unwrittenGuests: [(Space, SequenceNumber)] {
    guests.filter { !$0.isWritten }.map { ($0.asSpace(isProtected: nil), SequenceNumber($0.bornSeq)) }
  }

  /// As JSON text, keys in a fixed order.
  package func encoded() -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    guard let data = try? encoder.encode(self) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  /// Reads what ``encoded()`` wrote; nil for anything else.
  package init?(_ text: String) {
    guard let read = try? JSONDecoder().decode(ImportState.self, from: Data(text.utf8)) else { return nil }
    self = read
  }
}

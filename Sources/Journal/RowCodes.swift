// Why: the few values that rows hold as small numbers. The words beside them stand in the schema's word
// tables; a test compares the two. Not here: words stored as text (their raw values).

import PageOwnership

extension ActivationKind {
  /// The number in `activation_word`.
  var code: Int64 {
    switch self {
    case .hypercall: 0
    case .function: 1
    case .hostAbort: 2
    case .guestCall: 3
    case .boot: 4
    }
  }

  /// All kinds, by number.
  static let byCode: [ActivationKind] = [.hypercall, .function, .hostAbort, .guestCall, .boot]
}

/// Levels as bytes side by side; the common case is stored as NULL.
enum LevelCode {
  /// Two or three levels in one number; nil if all are 3.
  @inline(__always)
  static func pack(_ first: Int8, _ second: Int8, _ third: Int8 = 0) -> Int64 {
    Int64(UInt8(bitPattern: first)) << 16 | Int64(UInt8(bitPattern: second)) << 8 | Int64(UInt8(bitPattern: third))
  }

  /// The level in byte `index`, counted from the lowest.
  @inline(__always)
  static func unpack(_ number: Int64, _ index: Int64) -> Int8 {
    Int8(truncatingIfNeeded: number >> (index << 3))
  }
}

/// The `flags` of a change: table, states, inferred.
enum ChangeFlags {
  /// Packs them as the schema says.
  @inline(__always)
  static func pack(_ change: borrowing Change) -> Int64 {
    let low = Int64(change.table.rawValue) | Int64(change.oldState.rawValue) << 2
    return low | Int64(change.newState.rawValue) << 5 | (change.isInferred ? 256 : 0)
  }
}

// How values are stored: the common case as NULL.

extension Entry {
  /// Beside a page, one page is NULL.
  @inline(__always)
  var storedPageCount: Int64? {
    page != nil && pageCount == 1 ? nil : pageCount.map { Int64(bitPattern: $0) }
  }
}

extension PageRange {
  /// One page is NULL.
  @inline(__always)
  var storedCount: Int64? { count == 1 ? nil : Int64(bitPattern: count) }
}

extension Change {
  /// Both at level 3 are NULL.
  @inline(__always)
  var storedLevels: Int64? { oldLevel == 3 && newLevel == 3 ? nil : LevelCode.pack(0, oldLevel, newLevel) }
}

extension Observation {
  /// All at level 3 are NULL.
  @inline(__always)
  var storedLevels: Int64? {
    let (host, hyp, guest) = (host?.level ?? 3, hyp?.level ?? 3, guest?.level ?? 3)
    return host == 3 && hyp == 3 && guest == 3 ? nil : LevelCode.pack(host, hyp, guest)
  }

  /// 1: the pages stand in no known order.
  @inline(__always)
  var storedFlags: Int64 { isUnordered ? 1 : 0 }
}

extension ActionEnd {
  /// Of a transition, in `outcome_word`.
  @inline(__always)
  var storedOutcome: UInt8 { (outcome ?? .open).rawValue }
}

extension Snapshot {
  /// Numbers with blanks between.
  var storedBusyCPUs: String { busyCPUs.map { "\($0)" }.joined(separator: " ") }

  /// Numbers with blanks between.
  var storedGuests: String { guests.map { "\($0.rawValue)" }.joined(separator: " ") }
}

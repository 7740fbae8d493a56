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

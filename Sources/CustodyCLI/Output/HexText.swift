// Why: addresses, counts, times and results look the same in every command.

import PageOwnership

/// Numbers as a hypervisor engineer writes them.
enum HexText {
  /// `0x48163000`.
  static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  /// `00ff`, two digits a byte.
  static func bytes(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// `×512`, empty for one page.
  static func times(_ count: UInt64?) -> String {
    guard let count, count != 1 else { return "" }
    return " ×\(count)"
  }

  /// `0x48163000 ×512`.
  static func pages(_ address: UInt64?, _ count: UInt64?) -> String {
    guard let address else { return "" }
    return hex(address) + times(count)
  }

  /// Seconds with a fixed number of decimals, cut, not rounded.
  static func seconds(_ nanoseconds: Int64, decimals: Int) -> String {
    let magnitude = nanoseconds.magnitude
    let fraction = "\(magnitude % 1_000_000_000)"
    let padded = String(repeating: "0", count: 9 - fraction.count) + fraction
    return (nanoseconds < 0 ? "-" : "") + "\(magnitude / 1_000_000_000)." + padded.prefix(decimals)
  }

  /// Seconds with as many decimals as are not zero.
  static func seconds(_ nanoseconds: Int64) -> String {
    var text = seconds(nanoseconds, decimals: 9)
    while text.hasSuffix("0"), !text.hasSuffix(".0") { text.removeLast() }
    return text
  }

  /// `-EPERM` for errnos that we know, else the number.
  static func result(_ result: Int64) -> String { Errno.name(result) ?? "\(result)" }
}

extension Transition {
  /// The guest's end; nil if no guest takes part.
  var guestEnd: Endpoint? {
    if source.space.isGuest { return source }
    return target.space.isGuest ? target : nil
  }

  /// The physical address: the host's end. The corresponding column is `page` of the view `transition`.
  var physicalAddress: UInt64? {
    if source.space == .host { return source.address }
    return target.space == .host ? target.address : nil
  }
}

// Why: how long and how large, as people type it. Not here: what is pruned by it (PruneRun).

import ArgumentParser

/// A length of time: `90s`, `1.5h`, `7d`.
struct DurationArgument: ExpressibleByArgument, Equatable {
  /// Nanoseconds.
  var nanoseconds: Int64

  private static let units: [(String, Int64)] = [
    ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
  ]

  init?(argument: String) {
    // The longest ending wins: "ms" is not "s".
    guard let (unit, scale) = Self.units.filter({ argument.hasSuffix($0.0) }).max(by: { $0.0.count < $1.0.count }),
      let value = ScaledNumber.parse(argument.dropLast(unit.count), times: scale)
    else { return nil }
    nanoseconds = value
  }
}

/// A number of bytes: `500000`, `64K`, `1.5G`; K, M, G and T are powers of 1024.
struct SizeArgument: ExpressibleByArgument, Equatable {
  /// Bytes.
  var bytes: Int64

  init?(argument: String) {
    var text = argument[...]
    var scale: Int64 = 1
    if let last = text.last?.uppercased(), let place = ["K", "M", "G", "T"].firstIndex(of: last) {
      scale <<= Int64(10 * (place + 1))
      text = text.dropLast()
    }
    guard let value = ScaledNumber.parse(text, times: scale) else { return nil }
    bytes = value
  }
}

/// Decimal numbers with a unit.
enum ScaledNumber {
  /// Digits, perhaps a point and up to nine more, times a unit; nil for anything else and for what is too big.
  static func parse(_ text: Substring, times unit: Int64) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = digits(parts[0]) else { return nil }
    let (product, isTooBig) = whole.multipliedReportingOverflow(by: unit)
    guard !isTooBig else { return nil }
    guard parts.count == 2 else { return product }
    guard parts[1].count <= 9, let fraction = digits(parts[1]) else { return nil }
    let divisor = parts[1].reduce(1.0) { scale, _ in scale * 10 }
    let (sum, overflow) = product.addingReportingOverflow(Int64(Double(fraction) / divisor * Double(unit)))
    return overflow ? nil : sum
  }

  private static func digits(_ text: Substring) -> Int64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
      return nil
    }
    return Int64(text)
  }
}

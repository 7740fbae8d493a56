// Why: `--at` in all its forms (design §5), as typed. Not here: which entry it means (PointInTime+Resolve).

import ArgumentParser
import PageOwnership

/// A moment as the user names it.
enum PointInTime: ExpressibleByArgument, Equatable {
  /// `123`: right after that entry.
  case entry(SequenceNumber)
  /// `t=12.5s`: nanoseconds since the start of the recording.
  case time(Int64)
  /// `t=-5s`: nanoseconds before the last time that the recording tells.
  case beforeEnd(Int64)
  /// `mark=0x4001`, `mark=0x4001#2`: the mark of that value, the first or the n-th.
  case mark(Int64, number: Int)
  /// `T5446`: right after its last entry.
  case transition(ActionID)
  /// `T5446.3`: right after its third phase.
  case phase(ActionID, Int)
  /// `HEAD`, `HEAD~10`: so many entries before the last one.
  case head(Int64)
  /// `@name`: a name given to a moment.
  case name(String)

  init?(argument: String) {
    guard let point = Self.parse(argument[...]) else { return nil }
    self = point
  }

  private static func parse(_ text: Substring) -> PointInTime? {
    if text.hasPrefix("@"), text.count > 1 { return .name(String(text.dropFirst())) }
    if text.hasPrefix("t=") { return time(text.dropFirst(2)) }
    if text.hasPrefix("mark=") { return mark(text.dropFirst(5)) }
    if text.hasPrefix("HEAD") { return head(text.dropFirst(4)) }
    if let first = text.first, first == "T" || first == "t" { return transition(text.dropFirst()) }
    return digits(text).map { .entry(SequenceNumber($0)) }
  }

  private static func digits(_ text: Substring) -> Int64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
      return nil
    }
    return Int64(text)
  }

  private static func head(_ text: Substring) -> PointInTime? {
    if text.isEmpty { return .head(0) }
    guard text.first == "~" else { return nil }
    return digits(text.dropFirst()).map { .head($0) }
  }

  private static func transition(_ text: Substring) -> PointInTime? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let id = digits(parts[0]) else { return nil }
    guard parts.count == 2 else { return .transition(ActionID(id)) }
    return digits(parts[1]).flatMap { Int(exactly: $0) }.map { .phase(ActionID(id), $0) }
  }

  private static func mark(_ text: Substring) -> PointInTime? {
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    guard let value = NumberArgument.number(parts[0]).flatMap({ Int64(exactly: $0) }) else { return nil }
    guard parts.count == 2 else { return .mark(value, number: 1) }
    guard let number = digits(parts[1]).flatMap({ Int(exactly: $0) }), number > 0 else { return nil }
    return .mark(value, number: number)
  }

  private static let units: [(String, Int64)] = [
    ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
  ]

  private static func time(_ text: Substring) -> PointInTime? {
    var text = text
    let isBeforeEnd = text.first == "-"
    if isBeforeEnd { text = text.dropFirst() }
    var unit: Int64 = 1_000_000_000
    if let found = units.first(where: { text.hasSuffix($0.0) }) {
      unit = found.1
      text = text.dropLast(found.0.count)
    }
    guard let nanoseconds = scaled(text, by: unit) else { return nil }
    return isBeforeEnd ? .beforeEnd(nanoseconds) : .time(nanoseconds)
  }

  /// A decimal number times a power of ten, cut to whole ones; nil if it is none or too big.
  private static func scaled(_ text: Substring, by unit: Int64) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = digits(parts[0]) else { return nil }
    let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    guard parts.count == 2 else { return product }
    guard digits(parts[1].prefix(18)) != nil, parts[1].count <= 18 else { return nil }
    var place = unit
    var fraction: Int64 = 0
    for digit in parts[1] where place > 0 {
      place /= 10
      fraction += place * Int64(digit.wholeNumberValue ?? 0)
    }
    let (sum, isTooBig) = product.addingReportingOverflow(fraction)
    return isTooBig ? nil : sum
  }

  /// How it is typed, for errors.
  var text: String {
    switch self {
    case .entry(let seq): "\(seq.rawValue)"
    case .time(let nanoseconds): "t=\(HexText.seconds(nanoseconds))s"
    case .beforeEnd(let nanoseconds): "t=-\(HexText.seconds(nanoseconds))s"
    case .mark(let value, let number):
      "mark=0x" + String(value, radix: 16) + (number > 1 ? "#\(number)" : "")
    case .transition(let id): "T\(id.rawValue)"
    case .phase(let id, let phase): "T\(id.rawValue).\(phase)"
    case .head(let distance): distance == 0 ? "HEAD" : "HEAD~\(distance)"
    case .name(let name): "@" + name
    }
  }
}

/// `--at`.
struct AtOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The moment: 123 (after that entry), t=12.5s, t=-5s, mark=0x4001 (#2 the second), T5446, T5446.3, HEAD~10, @x.",
      valueName: "moment"))
  var at: PointInTime?
}

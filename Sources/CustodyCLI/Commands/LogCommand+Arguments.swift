// Why: what a user may type for an operation, an outcome, a page, a guest, a transition (design §5).

import ArgumentParser
import Journal
import PageOwnership

extension Operation: ExpressibleByArgument {
  /// The operation with our name or a kernel function's.
  package init?(argument: String) {
    guard let found = Operation(rawValue: argument) ?? Operation(kernelFunction: argument) else { return nil }
    self = found
  }

  /// Our names, for help and errors.
  package static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

extension TransitionOutcome: ExpressibleByArgument {
  /// The outcome with a name, a hyphen standing for its space.
  package init?(argument: String) {
    guard let found = Self.allCases.first(where: { $0.argument == argument || $0.name == argument }) else { return nil }
    self = found
  }

  private var argument: String { String(name.map { $0 == " " ? "-" : $0 }) }

  /// The names, for help and errors.
  package static var allValueStrings: [String] { allCases.map(\.argument) }
}

/// Numbers as users type them.
enum NumberArgument {
  /// `0x…`.
  static func hex(_ text: Substring) -> UInt64? {
    guard text.hasPrefix("0x") || text.hasPrefix("0X"), text.dropFirst(2).first?.isHexDigit == true else { return nil }
    return UInt64(text.dropFirst(2), radix: 16)
  }

  /// `0x…`, or decimal digits.
  static func number(_ text: Substring) -> UInt64? {
    hex(text) ?? (text.first?.isNumber == true ? UInt64(text) : nil)
  }
}

/// `guest:0x1000#3`, or without `#3` the last one of that handle; `guest:` may be left out.
struct GuestArgument: ExpressibleByArgument, Equatable {
  var handle: VMHandle
  var incarnation: Int32?

  init?(argument: String) { self.init(Substring(argument)) }

  init?(_ text: Substring) {
    let text = text.hasPrefix("guest:") ? text.dropFirst(6) : text
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    guard let number = NumberArgument.hex(parts[0]), let handle = UInt16(exactly: number) else { return nil }
    self.handle = VMHandle(rawValue: handle)
    guard parts.count == 2 else { return }
    guard let incarnation = NumberArgument.number(parts[1]).flatMap({ Int32(exactly: $0) }) else { return nil }
    self.incarnation = incarnation
  }

  /// The space it means. Throws a ``CommandFailure`` with status 2 if there is none.
  func space(in spaces: [Space], _ console: Console) throws -> SpaceID {
    let all = spaces.filter { $0.handle == handle }
    let name = "guest:" + HexText.hex(UInt64(handle.rawValue))
    guard let last = all.last else {
      let known = Set(spaces.compactMap { $0.handle.map { HexText.hex(UInt64($0.rawValue)) } }).sorted()
      throw CommandFailure(
        "the journal has no \(name)",
        hint: known.isEmpty ? "it has no guests" : "it has guests of \(known.joined(separator: ", "))",
        status: ExitStatus.usage)
    }
    guard let incarnation else {
      if all.count > 1 { try console.note("\(name) is \(last.name) here, the last of \(all.count)") }
      return last.id
    }
    guard let found = all.first(where: { $0.incarnation == incarnation }) else {
      throw CommandFailure(
        "the journal has no \(name)#\(incarnation)", hint: "the last one is \(last.name)", status: ExitStatus.usage)
    }
    return found.id
  }
}

/// A page: `0x48163000` (physical), `pfn:0x48163`, `guest:0x1000#3/0x80000000`.
enum PageArgument: ExpressibleByArgument, Equatable {
  case physical(PageFrame)
  case guest(GuestArgument, PageFrame)

  init?(argument: String) {
    if argument.hasPrefix("pfn:") {
      guard let frame = NumberArgument.number(argument.dropFirst(4)) else { return nil }
      self = .physical(PageFrame(frame))
    } else if argument.hasPrefix("guest:") {
      let parts = argument.split(separator: "/", maxSplits: 1)
      guard parts.count == 2, let guest = GuestArgument(parts[0]), let address = NumberArgument.hex(parts[1]) else {
        return nil
      }
      self = .guest(guest, PageFrame(containing: address))
    } else {
      guard let address = NumberArgument.hex(argument[...]) else { return nil }
      self = .physical(PageFrame(containing: address))
    }
  }
}

/// `T5446`, `A5441` or just the number.
struct ActionArgument: ExpressibleByArgument, Equatable {
  enum Kind {
    case transition, activation
  }

  /// What the letter says; nil without one.
  var kind: Kind?
  var id: ActionID

  init?(argument: String) {
    var digits = argument[...]
    switch argument.first {
    case "T", "t": kind = .transition
    case "A", "a": kind = .activation
    default: break
    }
    if kind != nil { digits = digits.dropFirst() }
    guard digits.first?.isNumber == true, let number = Int64(digits) else { return nil }
    id = ActionID(number)
  }
}

// Why: an image that fails must be found again and made small: it has a name of one line, from which it is
// rebuilt, and fates are taken back one by one while it still fails.

import TestSupport

/// How an image came to be: a scenario, then one cut or, with a cut during recovery, several.
struct CrashImage: Hashable, Sendable, CustomStringConvertible {
  struct Cut: Hashable, Sendable {
    /// How many operations were done.
    var operationCount: Int
    var fates: [Fate]
  }

  var scenario: String
  var cuts: [Cut]

  /// `append/57/kklt3f2z`, with `/` and more numbers for cuts during recovery.
  var description: String {
    ([scenario] + cuts.map { "\($0.operationCount)/" + $0.fates.map(\.letter).joined() }).joined(separator: "/")
  }

  /// Reads ``description``; nil if it is none.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 3, parts.count % 2 == 1 else { return nil }
    scenario = parts[0]
    cuts = []
    for index in stride(from: 1, to: parts.count, by: 2) {
      guard let count = Int(parts[index]), let fates = Fate.list(parts[index + 1]) else { return nil }
      cuts.append(Cut(operationCount: count, fates: fates))
    }
  }

  init(scenario: String, cuts: [Cut]) {
    self.scenario = scenario
    self.cuts = cuts
  }

  /// An image that still fails and from which no loss can be taken away.
  func shrunk(_ stillFails: (CrashImage) -> Bool) -> CrashImage {
    var smallest = self
    for cut in cuts.indices {
      for index in cuts[cut].fates.indices where cuts[cut].fates[index] != .kept {
        var smaller = smallest
        smaller.cuts[cut].fates[index] = .kept
        if stillFails(smaller) {
          smallest = smaller
          continue
        }
        guard cuts[cut].fates[index] != .lost else { continue }
        smaller.cuts[cut].fates[index] = .lost
        if stillFails(smaller) { smallest = smaller }
      }
    }
    return smallest
  }
}

extension Fate {
  fileprivate var letter: String {
    switch self {
    case .kept: "k"
    case .lost: "l"
    case .torn(let sectors, let unit, let zeros):
      "t" + (sectors < 16 ? "0" : "") + String(sectors, radix: 16) + (unit == 512 ? "s" : "p") + (zeros ? "z" : "o")
    }
  }

  fileprivate static func list(_ text: String) -> [Fate]? {
    var fates: [Fate] = []
    var rest = Array(text)[...]
    while let first = rest.popFirst() {
      switch first {
      case "k": fates.append(.kept)
      case "l": fates.append(.lost)
      case "t":
        guard rest.count >= 4, let sectors = UInt8(String(rest.prefix(2)), radix: 16) else { return nil }
        let tail = Array(rest.dropFirst(2).prefix(2))
        rest = rest.dropFirst(4)
        fates.append(.torn(sectors: sectors, unit: tail[0] == "s" ? 512 : 4096, zeros: tail[1] == "z"))
      default: return nil
      }
    }
    return fates
  }

  /// Fates of `count` changes, drawn so that a few, half or most are lost and some are torn.
  static func drawn(_ count: Int, _ random: inout SeededRandom) -> [Fate] {
    let losses = [1, 4, 15][random.below(3)]
    let tears = [0, 1, 6][random.below(3)]
    return (0..<count).map { _ in
      let number = random.below(16)
      if number < losses { return .lost }
      guard number < losses + tears else { return .kept }
      return .torn(
        sectors: UInt8(truncatingIfNeeded: random.next()), unit: random.below(4) == 0 ? 4096 : 512,
        zeros: random.below(2) == 0)
    }
  }

  /// The fates of `count` changes whose bits in `number` say which are lost.
  static func numbered(_ number: Int, _ count: Int) -> [Fate] {
    (0..<count).map { number >> $0 & 1 == 1 ? .lost : .kept }
  }
}

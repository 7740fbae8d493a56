// Why: Foundation's parser, slower and written by others, judges ours on random values.

import Capture
import Foundation
import Testing

/// A value that both parsers can be turned into.
private indirect enum Tree: Equatable {
  case object([String: Tree])
  case array([Tree])
  case string(String)
  case number(Double)
  case bool(Bool)
  case null

  init(_ value: JSONValue) {
    switch value.kind {
    case .object:
      var fields: [String: Tree] = [:]
      value.forEachField { key, field in fields[key.makeString()] = Tree(field) }
      self = .object(fields)
    case .array:
      var elements: [Tree] = []
      value.forEachElement { elements.append(Tree($0)) }
      self = .array(elements)
    case .string: self = .string(value.makeString() ?? "?")
    case .integer, .double: self = .number(value.double ?? .nan)
    case .bool: self = .bool(value.bool ?? false)
    case .null: self = .null
    }
  }

  init(foundation value: Any) {
    switch value {
    case let fields as [String: Any]: self = .object(fields.mapValues { Tree(foundation: $0) })
    case let elements as [Any]: self = .array(elements.map { Tree(foundation: $0) })
    case let text as String: self = .string(text)
    case let flag as Bool where isBoolean(value): self = .bool(flag)
    case let number as NSNumber: self = .number(number.doubleValue)
    default: self = .null
    }
  }
}

/// Foundation bridges 0 and 1 to `Bool` too; the type it names tells them apart.
private func isBoolean(_ value: Any) -> Bool {
  guard let number = value as? NSNumber else { return false }
  return String(cString: number.objCType) == "c"
}

/// Writes random JSON text: odd spaces, escapes, all forms of numbers.
private struct TextMaker {
  var random: InputRandom

  mutating func value(depth: Int) -> String {
    switch random.below(depth > 0 ? 7 : 5) {
    case 0: return ["true", "false", "null"][random.below(3)]
    case 1, 2: return number()
    case 3, 4: return string()
    case 5:
      return list(depth) { maker, depth in maker.value(depth: depth) }.wrapped("[", "]")
    default:
      // Unique keys: parsers differ on which of two equal ones to keep.
      return list(depth) { maker, depth in
        let key = maker.string().dropLast() + String(maker.random.next(), radix: 36)
        return "\(key)\"\(maker.space()):\(maker.space())\(maker.value(depth: depth))"
      }.wrapped("{", "}")
    }
  }

  private mutating func list(_ depth: Int, _ item: (inout TextMaker, Int) -> String) -> String {
    var items: [String] = []
    for _ in 0..<random.below(5) { items.append(space() + item(&self, depth - 1) + space()) }
    return items.joined(separator: ",")
  }

  private mutating func space() -> String { ["", "", "", " ", "\t", "  "][random.below(6)] }

  private mutating func number() -> String {
    switch random.below(5) {
    case 0: String(random.below(100))
    // Foundation is one bit off for negative integers beyond 2^53; InputJSONValueTests has those.
    case 1: String(Int64(bitPattern: random.next()) >> 11)
    case 2: String(random.next() >> UInt64(random.below(64)))
    case 3: "\(Double(random.below(2_000_000) - 1_000_000) / 1024)"
    default: "-\(random.below(1000)).\(random.below(1000))e\(["", "+", "-"][random.below(3)])\(random.below(30))"
    }
  }

  private mutating func string() -> String {
    let pieces = [
      "a", "0x7f", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "é", "☃", "😀", "\\ud83d\\ude00", "key ", "{", "]", ",", ":",
      "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    ]
    var text = ""
    for _ in 0..<random.below(6) { text += pieces[random.below(pieces.count)] }
    return text.wrapped("\"", "\"")
  }
}

extension String {
  fileprivate func wrapped(_ before: String, _ behind: String) -> String { before + self + behind }
}

@Suite struct InputJSONPropertyTests {
  @Test func foundationReadsTheSame() throws {
    let seed = InputRandom.seed(0xC057)
    var maker = TextMaker(random: InputRandom(seed: seed))
    for round in 0..<2_000 {
      let text = maker.value(depth: 5)
      let theirs = try JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed])
      let ours = try withJSON(text) { Tree($0) }
      #expect(ours == Tree(foundation: theirs), "seed \(seed) round \(round): \(text)")
    }
  }
}

// Why: each kind of value, each border of each number, and each text that is no JSON.

import Capture
import Testing

@Suite struct InputJSONValueTests {
  @Test func integersKeepTheirRange() throws {
    let cases: [(String, Int64?, UInt64?)] = [
      ("0", 0, 0), ("-0", 0, 0), ("-1", -1, nil), ("9223372036854775807", .max, UInt64(Int64.max)),
      ("-9223372036854775808", .min, nil), ("9223372036854775808", nil, 1 << 63),
      ("18446744073709551615", nil, .max),
    ]
    for (text, signed, unsigned) in cases {
      // Alone, and with text behind it.
      for document in [text, "[\(text)]"] {
        try withJSON(document) { value in
          var number = value
          value.forEachElement { number = $0 }
          #expect(number.kind == .integer, "\(document)")
          #expect(number.int64 == signed, "\(document)")
          #expect(number.uint64 == unsigned, "\(document)")
          #expect(number.double == signed.map { Double($0) } ?? unsigned.map { Double($0) }, "\(document)")
        }
      }
    }
  }

  @Test func doublesAreNoIntegers() throws {
    for (text, number) in [("1.0", 1.0), ("-2.5e3", -2500), ("2.3013", 2.3013), ("1e2", 100), ("1e-400", 0)] {
      try withJSON(text) { value in
        #expect(value.kind == .double)
        #expect(value.double == number)
        #expect(value.int64 == nil && value.uint64 == nil && value.hex == nil && value.string == nil)
      }
    }
  }

  private static let refused = [
    "18446744073709551616", "-9223372036854775809", "1e400", "-1e400", "NaN", "nan", "Infinity", "-", "+1", "01", "1.",
    ".5", "0x10", "", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\"open", "\"\\x\"", "tru",
    "nulll", "1 2", "{} {}", "\"a\nb\"", "\"\\ud800\"x", "[1]]", "\u{feff}", "\0", "{\"a\":1}\0",
  ]

  @Test func whatIsNoJSONIsRefused() throws {
    for text in Self.refused {
      let error = #expect(throws: InputError.self, "\(text.debugDescription)") { try withJSON(text) { _ in } }
      #expect(error?.code == .malformed, "\(text.debugDescription)")
    }
  }

  @Test func invalidTextIsRefused() throws {
    for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]] {
      let error = #expect(throws: InputError.self) {
        try withJSON([UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]) { _ in }
      }
      #expect(error?.message.contains("UTF-8") == true, "\(bytes)")
    }
  }

  @Test func nestingHasALimit() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    try withJSON(nested(JSONParser.defaultMaximumDepth - 1)) { #expect($0.kind == .array) }
    for depth in [JSONParser.defaultMaximumDepth + 1, 100_000] {
      let error = #expect(throws: InputError.self) { try withJSON(nested(depth)) { _ in } }
      #expect(error?.code == .malformed)
    }
    #expect(throws: InputError.self) { try withJSON(String(repeating: "[", count: 1_000_000)) { _ in } }
  }

  @Test func aDocumentHasALimit() throws {
    let parser = try JSONParser(maximumBytes: 100)
    let long = Array(("\"" + String(repeating: "x", count: 99) + "\"").utf8)
    let error = #expect(throws: InputError.self) { try withPadding(long) { _ = try parser.parse(padded: $0) } }
    #expect(error?.code == .lineTooLong)
    let short = try withPadding(Array("\"short\"".utf8)) { try parser.parse(padded: $0).makeString() }
    #expect(short == "short")
  }

  @Test func stringsCompareInPlace() throws {
    try withJSON(#"{"phase":"a\u0000b","empty":"","snow":"\u2603","pair":"\ud83d\ude00"}"#) { value in
      #expect(value["phase"]?.makeString() == "a\0b")
      #expect(value["phase"]?.equals("a") == false)
      #expect(value["empty"]?.equals("") == true)
      #expect(value["snow"]?.equals("☃") == true)
      #expect(value["pair"]?.makeString() == "😀")
      #expect(value["absent"] == nil)
      var seen: [Int] = []
      value.forEachField { key, _ in
        switch key {
        case "phase": seen.append(1)
        case "empty": seen.append(2)
        default: seen.append(3)
        }
      }
      #expect(seen == [1, 2, 3, 3])
    }
  }

  @Test func hexIsStrict() throws {
    let good: [(String, UInt64)] = [
      ("0x0", 0), ("0xf", 15), ("0xFf", 255), ("0x0000000000000001", 1), ("0xffffffffffffffff", .max),
    ]
    for (text, number) in good {
      try withJSON("\"\(text)\"") { #expect($0.hex == number, "\(text)") }
    }
    for text in [
      "", "0", "0x", "x1", "1x1", "0X1", "0xg", "0x1 ", " 0x1", "-0x1", "0x-1", "0x00000000000000000", "0x1ü",
    ] {
      try withJSON("\"\(text)\"") { #expect($0.hex == nil, "\(text)") }
    }
    try withJSON("16") { #expect($0.hex == nil) }
  }

  @Test func containersSkipAndCount() throws {
    try withJSON(#"{"a":[1,{"b":[2.5,"x"]},[]],"c":{},"a":-3,"d":true,"e":null}"#) { value in
      var walked: [String] = []
      value.forEachField { key, field in walked.append("\(key.makeString()) \(field.kind) \(field.count)") }
      #expect(walked == ["a array 3", "c object 0", "a integer 0", "d bool 0", "e null 0"])
      // The first of two equal keys; the walk shows both.
      #expect(value["a"]?.kind == .array)
      #expect(value["d"]?.bool == true)
      #expect(value["e"]?.isNull == true)
      value.forEachElement { _ in Issue.record("an object has no elements") }
      value["a"]?.forEachField { _, _ in Issue.record("an array has no fields") }
    }
  }

  @Test func aBodyMayThrow() throws {
    try withJSON("[1,2,3]") { value in
      var seen = 0
      #expect(throws: InputError.self) {
        try value.forEachElement { element throws(InputError) in
          seen += 1
          if element.int64 == 2 { throw InputError(.malformed, "two") }
        }
      }
      #expect(seen == 2)
    }
  }

  @Test func aParserIsUsedAgain() throws {
    let parser = try JSONParser()
    for length in [1, 5_000, 3, 70_000, 2] {
      let text = "[\"" + String(repeating: "y", count: length) + "\",\(length)]"
      try withPadding(Array(text.utf8)) { bytes in
        let value = try parser.parse(padded: bytes)
        var last: Int64?
        value.forEachElement { last = $0.int64 }
        #expect(last == Int64(length))
      }
      #expect(throws: InputError.self) { try withPadding([UInt8(ascii: "[")]) { _ = try parser.parse(padded: $0) } }
    }
  }
}

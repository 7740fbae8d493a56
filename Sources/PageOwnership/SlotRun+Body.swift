// Why: the bytes of a node image come back from a file that anybody may have written; decoding them must
// end in a value or a typed error.

extension SlotRun {
  static func encode(_ runs: [SlotRun]) -> [UInt8] {
    var bytes: [UInt8] = []
    for run in runs {
      append(UInt64(run.count), to: &bytes)
      append(run.word.map { $0 + 1 } ?? 0, to: &bytes)
    }
    return bytes
  }

  /// - Throws: ``LeafImageError/badBody`` unless the body is exactly 512 slots whose words `isWord` accepts.
  static func decode(_ body: [UInt8], isWord: (UInt64) -> Bool) throws(LeafImageError) -> [SlotRun] {
    var runs: [SlotRun] = []
    var rest = body[...]
    var slots: UInt64 = 0
    while !rest.isEmpty {
      guard let count = takeVarint(&rest), let code = takeVarint(&rest), count > 0, count <= 512 - slots else {
        throw .badBody
      }
      guard code == 0 || isWord(code - 1) else { throw .badBody }
      runs.append(SlotRun(count: Int(count), word: code == 0 ? nil : code - 1))
      slots += count
    }
    guard slots == 512 else { throw .badBody }
    return runs
  }

  private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// An unsigned LEB128 number of at most nine bytes (63 bits); nil if it is cut off or longer.
  private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0 as UInt64, to: 63, by: 7) {
      guard let byte = bytes.popFirst() else { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}

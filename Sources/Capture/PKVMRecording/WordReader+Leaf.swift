// Why: the decoded twins of page-table leaves, as recorders write them.

import PageOwnership
import PageTables

extension WordReader {
  /// Holds a word against what hypervisors write at all: bits that no recorder decodes.
  ///
  /// An annotation has no bits but its own; a valid leaf says in bit 1 whether it is a page or a block, is as
  /// shareable as all others of the machine, and uses no bits above the address but those for execution and
  /// software. The hypervisor's fixmap clears the valid bit alone.
  func checkShape(_ leaf: LeafWord, _ table: TableKind) throws(WordError) {
    let raw = leaf.raw
    let isSound: Bool
    if raw & 1 == 1 {
      let unused: UInt64 = table == .hypStage1 ? 0xf81b_0000_0000_0800 : 0xf81f_0000_0000_0800
      isSound = (raw >> 1 & 1 == 1) == (leaf.level == 3) && raw & unused == 0 && census.isUsual(raw >> 8 & 3, table)
    } else {
      isSound = table == .hypStage1 || raw & ~annotationBits(raw, table) == 0
    }
    guard isSound else { throw WordError("0x\(String(raw, radix: 16)) is no descriptor of this table") }
  }

  private func annotationBits(_ raw: UInt64, _ table: TableKind) -> UInt64 {
    guard generation == .linux7_1 else { return table == .hostStage2 ? 0x7fc : .max }
    let type = UInt64(15) << 60
    guard raw >> 60 == 2 else { return type }
    return type | (raw >> 1 & 7 == 2 ? 0x0fff_ffff_ffff_fffe : 0xe)
  }

  /// Holds the decoded fields of a leaf against its raw word.
  func check(_ value: JSONValue, _ leaf: LeafWord, _ table: TableKind) throws(WordError) {
    let descriptor = Descriptor(leaf.raw)
    var hasKind = false
    try value.forEachField { (key: StringView, field: JSONValue) throws(WordError) in
      switch key {
      case "valid": try expect(key, field, descriptor.isValid)
      case "oa": try expect(key, field, hex: descriptor.outputAddress(level: leaf.level))
      case "sw": try expect(key, field, number: leaf.raw >> 55 & 15)
      case "state": try expect(key, field, text: Self.stateNames[Int(leaf.raw >> 55 & 3)])
      case "attr":
        try expect(key, field, text: table == .hypStage1 ? hypAttributes(leaf.raw) : stage2Attributes(leaf.raw))
      case "type":
        hasKind = true
        try checkType(key, field, leaf.raw)
      case "owner":
        hasKind = true
        try checkOwner(key, field, leaf.raw)
      case "locked": try expect(key, field, leaf.raw >> 10 & 1 == 1)
      case "handle": try expect(key, field, hex: leaf.raw >> 4 & 0xffff)
      case "gfn": try expect(key, field, hex: leaf.raw >> 20 & 0xff_ffff_ffff)
      default: break
      }
    }
    if leaf.raw != 0, !descriptor.isValid, !hasKind, value["valid"] != nil {
      throw WordError("the raw word 0x\(String(leaf.raw, radix: 16)) is an annotation, but no owner or type is decoded")
    }
  }

  private static let stateNames = ["OWNED", "SHARED_OWNED", "SHARED_BORROWED", "NOPAGE"]

  private func checkType(_ key: StringView, _ value: JSONValue, _ raw: UInt64) throws(WordError) {
    switch raw >> 60 {
    case 1: try expect(key, value, text: "LOCKED")
    case 2: try expect(key, value, text: "DONATION")
    case 3: try expect(key, value, text: "POISONED")
    default: try expect(key, value, number: raw >> 60)
    }
  }

  private func checkOwner(_ key: StringView, _ value: JSONValue, _ raw: UInt64) throws(WordError) {
    if generation == .linux7_1 {
      let names = ["HOST", "HYP", "GUEST"]
      let owner = Int(raw >> 1 & 7)
      guard owner < names.count else {
        guard value.isNull else { throw contradiction(key, value, "raw word", "owner \(owner)") }
        return
      }
      return try expect(key, value, text: names[owner])
    }
    let names = ["HOST", "HYP", "FFA", "GUEST"]
    let owner = Int(raw >> 2 & 0xff)
    if owner < names.count { return try expect(key, value, text: names[owner]) }
    try expect(key, value, number: UInt64(owner))
  }

  /// `RWX mem=f af=1`, as recorders print stage-2 attributes.
  private func stage2Attributes(_ raw: UInt64) -> String {
    let read = raw >> 6 & 1 == 1 ? "R" : "-"
    let write = raw >> 7 & 1 == 1 ? "W" : "-"
    let execute = raw >> 53 & 3 == 0 ? "X" : "-"
    return "\(read)\(write)\(execute) mem=\(String(raw >> 2 & 15, radix: 16)) af=\(raw >> 10 & 1)"
  }

  /// `RW ap=0 uxn=1 pxn=1 idx=0`, as recorders print stage-1 attributes.
  private func hypAttributes(_ raw: UInt64) -> String {
    let access = raw >> 7 & 1 == 1 ? "RO" : "RW"
    return "\(access) ap=\(raw >> 6 & 3) uxn=\(raw >> 54 & 1) pxn=\(raw >> 53 & 1) idx=\(raw >> 2 & 7)"
  }

  private func expect(_ key: StringView, _ value: JSONValue, _ expected: Bool) throws(WordError) {
    guard value.bool == expected else { throw contradiction(key, value, "raw word", "\(expected)") }
  }

  private func expect(_ key: StringView, _ value: JSONValue, hex expected: UInt64) throws(WordError) {
    guard value.hex == expected else {
      throw contradiction(key, value, "raw word", "0x\(String(expected, radix: 16))")
    }
  }

  private func expect(_ key: StringView, _ value: JSONValue, number expected: UInt64) throws(WordError) {
    guard value.uint64 == expected else { throw contradiction(key, value, "raw word", "\(expected)") }
  }

  private func expect(_ key: StringView, _ value: JSONValue, text expected: String) throws(WordError) {
    guard let bytes = value.string?.bytes, bytes.elementsEqual(expected.utf8) else {
      throw contradiction(key, value, "raw word", expected)
    }
  }
}

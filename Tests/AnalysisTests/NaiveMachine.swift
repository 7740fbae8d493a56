// Why: a second account of what a recording does to memory, as plain and slow as possible and straight from
// the JSON: one dictionary entry for each page and leaf. It shares no code with importer and replay.

import Foundation

/// A word of a table, with its level.
struct NaiveLeaf: Equatable {
  var level: Int
  var raw: UInt64
}

/// The machine, page by page.
struct NaiveMachine {
  /// `struct hyp_page` by page, as hex text in memory order.
  private(set) var frames: [UInt64: String] = [:]
  /// Leaves that are not zero: by table, level and first page.
  private(set) var leaves: [String: [Int: [UInt64: UInt64]]] = [:]
  /// Pages that were written since the first snapshot, by table.
  private(set) var touched: [String: Set<UInt64>] = [:]
  private let offset: UInt64
  private var calls: [Int: [String: Any]] = [:]

  init(offset: UInt64) { self.offset = offset }

  /// The leaf that covers a page; nil for zero.
  func leaf(_ table: String, _ page: UInt64) -> NaiveLeaf? {
    for level in 0...3 {
      if let raw = leaves[table]?[level]?[page & ~(Self.size(level) - 1)] { return NaiveLeaf(level: level, raw: raw) }
    }
    return nil
  }

  private static func size(_ level: Int) -> UInt64 { 1 << UInt64(9 * (3 - level)) }

  // MARK: - the first snapshot

  /// Takes a line of the first snapshot.
  mutating func takeSnapshotLine(_ line: [String: Any]) {
    let kind = line["kind"] as? String
    if kind == "vmemmap", let raw = line["raw"] as? String {
      let first = Self.hex(line["start"]) >> 12
      for page in first..<first + Self.hex(line["len"]) >> 12 { frames[page] = raw }
    } else if kind == "range", let name = line["table"] as? String, let level = line["level"] as? Int {
      takeRange(name, level, line)
    }
  }

  private mutating func takeRange(_ name: String, _ level: Int, _ line: [String: Any]) {
    let raw = Self.hex(line["first"])
    let start = name == "hyp_s1" ? Self.hex(line["start"]) &+ offset : Self.hex(line["start"])
    for index in 0..<UInt64(line["entries"] as? Int ?? 0) {
      let distance = index * Self.size(level)
      leaves[name, default: [:]][level, default: [:]][start >> 12 + distance] =
        raw & 1 == 1 ? raw + distance << 12 : raw
    }
  }

  // MARK: - events

  /// Takes an event; before the first snapshot only calls are of interest.
  mutating func takeEvent(_ line: [String: Any], changes isAfterSnapshot: Bool) {
    guard let phase = line["phase"] as? String else { return }
    if phase == "call", let act = line["act"] as? Int { calls[act] = line }
    if phase == "hypercall-return", line["fn"] as? String == "__pkvm_reserve_vm", let result = line["result"] as? Int {
      leaves["guest_s2:0x" + String(result, radix: 16)] = nil
    }
    guard isAfterSnapshot, phase == "apply" || phase == "return" else { return }
    for inner in line["calls"] as? [[String: Any]] ?? [] {
      let arguments = inner["args"] as? [String: Any] ?? [:]
      take(
        inner["changes"], base: Self.hex(arguments["addr"]) >> 12, count: Self.hex(arguments["size"]) >> 12, guest: nil)
    }
    guard let act = line["act"] as? Int, let call = calls[act], let arguments = call["args"] as? [String: Any] else {
      return
    }
    let isWalk = arguments["old"] != nil
    let base = isWalk ? Self.hex(arguments["old"]) & 0xffff_ffff_f000 : Self.hex(arguments["phys"])
    let handle = arguments["handle"] as? String
    take(
      line["changes"], base: base >> 12, count: UInt64(arguments["nr"] as? Int ?? 1),
      guest: handle.map { ($0, Self.hex(arguments["ipa"]) >> 12) })
  }

  private mutating func take(_ list: Any?, base: UInt64, count: UInt64, guest: (handle: String, page: UInt64)?) {
    for change in list as? [[String: Any]] ?? [] {
      let what = change["what"] as? String ?? ""
      if what == "vmemmap" {
        let first = Self.hex(change["phys"]) >> 12
        for page in first..<first + UInt64(change["n"] as? Int ?? 0) { frames[page] = change["new"] as? String }
        continue
      }
      guard let new = change["new"] as? [String: Any], let old = change["old"] as? [String: Any] else { continue }
      let index = UInt64(change["j"] as? Int ?? 0)
      let place = count <= 64 || index == 0 ? index : min(count, 512) - 1
      if what == "guest_s2", let guest {
        write("guest_s2:" + guest.handle, guest.page + index, old, new)
      } else {
        write(what, base + place, old, new)
      }
    }
  }

  private mutating func write(_ table: String, _ page: UInt64, _ old: [String: Any], _ new: [String: Any]) {
    touched[table, default: []].insert(page)
    let raw = Self.hex(new["pte"])
    let level = new["level"] as? Int ?? 3
    let covering = leaf(table, page)
    if let covering, raw == 0 || covering.level < level {
      leaves[table]?[covering.level]?[page & ~(Self.size(covering.level) - 1)] = nil
    }
    guard raw != 0 else { return }
    let first = page & ~(Self.size(level) - 1)
    for finer in stride(from: level + 1, through: 3, by: 1) {
      let kept = leaves[table]?[finer]?.filter { !(first..<first + Self.size(level)).contains($0.key) }
      leaves[table, default: [:]][finer] = kept
    }
    leaves[table, default: [:]][level, default: [:]][first] = raw
  }

  /// `0x…` as a number; 0 for anything else.
  static func hex(_ value: Any?) -> UInt64 {
    guard let text = value as? String, text.hasPrefix("0x") else { return 0 }
    return UInt64(text.dropFirst(2), radix: 16) ?? 0
  }
}

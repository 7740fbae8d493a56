// Why: what a recording says of itself stands in `R.summary.json` beside `R.events.jsonl`.
// Not here: what the events themselves prove (FactsInference) and what the user says (CustodyCLI).

import Foundation
package import PageOwnership

/// Reads the facts that came with a recording.
package enum FactsFile {
  /// No sensible summary is larger.
  private static let sizeLimit = 16 << 20

  /// The summary that belongs to an events file: `R.events.jsonl[.gz]` ↔ `R.summary.json`; nil for other names.
  package static func sibling(of events: String) -> String? {
    for ending in [".events.jsonl.gz", ".events.jsonl"] where events.hasSuffix(ending) {
      return events.dropLast(ending.count) + ".summary.json"
    }
    return nil
  }

  /// Reads a summary. Throws ``InputError`` for a file that cannot be read or says something impossible.
  package static func read(_ path: String) throws(InputError) -> Facts {
    let text = try readAll(path)
    guard let object = try? JSONSerialization.jsonObject(with: text) as? [String: Any] else {
      throw InputError(.malformed, "the facts are not a JSON object", file: path)
    }
    let said = object["facts"] as? [String: Any] ?? object
    var facts = Facts()
    try readRules(said, &facts, path)
    try readMachine(said, &facts, path)
    for (key, value) in said where !known.contains(key) {
      if let text = value as? String {
        facts.others[key] = text
      } else if let number = value as? Int {
        facts.others[key] = "\(number)"
      }
    }
    return facts
  }

  private static let known: Set<String> = [
    "generation", "kernel", "el2_debug", "page_shift", "address_bits", "hyp_physvirt_offset", "memory_regions",
  ]

  private static func readAll(_ path: String) throws(InputError) -> Data {
    let source = try ByteSource(path: path)
    var bytes = Data()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try source.read(into: buffer)
      if count == 0 { return bytes }
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      guard bytes.count <= sizeLimit else { throw InputError(.malformed, "the facts are too large", file: path) }
    }
  }

  private static func readRules(_ said: [String: Any], _ facts: inout Facts, _ path: String) throws(InputError) {
    if let name = said["generation"] as? String {
      guard let generation = Generation(rawValue: name) else {
        throw InputError(
          .malformed, "unknown generation `\(name)`", file: path,
          hint: "known are " + Generation.allCases.map(\.rawValue).joined(separator: ", "))
      }
      facts.generation = Known(generation, .recorded)
    }
    if let kernel = said["kernel"] as? String { facts.kernel = Known(kernel, .recorded) }
    if let debug = said["el2_debug"] as? Bool { facts.el2Debug = Known(debug, .recorded) }
  }

  private static func readMachine(_ said: [String: Any], _ facts: inout Facts, _ path: String) throws(InputError) {
    if let shift = said["page_shift"] as? Int {
      guard shift == 12 else {
        throw InputError(
          .malformed, "a page shift of \(shift)", file: path, hint: "only 4 KiB pages are supported so far")
      }
      facts.pageShift = Known(12, .recorded)
    }
    if let bits = said["address_bits"] as? Int { facts.addressBits = Known(Int64(bits), .recorded) }
    if let text = said["hyp_physvirt_offset"] as? String {
      guard let offset = hex(text) else { throw InputError(.malformed, "`hyp_physvirt_offset` is \(text)", file: path) }
      facts.hypVAOffset = Known(offset, .recorded)
    }
    guard let list = said["memory_regions"] as? [[String: Any]] else { return }
    var regions: [Region] = []
    for item in list {
      guard let start = (item["start"] as? String).flatMap(hex), let size = (item["size"] as? String).flatMap(hex),
        let kind = (item["kind"] as? String).flatMap(RegionKind.init(rawValue:))
      else { throw InputError(.malformed, "a memory region lacks `start`, `size` or `kind`", file: path) }
      regions.append(Region(pages: PageRange(first: PageFrame(containing: start), count: size >> 12), kind: kind))
    }
    facts.regions = Known(regions.sorted { $0.pages.first < $1.pages.first }, .recorded)
  }

  /// The number in `0x…`; nil for anything else.
  package static func hex(_ text: String) -> UInt64? {
    guard text.hasPrefix("0x") else { return nil }
    return UInt64(text.dropFirst(2), radix: 16)
  }
}

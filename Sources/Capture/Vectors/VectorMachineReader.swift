// Why: the state that vectors start from stands in `meta_PREFIX.json` beside them, PREFIX being what stands
// before the suite letter in a vector file's name. Not here: making a machine of it (TransitionRules).

package import PageOwnership

/// Reads the machine that vectors start from.
package enum VectorMachineReader {
  /// The meta file that belongs to a vector file: `g2_73_corrections.jsonl.gz` ↔ `meta_g2_73.json`; nil for names that
  /// are no vector file's.
  package static func sibling(of vectors: String) -> String? {
    let slash = vectors.lastIndex(of: "/").map { vectors.index(after: $0) } ?? vectors.startIndex
    let words = vectors[slash...].prefix { $0 != "." }.split(separator: "_")
    var prefix: [Substring] = []
    for word in words {
      if !prefix.isEmpty && word.first?.isNumber != true { break }
      prefix.append(word)
    }
    guard prefix.count < words.count, prefix.first?.first == "g" else { return nil }
    return vectors[..<slash] + "meta_" + prefix.joined(separator: "_") + ".json"
  }

  /// Reads a meta file; the layout of one that has none stands in that of its harness (`meta_g2_73.json` ↔
  /// `meta_g2.json`). Throws ``InputError``.
  package static func read(_ path: String) throws(InputError) -> VectorMachine {
    var machine = try readOne(path)
    guard machine.regions.isEmpty, let end = path.lastIndex(of: "_") else { return machine }
    let harness = try readOne(path[..<end] + ".json")
    machine.regions = harness.regions
    machine.handles = harness.handles
    machine.protections = harness.protections
    machine.memcachePages = harness.memcachePages
    machine.hypOffset = harness.hypOffset
    machine.freeTables = harness.freeTables
    return machine
  }

  private static func readOne(_ path: String) throws(InputError) -> VectorMachine {
    do throws(InputError) {
      let lines = LineReader(try ByteSource(path: path))
      let parser = try JSONParser()
      guard let line = try lines.next() else { throw VectorReader.malformed("the file is empty", 1) }
      return try read(parser.parse(line))
    } catch {
      var located = error
      located.file = path
      throw located
    }
  }

  private static func read(_ value: JSONValue) throws(InputError) -> VectorMachine {
    guard let generation = value["generation"]?.makeString(), let initial = value["init"] else {
      throw VectorReader.malformed("a machine has `generation` and `init`", 1)
    }
    var machine = VectorMachine(generation: generation)
    for (isDebug, key) in [(false, "el2_debug=0"), (true, "el2_debug=1")] as [(Bool, StaticString)] {
      guard let state = initial[key], let logical = state["logical"], let physical = state["physical"] else {
        throw VectorReader.malformed("`init` has `\(key)` with `logical` and `physical`", 1)
      }
      machine.logical[isDebug] = try VectorReader.readRanges(logical, 1)
      machine.physical[isDebug] = try VectorReader.readRanges(physical, 1)
      machine.pools = ["s1pool", "s2pool"].map { pool(state[$0]) }
    }
    readLayout(value["layout"], &machine)
    return machine
  }

  private static func pool(_ value: JSONValue?) -> PageRange {
    let words = value.map(VectorReader.elements) ?? []
    guard words.count == 2 else { return PageRange(first: PageFrame(0), count: 0) }
    return PageRange(first: PageFrame(words[0].hex ?? 0), count: words[1].hex ?? 0)
  }

  private static func readLayout(_ layout: JSONValue?, _ machine: inout VectorMachine) {
    machine.hypOffset = layout?["hyp_linear_map_offset"]?.hex
    machine.memcachePages = layout?["memcache_pages_per_vcpu"]?.int64 ?? 0
    if let free = layout?["table_pages_free_initially"], let host = free["host_stage2_pool"]?.int64,
      let hyp = free["hyp_stage1_pool"]?.int64
    {
      machine.freeTables = [host, hyp]
    }
    layout?["regions"]?.forEachElement { region in
      guard let first = region["base_pfn"]?.hex, let count = region["pages"]?.hex else { return }
      let isNomap = region["kind"]?.makeString()?.contains("nomap") ?? false
      machine.regions.append(
        Region(pages: PageRange(first: PageFrame(first), count: count), kind: isNomap ? .nomap : .memory))
    }
    layout?["vms"]?.forEachElement { guest in
      machine.handles.append(UInt16(clamping: guest["handle"]?.hex ?? 0))
      machine.protections.append(guest["protected"]?.bool ?? false)
    }
  }
}

// Why: the recordings at hand do not exercise every branch of their recorder; here its lines are written by
// hand, as short as they can be. Not here: what is expected of them.

import Capture
import PageOwnership

/// A `struct hyp_page` of 7.x.
struct Frame {
  var references = 0
  var order = 0
  var host = 0
  var hyp = 3
  var share = 0

  static let hostOwns = Frame()
  static let hypOwns = Frame(host: 3, hyp: 0)
  static let lent = Frame(host: 1)

  /// As recorders write it: bytes in memory order.
  var hex: String {
    let bytes =
      [references & 0xff, references >> 8, order, host | (hyp ^ 3) << 4]
      + (0..<4).map { share >> ($0 * 8) & 0xff }
    return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static let names = ["OWNED", "SHARED_OWNED", "SHARED_BORROWED", "NOPAGE"]

  /// `{"raw":"…"}` for a state.
  func seen(count: Int? = nil) -> String { "{\"raw\":\"\(hex)\"" + (count.map { ",\"count\":\($0)" } ?? "") + "}" }

  /// A change of `count` pages from an address.
  func becomes(_ next: Frame, at address: UInt64, count: Int = 1) -> String {
    var fields: [String] = []
    func note(_ name: String, _ old: Int, _ new: Int) {
      if old != new { fields.append("\"\(name)\":[\(old),\(new)]") }
    }
    note("refcount", references, next.references)
    note("order", order, next.order)
    note("share", share, next.share)
    if host != next.host { fields.append("\"host\":[\"\(Self.names[host])\",\"\(Self.names[next.host])\"]") }
    if hyp != next.hyp { fields.append("\"hyp\":[\"\(Self.names[hyp])\",\"\(Self.names[next.hyp])\"]") }
    return "{\"what\":\"vmemmap\",\"phys\":\"\(hexText(address))\",\"n\":\(count),\"old\":\"\(hex)\","
      + "\"new\":\"\(next.hex)\",\"fields\":{\(fields.joined(separator: ","))}}"
  }
}

/// `0x…`
func hexText(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

/// `{"level":…,"pte":"0x…"}`, or `null`.
func leafText(_ leaf: LeafWord?) -> String {
  leaf.map { "{\"level\":\($0.level),\"pte\":\"\(hexText($0.raw))\"}" } ?? "null"
}

/// Descriptors of 7.x.
extension LeafWord {
  static let zero = LeafWord(level: 3, raw: 0)
  static let locked = LeafWord(level: 3, raw: 1 << 60)
  static let ofHyp = LeafWord(level: 3, raw: 0x2000_0000_0000_0002)
  static let poisoned = LeafWord(level: 3, raw: 3 << 60)

  /// A page with a state in its software bits.
  static func page(_ address: UInt64, state: UInt64 = 0) -> LeafWord {
    LeafWord(level: 3, raw: address | 0x7ff | state << 55)
  }

  /// A 2 MiB block.
  static func block(_ address: UInt64, state: UInt64 = 0) -> LeafWord {
    LeafWord(level: 2, raw: address | 0x7fd | state << 55)
  }

  /// The host's note that a guest has the page.
  static func ofGuest(_ handle: UInt64, gfn: UInt64) -> LeafWord {
    LeafWord(level: 3, raw: 2 << 60 | 4 | handle << 4 | gfn << 20)
  }
}

/// A change of a leaf.
func leafChange(_ table: String, _ old: LeafWord?, _ new: LeafWord?, index: Int = 0) -> String {
  "{\"what\":\"\(table)\",\"j\":\(index),\"old\":\(leafText(old)),\"new\":\(leafText(new))}"
}

/// A recording in the making.
struct Script {
  private(set) var lines: [String] = []
  private(set) var snapshots: [String] = []
  var facts: Facts
  private var acts: [Int: (function: String, cpu: Int)] = [:]
  private var snapshotCount = 0

  init(_ generation: Generation = .linux7_1) {
    facts = Facts()
    facts.generation = Known(generation, .recorded)
    facts.el2Debug = Known(false, .recorded)
    facts.hypVAOffset = Known(0xffff_0000_0000_0000, .recorded)
    facts.regions = Known(
      [Region(pages: PageRange(first: PageFrame(0x40000), count: 0x40000), kind: .memory)], .recorded)
  }

  /// The recording as it stands.
  var text: RecordingText {
    RecordingText(
      name: "script", events: lines.map { $0 + "\n" }.joined(), snapshots: snapshots.map { $0 + "\n" }.joined(),
      facts: facts)
  }

  /// Adds a line; the index comes by itself.
  mutating func line(_ fields: String) { lines.append("{\"i\":\(lines.count),\(fields)}") }

  mutating func call(
    _ act: Int, _ function: String, _ arguments: String, cpu: Int = 0, state: String? = nil, hypercall: Int? = nil
  ) {
    acts[act] = (function, cpu)
    line(
      "\"phase\":\"call\",\"act\":\(act),\"cpu\":\(cpu),\"t\":0.5,\"fn\":\"\(function)\",\"args\":{\(arguments)}"
        + (hypercall.map { ",\"hc\":\($0)" } ?? "") + (state.map { ",\"state\":{\($0)}" } ?? ""))
  }

  /// A check, an apply, a `locked` or a return of an act that was called.
  mutating func phase(
    _ phase: String, _ act: Int, step: String? = nil, result: String? = "0", changes: [String] = [],
    seen: [String] = [], more: String = ""
  ) {
    let (function, cpu) = acts[act] ?? ("?", 0)
    line(
      "\"phase\":\"\(phase)\",\"act\":\(act),\"cpu\":\(cpu),\"fn\":\"\(function)\""
        + (step.map { ",\"step\":\"\($0)\",\"line\":1" } ?? "") + (result.map { ",\"result\":\($0)" } ?? "")
        + (changes.isEmpty ? "" : ",\"changes\":[\(changes.joined(separator: ","))]")
        + (seen.isEmpty ? "" : ",\"changes_seen\":[\(seen.joined(separator: ","))]") + more)
  }

  mutating func hypercall(_ act: Int, _ function: String, _ registers: [UInt64] = [], cpu: Int = 0) {
    acts[act] = (function, cpu)
    let text = registers.map { "\"\(hexText($0))\"" }.joined(separator: ",")
    line(
      "\"phase\":\"hypercall\",\"act\":\(act),\"cpu\":\(cpu),\"t\":0.5,\"fn\":\"\(function)\",\"regs\":[\(text)]")
  }

  mutating func hypercallReturn(_ act: Int, _ result: Int64 = 0) {
    let (function, cpu) = acts[act] ?? ("?", 0)
    line("\"phase\":\"hypercall-return\",\"act\":\(act),\"cpu\":\(cpu),\"fn\":\"\(function)\",\"result\":\(result)")
  }

  /// A whole hypercall without anything inside.
  mutating func hypercall(_ act: Int, _ function: String, _ registers: [UInt64] = [], cpu: Int = 0, returns: Int64) {
    hypercall(act, function, registers, cpu: cpu)
    hypercallReturn(act, returns)
  }

  /// A guest, reserved and initialised.
  mutating func guest(_ handle: Int64, act: Int) {
    hypercall(act, "__pkvm_reserve_vm", returns: handle)
    hypercall(act + 1, "__pkvm_init_vm", [0xffff_8000_0000_0000], returns: 0)
  }

  /// A snapshot behind the last line: all of memory belongs to the host but for these frames and leaves.
  mutating func snapshot(
    busy: [Int] = [], guests: [UInt64] = [], frames: [(page: UInt64, count: UInt64, Frame)] = [],
    leaves: [(table: String, address: UInt64, LeafWord)] = []
  ) {
    snapshotCount += 1
    let vms = guests.map { "{\"handle\":\"\(hexText($0))\",\"hyp_vm\":\"0x1\",\"protected\":true}" }
    add(
      "\"kind\":\"header\",\"why\":\"script\",\"after_event\":\(lines.count - 1),\"cpu\":0,"
        + "\"el2_busy_cpus\":[\(busy.map(String.init).joined(separator: ","))],\"regs\":{},"
        + "\"vms\":[\(vms.joined(separator: ","))]")
    for (table, address, leaf) in leaves {
      let size = MachinePages.bytes(leaf.level)
      add(
        "\"kind\":\"range\",\"table\":\"\(table)\",\"start\":\"\(hexText(address))\",\"len\":\"\(hexText(size))\","
          + "\"level\":\(leaf.level),\"entries\":1,\"first\":\"\(hexText(leaf.raw))\"")
    }
    var next: UInt64 = 0x40000
    for (page, count, frame) in frames + [(0x80000, 0, .hostOwns)] {
      if page > next { addFrames(next, page - next, .hostOwns) }
      if count > 0 { addFrames(page, count, frame) }
      next = page + count
    }
  }

  private mutating func addFrames(_ page: UInt64, _ count: UInt64, _ frame: Frame) {
    add(
      "\"kind\":\"vmemmap\",\"start\":\"\(hexText(page << 12))\",\"len\":\"\(hexText(count << 12))\","
        + "\"raw\":\"\(frame.hex)\"")
  }

  private mutating func add(_ fields: String) { snapshots.append("{\"snap\":\(snapshotCount),\(fields)}") }
}

/// Sizes of leaves.
enum MachinePages {
  static func bytes(_ level: Int8) -> UInt64 { 4096 << (9 * UInt64(3 - level)) }
}

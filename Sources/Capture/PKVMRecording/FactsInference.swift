// Why: a recording without a summary still proves much of itself in its first lines. What it does not
// prove stays unknown.

import PageOwnership
import PageTables

/// Gathers what the lines of a recording prove of the machine.
struct FactsInference {
  private(set) var facts: Facts
  private var frameDigits = 0
  private var sawNewAnnotation = false
  private var sawOldAnnotation = false
  private var sawGenericPhases = false
  private var sawFinalizeWalk = false
  private var sawProtectedGuests = false
  /// How often the boot walk showed each offset: it visits private mappings too.
  private var offsets: [UInt64: Int] = [:]
  private static let enoughWalks = 64

  /// Begins with what is known already; only what is unknown will be inferred.
  init(_ facts: Facts) { self.facts = facts }

  /// Whether lines can add anything that an import needs.
  var isComplete: Bool { facts.generation.value != nil && facts.hypVAOffset.value != nil }

  /// Looks at a line.
  mutating func look(_ line: JSONValue) {
    if let function = line["fn"]?.string {
      if function.equals("finalize_host_mappings_walker") { sawFinalizeWalk = true }
      if function.equals("__pkvm_host_donate_guest") || function.equals("__pkvm_guest_share_host") {
        sawProtectedGuests = true
      }
      if function.equals("fix_host_ownership_walker") || function.equals("finalize_host_mappings_walker") {
        lookAtWalk(line)
      }
    }
    if line["within"] != nil || line["whole"] != nil { sawGenericPhases = true }
    if let frames = line["state"]?["vmemmap"] {
      frames.forEachElement { frameDigits = max(frameDigits, $0["raw"]?.string?.bytes.count ?? 0) }
    }
    line["changes"]?.forEachElement { lookAtAnnotation($0["new"]) }
  }

  // The walk names an address, mostly one of the hypervisor's linear map, and the descriptor there.
  private mutating func lookAtWalk(_ line: JSONValue) {
    guard facts.hypVAOffset.value == nil, let address = line["args"]?["addr"]?.hex, let old = line["args"]?["old"]?.hex,
      old & 1 == 1, line["args"]?["level"]?.int64 == 3
    else { return }
    let offset = Descriptor(old).outputAddress(level: 3) &- address
    offsets[offset, default: 0] += 1
    if offsets[offset, default: 0] >= Self.enoughWalks { facts.hypVAOffset = Known(offset, .inferred) }
  }

  // Of a recording with a short walk: what most of its lines say.
  private func mostSeenOffset() -> UInt64? {
    offsets.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }

  private mutating func lookAtAnnotation(_ leaf: JSONValue?) {
    guard let raw = leaf?["pte"]?.hex, raw != 0, raw & 1 == 0 else { return }
    if raw >> 60 != 0 { sawNewAnnotation = true } else { sawOldAnnotation = true }
  }

  /// What was proved; call when enough lines were seen.
  mutating func conclude(isEnd: Bool = false) -> Facts {
    if isEnd, facts.hypVAOffset.value == nil, let offset = mostSeenOffset() {
      facts.hypVAOffset = Known(offset, .inferred)
    }
    if facts.generation.value == nil, let generation = provedGeneration() {
      facts.generation = Known(generation, .inferred)
    }
    return facts
  }

  // 6.2 and 6.4, and 6.14 to 6.18, leave the same traces here: not proved, so not said.
  private func provedGeneration() -> Generation? {
    if sawFinalizeWalk { return .linux6_1 }
    if sawNewAnnotation || sawProtectedGuests { return .linux7_1 }
    return nil
  }

  /// What could not be proved, for the message to the user.
  var openQuestion: String {
    if frameDigits == 8 || sawGenericPhases { return "the recording fits linux-6.2 and linux-6.4" }
    if frameDigits == 16 { return "the recording fits linux-6.14, linux-6.16 and linux-6.18" }
    return "the recording does not tell its generation"
  }
}

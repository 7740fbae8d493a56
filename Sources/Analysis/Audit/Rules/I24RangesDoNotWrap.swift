// Why: an argument that wraps is checked as one range and performed as another.

import PageOwnership

extension AuditRule {
  static let rangesDoNotWrap = AuditRule(
    "I24", .invariant, title: "the raw arguments of what is performed do not wrap",
    explanation: """
      pfn, gfn and page count are given as 64-bit numbers and shifted by 12. Where frame number or range do not fit \
      the physical address space, the kernel works on another page than was named. Judged by the raw arguments, and \
      only for transitions that were performed: one that was refused did as it should.
      """,
    source: "spec I24; comment on pfn_range_is_valid(); bug B4, CVE-2026-0028",
    meaning: "a check of one range let another one pass")
}

extension Audit {
  mutating func judgeArguments(
    _ transition: Transition, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard isJudged(.rangesDoNotWrap), transition.operation != .hostFault else { return }
    let count = transition.pageCount
    // Addresses have at most 52 bits; how wide a guest's are, no journal says.
    let limits = (pfn: UInt64(1) << ((conditions.addressBits ?? 52) - 12), gfn: UInt64(1) << 40)
    guard FrameArguments(transition.arguments).mayPass(count, limits.pfn, limits.gfn) else { return }
    let raw = RuleSubject(transition).transition.pageCount
    for (name, limit) in [("pfn", limits.pfn), ("gfn", limits.gfn)] {
      guard let frame = transition.argument(name) else { continue }
      let (end, wraps) = frame.addingReportingOverflow(raw)
      guard wraps || end > limit else { continue }
      report(
        .rangesDoNotWrap, entry, site, subject, expected: "frames below 0x\(String(limit, radix: 16))",
        found: "\(name) 0x\(String(frame, radix: 16)), \(raw) pages")
    }
  }
}

/// The raw frame numbers of a transition, read without making strings: nearly all of them are small.
private struct FrameArguments {
  private var largest: UInt64 = 0
  private var isOdd = false

  /// Reads `pfn=0x48163 gfn=0x80000 nr=1 …`.
  init(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var start = 0
      while start < bytes.count {
        let end = bytes[start...].firstIndex(of: UInt8(ascii: " ")) ?? bytes.count
        read(bytes[start..<end])
        start = end + 1
      }
    }
  }

  private mutating func read(_ word: Slice<UnsafeBufferPointer<UInt8>>) {
    guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else { return }
    let name = word[..<equals]
    let isFrame = name.count == 3 && name.dropFirst().elementsEqual("fn".utf8)
    guard isFrame || name.elementsEqual("nr".utf8) else { return }
    let digits = word[(equals + 1)...].dropFirst(2)
    // 0x and up to nine digits are below 2^36; what is longer, or negative, is looked at closely.
    if word[(equals + 1)...].first == UInt8(ascii: "-") || digits.count > 9 { isOdd = true }
    guard isFrame, !isOdd else { return }
    var value: UInt64 = 0
    for digit in digits {
      value = value << 4 | UInt64(digit >= 0x61 ? digit - 0x61 + 10 : digit & 0xf)
    }
    largest = max(largest, value)
  }

  /// Whether a frame may lie beyond the smaller of two limits.
  func mayPass(_ count: UInt64, _ pfn: UInt64, _ gfn: UInt64) -> Bool {
    isOdd || count > 1 << 20 || largest &+ count > min(pfn, gfn)
  }
}

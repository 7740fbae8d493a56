// Why: some findings are true and accepted; a file says which, why and until when, so that they do not hide new ones.
// Not here: what is found (Analysis).

import Analysis
import Glibc
import PageOwnership

/// An accepted finding.
struct Waiver: Hashable {
  /// The rule's id.
  var rule: String
  /// The physical pages; nil: any.
  var pages: PageRange?
  /// The last day on which it holds, `YYYY-MM-DD`; nil: for ever.
  var expiry: String?
  /// Why it is accepted.
  var reason: String
  /// The line of the file.
  var line: Int
}

/// A file of accepted findings: a line each, `rule pages expiry reason…`.
///
/// Pages are `*`, an address, or `first-last` (addresses of the first and the last page); the expiry is `-` or a day.
/// Blank lines and lines that begin with `#` are comments.
enum WaiverFile {
  /// Reads a file. Throws a ``CommandFailure`` that names file and line.
  static func read(_ path: String) throws -> [Waiver] {
    guard let file = fopen(path, "r") else {
      throw CommandFailure("cannot open \(path): \(String(cString: strerror(errno)))", status: ExitStatus.cannotOpen)
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while bytes.count <= Self.sizeLimit {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk.prefix(count)
    }
    guard bytes.count <= sizeLimit else {
      throw CommandFailure("\(path): more than \(sizeLimit) bytes are no list of waivers", status: ExitStatus.limit)
    }
    return try parse(String(decoding: bytes, as: UTF8.self), path)
  }

  private static let sizeLimit = 1 << 20

  /// Reads the text of a file.
  static func parse(_ text: String, _ path: String) throws -> [Waiver] {
    var waivers: [Waiver] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let text = line.trimmingBlanks
      if text.isEmpty || text.hasPrefix("#") { continue }
      let words = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: true)
      func wrong(_ what: String) -> CommandFailure {
        CommandFailure(
          "\(path), line \(index + 1): \(what)", hint: "a line is: rule, pages or *, day or -, reason",
          status: ExitStatus.corrupt)
      }
      guard words.count == 4 else { throw wrong("a waiver has four parts, the last one a reason") }
      guard let rule = AuditRule.named(String(words[0])) else { throw wrong("there is no rule '\(words[0])'") }
      guard let pages = pages(words[1]) else { throw wrong("'\(words[1])' is no range of pages") }
      guard words[2] == "-" || isDay(words[2]) else { throw wrong("'\(words[2])' is no day like 2027-01-31") }
      waivers.append(
        Waiver(
          rule: rule.id, pages: pages, expiry: words[2] == "-" ? nil : String(words[2]), reason: String(words[3]),
          line: index + 1))
    }
    return waivers
  }

  // Nil inside: any page. Nil: not readable.
  private static func pages(_ word: Substring) -> PageRange?? {
    if word == "*" { return .some(nil) }
    let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { address($0) }
    guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last else {
      return nil
    }
    return .some(PageRange(first: PageFrame(containing: first), count: last >> 12 - first >> 12 + 1))
  }

  private static func address(_ text: Substring) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : nil
  }

  private static func isDay(_ word: Substring) -> Bool {
    let parts = word.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts.map(\.count) == [4, 2, 2] else { return false }
    guard parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }) else { return false }
    return (1...12).contains(Int(parts[1]) ?? 0) && (1...31).contains(Int(parts[2]) ?? 0)
  }
}

/// Waivers, and which of them accepted something.
struct WaiverBook {
  private let waivers: [Waiver]
  private let today: String
  private var used: Set<Waiver> = []

  /// Takes waivers; `today` is the day in the same form as an expiry.
  init(_ waivers: [Waiver], today: String = Self.today()) {
    self.waivers = waivers
    self.today = today
  }

  /// The waiver that accepts a finding; nil if none does.
  mutating func waiver(of finding: AuditFinding) -> Waiver? {
    guard !waivers.isEmpty, !finding.isRacy else { return nil }
    let found = waivers.first { waiver in
      guard waiver.rule == finding.rule, waiver.expiry.map({ $0 >= today }) ?? true else { return false }
      guard let pages = waiver.pages else { return true }
      guard let place = finding.pages, finding.space?.isGuest != true else { return false }
      return pages.first <= place.first && place.end <= pages.end
    }
    if let found { used.insert(found) }
    return found
  }

  /// Waivers that accepted nothing.
  var stale: [Waiver] { waivers.filter { !used.contains($0) } }

  private static func today() -> String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    func padded(_ number: Int32, _ width: Int) -> String {
      let text = "\(number)"
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    return "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
  }
}

// Why: verifying may cost three times what a C program needs to read all tables and to hash as many bytes.

import CAppendBaseline
import Crypto
import CustodyCLI
import Glibc
import Journal

/// What verifying a journal costs.
struct Verifying {
  /// Nanoseconds of CPU, the least of some rounds: the whole of `verify`, a C scan of all tables, SHA-256 of the file.
  private(set) var verify: Int64 = .max, scan: Int64 = .max, digest: Int64 = .max
  /// What was verified: entries, the head of the chain, findings.
  private(set) var verdict = ""
  /// Hashes of what the C program and SHA-256 read.
  private(set) var scanHash: UInt64 = 0
  private(set) var fileHash = ""
  private(set) var byteCount = 0

  /// What was measured, in words.
  var words: String {
    """
    verify   \(Clock.milliseconds(verify)) CPU: \(verdict)
    C scan   \(Clock.milliseconds(scan)) CPU for all tables, hash \(String(scanHash, radix: 16))
    SHA-256  \(Clock.milliseconds(digest)) CPU for \(byteCount) bytes, \(fileHash.prefix(16))
    ratio    \(Clock.ratio(verify, scan + digest))
    """
  }

  /// Measures, the three in turn.
  static func run(journal path: String, rounds: Int) throws -> Verifying {
    var result = Verifying()
    let tables = try result.tables(path)
    for _ in 0..<max(1, rounds) {
      result.verify = min(result.verify, try Clock.cpu { result.verdict = try JournalPasses.verify(path) })
      result.scanHash = 14_695_981_039_346_656_037
      let scan = Clock.cpu {
        for table in tables { _ = custody_baseline_scan(path, "SELECT * FROM \"\(table)\"", &result.scanHash) }
      }
      result.scan = min(result.scan, scan)
      result.digest = min(result.digest, Clock.cpu { result.hashFile(path) })
    }
    return result
  }

  private func tables(_ path: String) throws -> [String] {
    var names: [String] = []
    try JournalReader(at: path).query(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ) { row in
      if case .text(let name) = row[0] { names.append(name) }
      return true
    }
    return names
  }

  // No journal is open in this process then.
  private mutating func hashFile(_ path: String) {
    var hasher = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    byteCount = 0
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      byteCount += count
      buffer.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    fileHash = hasher.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

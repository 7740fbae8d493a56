// Why: a chain that anybody can recompute proves nothing against who may write the file. A key that is
// replaced after every seal does: whoever takes the machine over has today's key and cannot make
// yesterday's (the model is journald's forward-secure sealing). Not here: when tags are made (SealWriter).

import Crypto
import Glibc
import PageOwnership

/// A key of the ratchet.
package struct SealKey: Hashable, Sendable {
  /// How many keys came before it.
  package private(set) var epoch: Int64
  private var bytes: [UInt8]

  /// A new key, of epoch 0, from the system's random numbers.
  package init() {
    epoch = 0
    bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
  }

  private static let header = "custody seal key v1"
  /// A key that is further ahead would take minutes to reach: no journal is that long.
  private static let lastEpoch: Int64 = 1 << 32

  /// Reads what ``text`` writes; nil for anything else.
  package init?(_ text: some StringProtocol) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 5, lines[4].isEmpty, lines[0] == Self.header, lines[1].hasPrefix("epoch "),
      lines[2].hasPrefix("key "), let epoch = Int64(lines[1].dropFirst(6)), (0...Self.lastEpoch).contains(epoch),
      let bytes = HexBytes.read(lines[2].dropFirst(4)), bytes.count == 32
    else { return nil }
    self.epoch = epoch
    self.bytes = bytes
    guard lines[3] == "check " + check else { return nil }
  }

  /// Four lines of always the same length, so that the next key covers this one when it is written over it.
  package var text: String { body + "check \(check)\n" }

  private var body: String {
    let digits = String(epoch)
    let number = String(repeating: "0", count: 20 - digits.count) + digits
    return "\(Self.header)\nepoch \(number)\nkey \(HexBytes.text(bytes))\n"
  }

  private var check: String { HexBytes.text(SHA256.hash(data: Array(body.utf8)).prefix(4)) }

  /// Replaces the key by the one of a later epoch; an earlier one can't be had.
  mutating func advance(to later: Int64) {
    while epoch < min(later, Self.lastEpoch) {
      bytes = Array(code("custody seal ratchet v1").bytes)
      epoch += 1
    }
  }

  /// The tag of a seal.
  func tag(of seal: Seal) -> ChainHash {
    code("custody seal tag v1 " + Self.words(seal))
  }

  /// The tag of the tail.
  func tag(of tail: SealTail) -> ChainHash {
    code("custody tail tag v1 " + Self.words(tail.seal) + " \(tail.rest)")
  }

  /// The tag of an anchor.
  func tag(of anchor: Anchor) -> ChainHash {
    code("custody anchor tag v1 \(anchor.seq.rawValue) \(anchor.digest)")
  }

  private static func words(_ seal: Seal) -> String {
    "\(seal.seq.rawValue) \(seal.head) " + (seal.stateHash.map { "\($0)" } ?? "-")
  }

  private func code(_ message: String) -> ChainHash {
    ChainHash(HMAC<SHA256>.authenticationCode(for: Array(message.utf8), using: SymmetricKey(data: bytes)))
  }
}

/// A file with the key that the writer uses next; the older ones are written over.
package final class SealKeyFile {
  /// The path as given.
  package let path: String
  /// The key in it.
  package private(set) var key: SealKey
  private let descriptor: Int32

  /// Opens a key for writing seals.
  ///
  /// - Throws: ``JournalError``: `missing`, `readOnly`, `io`; `key` if it holds none.
  package init(at path: String) throws(JournalError) {
    self.path = path
    descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw .system(errno, "cannot open the key \(path)") }
    do throws(JournalError) {
      key = try Self.read(descriptor, path)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  deinit { Glibc.close(descriptor) }

  /// Reads a key for verifying.
  ///
  /// - Throws: as ``init(at:)``.
  package static func read(at path: String) throws(JournalError) -> SealKey {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(errno, "cannot open the key \(path)") }
    defer { Glibc.close(descriptor) }
    return try read(descriptor, path)
  }

  private static func read(_ descriptor: Int32, _ path: String) throws(JournalError) -> SealKey {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 0 else { throw .system(errno, "cannot read the key \(path)") }
    guard let key = SealKey(String(decoding: bytes.prefix(count), as: UTF8.self)) else {
      throw JournalError(.key, "\(path) holds no key", hint: "`custody seal --new-key FILE` makes one")
    }
    return key
  }

  /// Makes a key file that nobody else may read.
  ///
  /// - Throws: ``JournalError``: `exists`, `missing` (the folder), `readOnly`, `full`, `io`.
  package static func create(_ key: SealKey, at path: String) throws(JournalError) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      if errno == EEXIST { throw JournalError(.exists, "\(path) exists already", hint: "choose another path") }
      throw .system(errno, "cannot make the key \(path)")
    }
    defer { Glibc.close(descriptor) }
    try write(key, to: descriptor, path)
  }

  /// Destroys the key for that of a later epoch, durably.
  func advance(to epoch: Int64) throws(JournalError) {
    var next = key
    next.advance(to: epoch)
    guard next != key else { return }
    try Self.write(next, to: descriptor, path)
    key = next
  }

  private static func write(_ key: SealKey, to descriptor: Int32, _ path: String) throws(JournalError) {
    let bytes = Array(key.text.utf8)
    guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, fsync(descriptor) == 0 else {
      throw .system(errno, "cannot write the key \(path)")
    }
  }
}

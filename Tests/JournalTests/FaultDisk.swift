// Why: a folder in memory whose every operation is seen and can be made to fail. The journal's own code runs
// on it unchanged. Not here: what a power cut leaves of it (`PowerCut.swift`).

import FaultVFS
import Foundation

@testable import Journal

/// One recorded operation.
struct DiskOperation: Sendable {
  var kind: fault_kind
  var hasFailed: Bool
  var name: String
  var newName: String
  /// Where a write begins; the size after a truncation; the number of a note.
  var offset: Int64
  var bytes: [UInt8]

  init(_ operation: fault_operation) {
    kind = fault_kind(rawValue: UInt32(operation.kind))
    hasFailed = operation.failed
    name = operation.name.map { String(cString: $0) } ?? ""
    newName = operation.new_name.map { String(cString: $0) } ?? ""
    offset = operation.offset
    bytes = operation.bytes.map { [UInt8](UnsafeBufferPointer(start: $0, count: Int(operation.count))) } ?? []
  }
}

/// A watched folder; it goes away with its owner.
final class FaultDisk {
  /// Where it is.
  let folder: String
  private let disk: OpaquePointer

  init() throws {
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()
    var template = Array((parent + "custody-fault-XXXXXX").utf8CString)
    let made = template.withUnsafeMutableBufferPointer {
      $0.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made, let real = realpath(made, nil) else { throw POSIXError(.EIO) }
    defer { free(real) }
    folder = String(cString: real)
    guard let disk = fault_mount(folder) else { throw POSIXError(.EMFILE) }
    self.disk = disk
  }

  deinit {
    fault_unmount(disk)
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// The journal that scenarios work on.
  var journal: String { file("journal.db") }

  /// The key that a scenario seals with; the first one is kept beside it for checking.
  static let keyName = "key"
  static let firstKeyName = "key-first"

  /// The key beside a journal; nil if there is none.
  static func key(beside journal: String) throws -> SealKeyFile? {
    let path = SystemFiles.split(journal).folder + "/" + keyName
    return SystemFiles.kind(path) == .nothing ? nil : try SealKeyFile(at: path)
  }

  /// The path of a file in it.
  func file(_ name: String) -> String { folder + "/" + name }

  /// The names in it, sorted.
  var names: [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes all files.
  func clear() {
    fault_pause(disk, true)
    for name in names { unlink(file(name)) }
    fault_pause(disk, false)
  }

  /// The bytes of all files but the lock and the shared memory, which no power cut leaves.
  func contents() -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    for name in names where !name.hasSuffix("-lock") && !name.hasSuffix("-shm") {
      contents[name] = FileManager.default.contents(atPath: file(name)).map { [UInt8]($0) } ?? []
    }
    return contents
  }

  /// A hash of a file's name and first bytes.
  func hash(of name: String, upTo most: Int = .max) -> UInt64? {
    let descriptor = open(file(name), O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = min(most, Int(lseek(descriptor, 0, SEEK_END)))
    let letters = Array(name.utf8)
    let seed = fault_hash(letters, letters.count, 11)
    return withUnsafeTemporaryAllocation(byteCount: max(1, size), alignment: 8) { buffer in
      pread(descriptor, buffer.baseAddress, size, 0) == size ? fault_hash(buffer.baseAddress, size, seed) : nil
    }
  }

  /// What was done while `body` ran.
  func recording(_ body: () throws -> Void) rethrows -> [DiskOperation] {
    fault_record(disk, true)
    defer { fault_record(disk, false) }
    try body()
    var count = 0
    let operations = fault_operations(disk, &count)
    return (0..<count).compactMap { index in operations.map { DiskOperation($0[index]) } }
  }

  /// Runs `body` unseen and without faults.
  func unseen<T>(_ body: () throws -> T) rethrows -> T {
    fault_pause(disk, true)
    fault_pause_memory(true)
    defer {
      fault_pause(disk, false)
      fault_pause_memory(false)
    }
    return try body()
  }

  /// Puts a number between the recorded operations.
  func note(_ number: Int) { fault_note(disk, Int64(number)) }

  /// Fails an operation while `body` runs.
  ///
  /// - Returns: how many operations of these kinds there were, and how many failed.
  func failing(_ fault: DiskFault, at number: Int, _ body: () -> Void) -> (seen: Int, failed: Int) {
    fault_arm(disk, fault.kinds, Int64(number), fault.lasts, fault.mode)
    body()
    var failed: Int64 = 0
    let seen = fault_disarm(disk, &failed)
    return (Int(seen), Int(failed))
  }
}

/// A way in which operations fail.
struct DiskFault: Sendable, CustomStringConvertible {
  let name: String
  let kinds: UInt32
  let mode: fault_mode
  let lasts: Bool

  var description: String { name + (lasts ? " for good" : " once") }

  private static func bits(_ kinds: [fault_kind]) -> UInt32 { kinds.reduce(0) { $0 | 1 << $1.rawValue } }

  private static let everything: [fault_kind] = [
    FAULT_CREATE, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_FOLDER_SYNC, FAULT_DELETE, FAULT_RENAME, FAULT_OPEN,
    FAULT_READ, FAULT_SIZE, FAULT_ACCESS, FAULT_LOCK, FAULT_MAP,
  ]

  /// All of them; `lasts` both ways where an error is told.
  static let all: [DiskFault] =
    [false, true].flatMap { lasts in
      [
        DiskFault(name: "EIO", kinds: bits(everything), mode: FAULT_IO_ERROR, lasts: lasts),
        DiskFault(
          name: "ENOSPC",
          kinds: bits([
            FAULT_CREATE, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_FOLDER_SYNC, FAULT_RENAME, FAULT_MAP,
          ]),
          mode: FAULT_NO_SPACE, lasts: lasts),
        DiskFault(name: "torn write", kinds: bits([FAULT_WRITE]), mode: FAULT_HALF, lasts: lasts),
      ]
    } + [short]

  /// Interrupted and short calls, which nobody may notice.
  static let short = DiskFault(
    name: "short", kinds: bits([FAULT_READ, FAULT_WRITE]), mode: FAULT_SHORT, lasts: true)
}

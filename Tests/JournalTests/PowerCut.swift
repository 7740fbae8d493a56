// Why: what a disk may hold after the power went: every write since a file's last sync survives, is lost or
// is torn, each by itself; names are only as sure as the last sync of the folder. The folder's names change
// one by one, in any combination: more than any real file system loses, and nothing less.

import FaultVFS
import Glibc

/// What became of one change that was not yet durable.
enum Fate: Hashable, Sendable {
  case kept, lost
  /// The sectors whose bits are set are written, the others are left as they were or read as zeros.
  case torn(sectors: UInt8, unit: Int, zeros: Bool)
}

/// The files that are found after a power cut.
struct DiskImage: Sendable {
  var files: [String: [UInt8]]

  /// Equal images have equal hashes.
  var hash: UInt64 {
    files.reduce(1) { sum, file in
      let name = Array(file.key.utf8)
      return sum &+ fault_hash(file.value, file.value.count, fault_hash(name, name.count, 7))
    }
  }

  /// Makes the files in a folder.
  func write(to disk: FaultDisk) {
    for (name, bytes) in files {
      let descriptor = open(disk.file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count <= 0 { break }
        rest = rest.dropFirst(count)
      }
      close(descriptor)
    }
  }
}

/// A disk with what is durable on it and what is not.
struct PowerCut {
  fileprivate enum Change {
    case write(Int, [UInt8])
    /// One sector at the file's beginning, that is written or not.
    case sector([UInt8])
    case truncate(Int)
  }

  fileprivate struct Pending {
    var change: Change
    /// A sync has failed after it: no later sync makes it durable.
    var isDoubtful = false
    /// It is durable, but lies over one that is doubtful.
    var isSettled = false
  }

  fileprivate struct Medium {
    var durable: [UInt8] = []
    var pending: [Pending] = []
  }

  fileprivate enum NameChange {
    case link(String, Int)
    case unlink(String)
    case move(String, String, Int)
  }

  private var media: [Medium] = []
  private var durableNames: [String: Int] = [:]
  private var names: [String: Int] = [:]
  private var pendingNames: [NameChange] = []
  /// The last note that was passed.
  private(set) var note: Int

  /// A disk with these files, all durable.
  init(_ image: DiskImage, note: Int) {
    self.note = note
    for (name, bytes) in image.files {
      names[name] = media.count
      media.append(Medium(durable: bytes))
    }
    durableNames = names
  }

  /// Changes that are not durable.
  var pendingCount: Int { media.reduce(pendingNames.count) { $0 + $1.pending.count } }

  /// Lets an operation happen.
  mutating func apply(_ operation: DiskOperation) {
    switch operation.kind {
    case FAULT_CREATE:
      names[operation.name] = media.count
      pendingNames.append(.link(operation.name, media.count))
      media.append(Medium())
    case FAULT_WRITE:
      let isKey = operation.name == FaultDisk.keyName
      change(operation.name, isKey ? .sector(operation.bytes) : .write(Int(operation.offset), operation.bytes))
    case FAULT_TRUNCATE: change(operation.name, .truncate(Int(operation.offset)))
    case FAULT_SYNC: if let medium = names[operation.name] { media[medium].sync(hasFailed: operation.hasFailed) }
    case FAULT_FOLDER_SYNC where !operation.hasFailed:
      durableNames = names
      pendingNames = []
    case FAULT_DELETE:
      names[operation.name] = nil
      pendingNames.append(.unlink(operation.name))
    case FAULT_RENAME:
      guard let medium = names.removeValue(forKey: operation.name) else { return }
      names[operation.newName] = medium
      pendingNames.append(.move(operation.name, operation.newName, medium))
    case FAULT_NOTE: note = Int(operation.offset)
    default: break
    }
  }

  private mutating func change(_ name: String, _ change: Change) {
    guard let medium = names[name] else { return }
    media[medium].pending.append(Pending(change: change))
  }

  /// What is found if the power goes now; fates are taken in turn, those that are not given are `.kept`.
  func image(_ fates: [Fate]) -> DiskImage {
    var next = fates.makeIterator()
    var found = durableNames
    for change in pendingNames where (next.next() ?? .kept) == .kept {
      switch change {
      case .link(let name, let medium): found[name] = medium
      case .unlink(let name): found[name] = nil
      case .move(let name, let newName, let medium):
        found[name] = nil
        found[newName] = medium
      }
    }
    let contents = media.map { $0.content(&next) }
    return DiskImage(files: found.mapValues { contents[$0] })
  }
}

extension PowerCut.Medium {
  mutating func sync(hasFailed: Bool) {
    if hasFailed {
      for index in pending.indices where !pending[index].isSettled { pending[index].isDoubtful = true }
    } else if pending.contains(where: \.isDoubtful) {
      for index in pending.indices where !pending[index].isDoubtful { pending[index].isSettled = true }
    } else {
      for change in pending { Self.apply(change.change, .kept, to: &durable) }
      pending = []
    }
  }

  func content(_ fates: inout IndexingIterator<[Fate]>) -> [UInt8] {
    var bytes = durable
    for change in pending {
      let fate = fates.next() ?? .kept
      Self.apply(change.change, change.isSettled ? .kept : fate, to: &bytes)
    }
    return bytes
  }

  private static func apply(_ change: PowerCut.Change, _ fate: Fate, to bytes: inout [UInt8]) {
    switch (change, fate) {
    case (_, .lost): break
    case (.sector(let new), .kept): bytes.replaceSubrange(0..<min(new.count, bytes.count), with: new)
    case (.sector, .torn): break
    case (.truncate(let size), _):
      if size < bytes.count { bytes.removeLast(bytes.count - size) } else { grow(&bytes, to: size) }
    case (.write(let offset, let new), .kept):
      grow(&bytes, to: offset + new.count)
      bytes.withUnsafeMutableBytes { old in
        UnsafeMutableRawBufferPointer(rebasing: old[offset..<offset + new.count]).copyBytes(from: new)
      }
    case (.write(let offset, let new), .torn(let sectors, let unit, let zeros)):
      tear(offset, new, sectors, unit, zeros, &bytes)
    }
  }

  private static func grow(_ bytes: inout [UInt8], to size: Int) {
    if size > bytes.count { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
  }

  // Sectors lie at multiples of their size in the file, wherever the write begins.
  private static func tear(
    _ offset: Int, _ new: [UInt8], _ sectors: UInt8, _ unit: Int, _ zeros: Bool, _ bytes: inout [UInt8]
  ) {
    var start = offset
    var number = 0
    let end = offset + new.count
    while start < end {
      let stop = min(end, (start / unit + 1) * unit)
      if sectors >> (number & 7) & 1 == 1 {
        grow(&bytes, to: stop)
        bytes.replaceSubrange(start..<stop, with: new[(start - offset)..<(stop - offset)])
      } else if zeros {
        grow(&bytes, to: stop)
        bytes.replaceSubrange(start..<stop, with: [UInt8](repeating: 0, count: stop - start))
      }
      start = stop
      number += 1
    }
  }
}

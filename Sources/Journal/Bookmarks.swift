// Why: moments that matter get names, in the journal itself, so that they travel with it. Names are the
// user's notes and no history: they may be moved and removed. Not here: how a moment is typed (CustodyCLI).

import Crypto
package import PageOwnership

/// A name for a moment.
package struct Bookmark: Hashable, Sendable {
  /// The name, without the `@` that it is typed with.
  package var name: String
  /// The state meant is the one right after this entry.
  package var seq: SequenceNumber

  /// Makes a bookmark.
  package init(name: String, seq: SequenceNumber) {
    self.name = name
    self.seq = seq
  }

  /// Whether a text can be a name: 1 to 64 letters, digits, `.`, `_`, `-`, of ASCII.
  package static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}

extension Bookmark {
  /// SHA-256 over the name and the entry, under a domain of its own.
  var digest: ChainHash {
    var bytes = Array("custody/bookmark/1\0\(name)\0".utf8)
    withUnsafeBytes(of: UInt64(bitPattern: seq.rawValue).bigEndian) { bytes.append(contentsOf: $0) }
    return ChainHash(SHA256.hash(data: bytes))
  }

  /// What does not hold of the names, and how many there are.
  static func check(
    _ connection: Connection, head: SequenceNumber
  ) throws(JournalError) -> (findings: [IntegrityFinding], coverage: [TableCoverage]) {
    guard try isThere(connection) else { return ([], []) }
    var findings: [IntegrityFinding] = []
    var count: Int64 = 0
    try forEach(connection) { bookmark, isWhole in
      count &+= 1
      if !isWhole || !isName(bookmark.name) {
        findings.append(.name(bookmark, "is not as it was written; `custody mark NAME --remove` takes it away"))
      } else if bookmark.seq.rawValue < 0 || bookmark.seq > head {
        findings.append(.name(bookmark, "is entry \(bookmark.seq.rawValue), which is not there"))
      }
    }
    return (findings, [TableCoverage(table: "bookmark", present: count, checked: count)])
  }

  /// Whether the journal's schema has names.
  fileprivate static func isThere(_ connection: Connection) throws(JournalError) -> Bool {
    try connection.number("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'bookmark'") != nil
  }

  /// Goes through the names in order of their moments, and says of each whether it is as it was written.
  fileprivate static func forEach(
    _ connection: Connection, _ body: (Bookmark, _ isWhole: Bool) -> Void
  ) throws(JournalError) {
    let rows = try Cursor(connection, "SELECT seq, name, digest FROM bookmark ORDER BY seq, name")
    while try rows.step() {
      let bookmark = Bookmark(name: rows.text(1), seq: SequenceNumber(rows.number(0)))
      body(bookmark, rows.bytes(2) == bookmark.digest.bytes)
    }
  }
}

extension IntegrityFinding {
  fileprivate static func name(_ bookmark: Bookmark, _ what: String) -> Self {
    IntegrityFinding(structure: "bookmark", message: "@\(bookmark.name) \(what)", place: bookmark.seq.rawValue)
  }
}

extension JournalReader {
  /// The names of a journal, in order of their moments; a journal of an older schema has none.
  ///
  /// - Throws: ``JournalError``: `corrupt` for a name that is not as it was written, `io`.
  package func bookmarks() throws(JournalError) -> [Bookmark] {
    guard try Bookmark.isThere(connection) else { return [] }
    var found: [Bookmark] = []
    var damaged: Bookmark?
    try Bookmark.forEach(connection) { bookmark, isWhole in
      if isWhole { found.append(bookmark) } else { damaged = damaged ?? bookmark }
    }
    if let damaged {
      throw JournalError(
        .corrupt, "\(path): the name @\(damaged.name) is not as it was written",
        hint: "`custody mark NAME --remove` takes a name away; entries can still be named by number")
    }
    return found
  }

  /// Whether there is such a name, damaged or not. Throws ``JournalError``: `corrupt`, `io`.
  package func hasBookmark(named name: String) throws(JournalError) -> Bool {
    guard try Bookmark.isThere(connection) else { return false }
    var isThere = false
    try Bookmark.forEach(connection) { bookmark, _ in isThere = isThere || bookmark.name == name }
    return isThere
  }
}

extension JournalWriter {
  /// Gives a moment a name, in the open group; a name that exists moves.
  ///
  /// - Throws: ``JournalError``: `invalid` for what cannot be a name or an entry; else as ``append(_:)``.
  package func setBookmark(_ bookmark: Bookmark) throws(JournalError) {
    guard Bookmark.isName(bookmark.name) else {
      throw JournalError(
        .invalid, "a moment cannot be called \"\(bookmark.name)\"",
        hint: "1 to 64 of the characters a-z, A-Z, 0-9, . _ -")
    }
    guard bookmark.seq.rawValue >= 0, bookmark.seq <= headSeq else {
      throw JournalError(.invalid, "\(path): there is no entry \(bookmark.seq.rawValue)")
    }
    try performNote("INSERT OR REPLACE INTO bookmark VALUES (?, ?, ?)", bookmark.name, bookmark)
  }

  /// Takes a name away, in the open group; one that does not exist is left alone.
  ///
  /// - Throws: ``JournalError``, as ``append(_:)``.
  package func removeBookmark(named name: String) throws(JournalError) {
    try performNote("DELETE FROM bookmark WHERE name = ?", name, nil)
  }

  private func performNote(_ sql: String, _ name: String, _ bookmark: Bookmark?) throws(JournalError) {
    try beginGroup()
    do throws(JournalError) {
      let statement = try InsertStatement(connection, "bookmark", 0, sql: sql)
      defer { statement.finalize() }
      statement.bind(1, name)
      if let bookmark {
        statement.bind(2, bookmark.seq.rawValue)
        statement.bind(3, bookmark.digest.bytes)
      }
      try statement.run()
    } catch {
      throw poison(error)
    }
  }
}

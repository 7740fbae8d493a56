// Why: the schema's files by name with their frozen hashes, applied in order in one transaction. A file
// that landed is never edited; a test compares this registry with the folder.

import Crypto
import GRDB

/// One embedded file of `migrations/`.
struct Migration: Sendable {
  /// The file's name without the ending.
  let name: String
  /// Its SQL.
  let bytes: [UInt8]
  /// The SHA-256 that it landed with, in hex.
  let frozenHash: String

  /// All of them, in order. `user_version` counts how many a journal has.
  static let all: [Migration] = [
    Migration(
      name: "v0001-journal", bytes: PackageResources.v0001_journal_sql,
      frozenHash: "fd2c0ba0da9d3a66273d14a969c6837817cdf330bbd62dbe2a7f7f608208a8ed"),
    Migration(
      name: "v0002-index", bytes: PackageResources.v0002_index_sql,
      frozenHash: "d6818675ae698d10b7239456fed51dee9d3d40579b649baf9a7987100d4e5ca5"),
    Migration(
      name: "v0003-seals", bytes: PackageResources.v0003_seals_sql,
      frozenHash: "3e4e37f68a11d9ca93382010f01e251c74284b21205131107100ed2a00de0d00"),
    Migration(
      name: "v0004-moments", bytes: PackageResources.v0004_moments_sql,
      frozenHash: "144d4ae9511fe0f79e141e97f0e8e51c68af084ea84b8395c5958f1166cc3eeb"),
    Migration(
      name: "v0005-violation", bytes: PackageResources.v0005_violation_sql,
      frozenHash: "ab4eeefc32cd07729bba8cd5e628827c3c5d74321e7643235aabd701f4d8ea18"),
    Migration(
      name: "v0006-anchor", bytes: PackageResources.v0006_anchor_sql,
      frozenHash: "d5ff258f19dc4e50b8e5ef5bc09a8844320e7cd6abaac90ba3562ec22d8e8779"),
  ]

  /// The number that marks a file as ours: the letters `Cust`.
  static let applicationID: Int64 = 0x4375_7374

  /// The SHA-256 of the embedded bytes, in hex.
  var hash: String {
    SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Brings a database from `version` up to date, all or nothing; `finish` belongs to it.
  static func apply(from version: Int, to database: Database, finish: () throws -> Void = {}) throws {
    try database.inTransaction(.immediate) {
      for migration in all.dropFirst(version) {
        try database.execute(sql: String(decoding: migration.bytes, as: UTF8.self))
      }
      try database.execute(sql: "PRAGMA user_version = \(all.count)")
      try finish()
      return .commit
    }
  }
}

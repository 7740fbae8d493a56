// Why: a migration that landed never changes, and the registry misses none.

import Foundation
import Testing

@testable import Journal

struct MigrationTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("migrations")

  @Test func registryIsTheFolder() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { $0.hasSuffix(".sql") }
    #expect(Migration.all.map { $0.name + ".sql" } == names.sorted())
  }

  @Test func bytesAreFrozen() throws {
    for migration in Migration.all {
      #expect(migration.hash == migration.frozenHash, "\(migration.name) landed: add a migration instead of editing")
      let file = try Data(contentsOf: Self.folder.appendingPathComponent(migration.name + ".sql"))
      #expect(Array(file) == migration.bytes)
    }
  }

  @Test func walResetBugByVersion() {
    let affected: [Int32] = [3_007_000, 3_040_001, 3_044_005, 3_045_000, 3_050_006, 3_051_000, 3_051_002]
    let fixed: [Int32] = [3_006_023, 3_044_006, 3_044_009, 3_050_007, 3_051_003, 3_052_000]
    for version in affected { #expect(SQLiteInfo.hasWALResetBug(versionNumber: version), "\(version)") }
    for version in fixed { #expect(!SQLiteInfo.hasWALResetBug(versionNumber: version), "\(version)") }
    #expect(SQLiteInfo.version.split(separator: ".").count >= 3)
    #expect(SQLiteInfo.compileOptions.contains { $0.hasPrefix("THREADSAFE") })
  }
}

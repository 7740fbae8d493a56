// Why: an integrity check that finds nothing is worth something only if it finds planted damage.

import Testing

@testable import Journal

struct IntegrityTests {
  struct Damage: Sendable, CustomTestStringConvertible {
    let sql: String
    let structure: String
    var testDescription: String { sql }
  }

  static let damages = [
    Damage(sql: "DELETE FROM entry_row WHERE seq = 7", structure: "entry_row"),
    Damage(sql: "DELETE FROM entry_row WHERE seq = 1", structure: "entry_row"),
    Damage(sql: "UPDATE entry_row SET site = 99 WHERE seq = 3", structure: "entry_row"),
    Damage(sql: "UPDATE entry_row SET action = 99 WHERE seq = 3", structure: "entry_row"),
    Damage(sql: "UPDATE entry_row SET found = 6 WHERE seq = 3", structure: "rows"),
    Damage(sql: "UPDATE entry_row SET site = 3 WHERE seq = 2", structure: "transition_row"),
    Damage(sql: "UPDATE entry_row SET site = 3 WHERE seq = 1", structure: "activation_row"),
    Damage(sql: "DELETE FROM change_row WHERE ord = 0", structure: "change_row"),
    Damage(sql: "UPDATE change_row SET space = 77", structure: "change_row"),
    Damage(sql: "UPDATE change_row SET owner = 77", structure: "change_row"),
    Damage(sql: "UPDATE change_row SET flags = 24", structure: "rows"),
    Damage(sql: "UPDATE observation_row SET seq = 99", structure: "observation_row"),
    Damage(sql: "DELETE FROM transition_row WHERE id = 2", structure: "transition_end"),
    Damage(sql: "UPDATE transition_end SET failed_seq = 1 WHERE id = 3", structure: "transition_end"),
    Damage(sql: "UPDATE transition_end SET outcome = 77", structure: "transition_end"),
    Damage(sql: "DELETE FROM activation_row", structure: "transition_row"),
    Damage(sql: "DELETE FROM site WHERE id = 2", structure: "rows"),
    Damage(sql: "DELETE FROM space_row WHERE id = 3", structure: "space_end"),
    Damage(sql: "DELETE FROM snapshot", structure: "snapshot_range"),
    Damage(sql: "UPDATE fact SET value = 'linux-9' WHERE key = 'generation'", structure: "fact"),
    Damage(sql: "DROP VIEW entry; CREATE VIEW entry AS SELECT 1", structure: "entry"),
    Damage(sql: "UPDATE site SET kind = 'nonsense' WHERE id = 7", structure: "rows"),
  ]

  @Test(.enabled(if: hasSQLiteShell), arguments: damages) func damageIsFound(_ damage: Damage) throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let triggers = shell("sqlite3 \(folder.file()) \"SELECT name FROM sqlite_schema WHERE type = 'trigger'\"").output
    let drops = triggers.split(separator: "\n").map { "DROP TRIGGER \($0);" }.joined()
    let result = shell("sqlite3 \(folder.file()) \"\(drops) \(damage.sql)\"")
    #expect(result.status == 0, "\(result.output)")
    let findings = try JournalReader(at: folder.file()).integrity()
    #expect(findings.contains { $0.structure == damage.structure }, "\(findings)")
  }

  @Test func flippedBytesAreFoundOrHarmless() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    var numbers = SeededNumbers(state: 21)
    for round in 0..<60 {
      let copy = folder.file("copy.db")
      let offset = Int.random(in: 100..<200_000, using: &numbers)
      shell("cp \(folder.file()) \(copy); printf '\\377' | dd of=\(copy) bs=1 seek=\(offset) conv=notrunc")
      // Any answer will do, as long as there is one: a trap ends the process.
      do throws(JournalError) {
        _ = try JournalReader(at: copy).integrity()
      } catch {
        #expect(!error.message.isEmpty, "round \(round), offset \(offset)")
      }
    }
  }
}

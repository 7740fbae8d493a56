// Why: many tests ask questions of the same recordings; one import serves all that ask at the same time.

import Synchronization
import TestSupport
import Testing

/// Journals of recordings, for reading only.
enum ImportedJournals {
  private struct Kept {
    weak var sandbox: Sandbox?
  }

  private static let kept = Mutex<[String: Kept]>([:])

  /// A folder whose `custody.db` is the journal of a recording; nil, with a message, where the recording is absent.
  static func journal(_ name: String) throws -> Sandbox? {
    guard let files = Recordings.all.first(where: { $0.name == name }) else {
      print("skipped: the recording \(name) is not here")
      return nil
    }
    return try kept.withLock { kept in
      if let sandbox = kept[name]?.sandbox { return sandbox }
      let sandbox = try Sandbox()
      let ran = try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots)
      #expect(ran.status == 0, "\(ran)")
      kept[name] = Kept(sandbox: sandbox)
      return sandbox
    }
  }
}

extension Sandbox {
  /// Takes everything out of a journal that later schemas than the first brought.
  func returnToFirstSchema() throws {
    let strip = """
      sqlite3 custody.db "DROP VIEW ownership; DROP VIEW ownership_span; DROP VIEW ownership_change;
      DROP TABLE ownership_span_row; DROP TABLE ownership_block; DROP TABLE ownership_count;
      DROP TABLE ownership_index; DROP TABLE seal; DROP TABLE seal_tail; DROP INDEX space_end_died;
      DROP INDEX snapshot_seq; DROP TABLE bookmark; DROP INDEX snapshot_leaf_node;
      DROP TABLE audit_run; DROP TABLE violation; DROP TABLE anchor; PRAGMA user_version = 1;"
      """
    #expect(try shell(strip).status == 0)
  }
}

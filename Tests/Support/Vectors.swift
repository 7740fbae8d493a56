// Why: where tests find conformance vectors: the few that the project ships, and, when it is there, the
// folder with all of them beside the checkout. Not here: what is expected of them.

import Foundation

/// The vector files that tests may read.
package enum Vectors {
  /// The ones that the project ships.
  package static let shipped = files(in: Recordings.root.appending(path: "Tests/Fixtures/vectors"))

  /// The ones beside the checkout; none where the folder is absent.
  package static let shared = files(
    in: Recordings.root.deletingLastPathComponent().appending(path: "shared/data/vectors"))

  private static func files(in folder: URL) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasPrefix("g") && $0.contains(".jsonl") }.sorted().map {
      folder.appending(path: $0).path
    }
  }
}

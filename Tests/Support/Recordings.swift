// Why: where tests find recordings: the small ones that the project ships, and, when it is there, the
// folder with the large ones beside the checkout. Not here: what is expected of them.

package import Foundation

/// A recording on disk.
package struct RecordingFiles: Sendable {
  /// The recording's name, `k73-nvhe`.
  package var name: String
  /// The folder it lies in.
  package var folder: URL

  /// The events file.
  package var events: String { folder.appending(path: name + ".events.jsonl.gz").path }
  /// The snapshots file.
  package var snapshots: String { folder.appending(path: name + ".snapshots.jsonl.gz").path }
  /// The summary file.
  package var summary: String { folder.appending(path: name + ".summary.json").path }
}

/// The recordings that tests may read.
package enum Recordings {
  /// The checkout.
  package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The ones that the project ships.
  package static let shipped = ["k73-nvhe", "cut-k612-do_donate", "cut-k73-torn-donate_hyp"].map {
    RecordingFiles(name: $0, folder: root.appending(path: "Tests/Fixtures/recordings"))
  }

  /// The folder of shared data beside the checkout; nil where it is absent.
  package static var shared: URL? {
    let folder = root.deletingLastPathComponent().appending(path: "shared/data/captures")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }

  /// All recordings that are here: the shared ones, else the shipped ones.
  package static var all: [RecordingFiles] {
    guard let shared, let names = try? FileManager.default.contentsOfDirectory(atPath: shared.path) else {
      return shipped
    }
    let ending = ".events.jsonl.gz"
    return names.filter { $0.hasSuffix(ending) }.sorted().map {
      RecordingFiles(name: String($0.dropLast(ending.count)), folder: shared)
    }
  }
}

// Why: whoever follows a journal waits until its writer commits. The kernel tells of writes to the journal's folder;
// where it does not (some network file systems), a look now and then does.

import Glibc

/// Waits for writes in a folder.
final class ChangeSignal {
  private let descriptor: Int32

  /// Begins to listen; a folder that cannot be watched is looked at now and then.
  init(besides path: String) {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
    if descriptor >= 0 { inotify_add_watch(descriptor, folder, UInt32(Self.modified | Self.moved | Self.deleted)) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private static let modified = 0x2
  private static let moved = 0x80
  private static let deleted = 0x200

  /// Returns when something was written, after so many milliseconds, or when a signal came.
  func wait(milliseconds: Int32) {
    var asked = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&asked, 1, milliseconds) > 0, descriptor >= 0 else { return }
    // What it was does not matter.
    var events = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &events, events.count) > 0 {}
  }
}

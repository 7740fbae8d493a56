// Why: Ctrl-C asks a long command to stop at the next safe place; a second one ends it at once.

import Glibc
import Synchronization

/// Whether the user asked to stop.
enum Interrupt {
  private static let count = Atomic<Int>(0)

  /// From now on the first SIGINT or SIGTERM only asks.
  static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if Interrupt.count.wrappingAdd(1, ordering: .relaxed).newValue > 1 { _exit(130) }
      }
    }
  }

  /// Whether somebody asked.
  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }
}

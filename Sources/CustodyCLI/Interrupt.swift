// Why: Ctrl-C asks a long command to stop at the next safe place; a second one ends it at once.

import Glibc
import Synchronization

/// Whether the user asked to stop.
enum Interrupt {
  private static let count = Atomic<Int>(0)
  /// What standard input becomes when somebody asks; -1: it stays.
  private static let emptyInput = Atomic<Int32>(-1)

  /// From now on the first SIGINT or SIGTERM only asks.
  ///
  /// Whoever waits for a pipe would never see that; `endsStandardInput` lets the wait end as at the end of a file.
  static func install(endsStandardInput: Bool = false) {
    if endsStandardInput {
      emptyInput.store(open("/dev/null", O_RDONLY | O_CLOEXEC), ordering: .relaxed)
    }
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if Interrupt.count.wrappingAdd(1, ordering: .relaxed).newValue > 1 { _exit(130) }
        let empty = Interrupt.emptyInput.load(ordering: .relaxed)
        if empty >= 0 { dup2(empty, STDIN_FILENO) }
      }
    }
  }

  /// Whether somebody asked.
  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }
}

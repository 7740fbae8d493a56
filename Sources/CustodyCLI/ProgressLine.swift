// Why: long commands say on a terminal how far they are; elsewhere they stay silent.

import Capture
import Glibc

/// A stopwatch.
struct Stopwatch {
  private let begin = Self.now()

  /// Seconds since it was made.
  var seconds: Double { Double(Self.now() - begin) / 1e9 }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// One line on standard error, written over again.
final class ProgressLine {
  private let isShown: Bool
  private let watch = Stopwatch()
  private var lastShown = 0.0

  /// A line that is shown only on a terminal, and only if wanted.
  init(isShown: Bool) { self.isShown = isShown && isatty(STDERR_FILENO) == 1 }

  /// Shows how far an import is.
  func show(_ progress: ImportProgress) {
    let now = watch.seconds
    guard isShown, now - lastShown > 0.1 else { return }
    lastShown = now
    let rate = Int(Double(progress.lines) / max(now, 0.001))
    var text = "\r\u{1B}[K\(progress.lines) lines, \(rate) lines/s"
    if let size = progress.storedSize, size > 0, progress.storedBytes > 0 {
      let share = min(1, Double(progress.storedBytes) / Double(size))
      let left = now / max(share, 0.0001) - now
      text += ", \(Int(share * 100)) %, about \(Int(left.rounded(.up))) s left"
    }
    StandardError.write(text)
  }

  /// Wipes the line.
  func clear() {
    if isShown, lastShown > 0 { StandardError.write("\r\u{1B}[K") }
  }
}

// Why: the built program runs as a user runs it, in a folder of its own and in an environment that holds
// nothing of the machine's; what it said and how it ended are kept.

import Foundation
import Glibc

/// How a run of the program ended.
struct Ran {
  /// The exit status; nil if a signal ended it.
  var status: Int32?
  /// The signal that ended it.
  var signal: Int32?
  /// Standard output.
  var output: String
  /// Standard error.
  var errors: String

  /// The lines of standard output.
  var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A program that runs.
final class Running {
  let process: pid_t
  /// The writing end of its standard input, if that is a pipe.
  private(set) var input: Int32?
  private let folder: String
  private var ended: Ran?

  init(_ process: pid_t, input: Int32?, folder: String) {
    self.process = process
    self.input = input
    self.folder = folder
  }

  deinit {
    closeInput()
    if ended == nil {
      kill(process, SIGKILL)
      wait()
    }
  }

  /// Sends a signal.
  func send(_ signal: Int32) { kill(process, signal) }

  /// Writes to its standard input; stops when nobody reads any more.
  func write(_ text: some StringProtocol) {
    guard let input else { return }
    var bytes = ArraySlice(Array(text.utf8))
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Returns once everything written was read, or the program has ended.
  func waitUntilRead() {
    guard let input else { return }
    spin {
      var waiting: Int32 = 0
      return ioctl(input, UInt(FIONREAD), &waiting) != 0 || waiting == 0
    }
  }

  /// Ends its standard input.
  func closeInput() {
    if let input { close(input) }
    input = nil
  }

  /// Returns once `condition` holds or the program has ended.
  func spin(until condition: () -> Bool) {
    while ended == nil, !condition() {
      var information = siginfo_t()
      let code = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
      if code != 0 || information._sifields._sigchld.si_pid != 0 { return }
      sched_yield()
    }
  }

  /// Waits for its end.
  @discardableResult
  func wait() -> Ran {
    if let ended { return ended }
    var word: Int32 = 0
    while waitpid(process, &word, 0) < 0, errno == EINTR {}
    let signal = word & 0x7f
    let ran = Ran(
      status: signal == 0 ? word >> 8 & 0xff : nil, signal: signal == 0 ? nil : signal,
      output: Self.text("\(folder)/.out-\(process)"), errors: Self.text("\(folder)/.err-\(process)"))
    ended = ran
    return ran
  }

  private static func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }
}

/// A folder to work in; it goes away with its owner.
final class Sandbox: Sendable {
  /// Where it is.
  let path: String

  init(inMemory: Bool = false) throws {
    // A reader that ends early makes our write fail, and that is all.
    signal(SIGPIPE, SIG_IGN)
    let memory = URL(filePath: "/dev/shm")
    let isThere = inMemory && access(memory.path, W_OK) == 0
    let folder = (isThere ? memory : FileManager.default.temporaryDirectory)
      .appending(path: "custody-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.resolvingSymlinksInPath().path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The program under test, beside the bundle of tests.
  static let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appending(path: "custody").path

  /// The path of a file in it.
  func file(_ name: String) -> String { path + "/" + name }

  /// Makes a file in it.
  @discardableResult
  func write(_ name: String, _ text: some StringProtocol) throws -> String {
    try write(name, Data(text.utf8))
  }

  /// Makes a file in it.
  @discardableResult
  func write(_ name: String, _ bytes: Data) throws -> String {
    try bytes.write(to: URL(filePath: file(name)))
    return file(name)
  }

  /// The bytes of a file in it; -1 if there is none.
  func size(_ name: String) -> Int64 {
    var status = stat()
    return stat(file(name), &status) == 0 ? Int64(status.st_size) : -1
  }

  /// What is in it, the captured output apart.
  var names: [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return all.filter { !$0.hasPrefix(".") }.sorted()
  }

  /// Runs the program to its end.
  func custody(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) throws -> Ran {
    try custody(arguments, input: input, environment: environment)
  }

  /// Runs the program to its end.
  func custody(_ arguments: [String], input: String? = nil, environment: [String: String] = [:]) throws -> Ran {
    let running = try start(arguments, hasInput: input != nil, environment: environment)
    if let input {
      running.write(input)
      running.closeInput()
    }
    return running.wait()
  }

  /// Runs a shell's command line to its end; `$CUSTODY` is the program.
  func shell(_ command: String) throws -> Ran {
    try start(["-c", command], program: "/bin/bash", environment: ["CUSTODY": Self.program]).wait()
  }

  /// Starts the program; its standard input is empty, or a pipe.
  func start(
    _ arguments: [String], program: String = Sandbox.program, hasInput: Bool = false,
    environment: [String: String] = [:]
  ) throws -> Running {
    let name = hasInput ? ".in-" + UUID().uuidString : "/dev/null"
    guard !hasInput || mkfifo(file(name), 0o600) == 0 else { throw POSIXError(.EIO) }
    let process = spawn(program, arguments, input: name, environment)
    guard process > 0 else { throw POSIXError(.ENOENT) }
    // A named pipe is opened when both sides have come, and is never inherited by another child.
    return Running(process, input: hasInput ? open(file(name), O_WRONLY | O_CLOEXEC) : nil, folder: path)
  }

  // The child's output goes to files named after it, so a shell in between gives it its folder and streams.
  private func spawn(
    _ program: String, _ arguments: [String], input: String, _ environment: [String: String]
  ) -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for signal in [SIGPIPE, SIGINT, SIGTERM] { sigaddset(&defaults, signal) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    // The threads that tests run on block signals, and a child would inherit that.
    var nothing = sigset_t()
    sigemptyset(&nothing)
    posix_spawnattr_setsigmask(&attributes, &nothing)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var settings = [
      "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": path, "TMPDIR": path, "TERM": "dumb", "LC_ALL": "C",
    ]
    settings.merge(environment) { $1 }
    let script = "cd \"$0\" && exec <\"$1\" >.out-$$ 2>.err-$$ \"${@:2}\""
    let words = ["bash", "-c", script, path, input, program] + arguments
    let values = settings.map { "\($0)=\($1)" }
    let argv = words.map { strdup($0) } + [nil]
    let envp = values.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, "/bin/bash", nil, &attributes, argv, envp)
    return code == 0 ? process : -1
  }
}

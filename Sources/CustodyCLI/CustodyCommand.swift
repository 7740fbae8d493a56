// Why: the list of commands and the way from an error to the end of the process. Not here: what the
// commands do.

package import ArgumentParser
import Glibc
import Journal

/// The command line.
package struct CustodyCommand: ParsableCommand {
  /// Name, help and the commands that exist.
  package static let configuration = CommandConfiguration(
    commandName: "custody",
    abstract: "Flight recorder for pKVM page ownership",
    discussion: """
      A journal holds every check and every apply phase of every transition of a recorded hypervisor, with the
      page tables beside them. Bring a recording in with `import`, hold it against what was observed with
      `replay`, and look at it with `log`, `show`, `owner`, `history`, `why` and `sql`.

      Exit status: 0 fine, 1 differences found, 2 usage, 3 corrupt journal or input, 4 cannot open or I/O,
      5 a limit was hit, 130 interrupted.
      """,
    subcommands: [
      ImportCommand.self,
      LogCommand.self,
      ShowCommand.self,
      OwnerCommand.self,
      HistoryCommand.self,
      WhyCommand.self,
      DiffCommand.self,
      SnapshotCommand.self,
      SQLCommand.self,
      MarkCommand.self,
      IndexCommand.self,
      ReplayCommand.self,
      ConformCommand.self,
      AuditCommand.self,
      WatchCommand.self,
      RecoverCommand.self,
      VerifyCommand.self,
      SealCommand.self,
      PruneCommand.self,
      MigrateCommand.self,
      DoctorCommand.self,
      RulesCommand.self,
      RunCommand.self,
      TryCommand.self,
      ExploreCommand.self,
      MinimizeCommand.self,
      BisectCommand.self,
    ])

  /// Made by the argument parser.
  package init() {}

  /// Runs the command line and ends the process.
  package static func main() -> Never {
    // A pipe that closes early ends us quietly; a file size limit becomes an error of the write.
    signal(SIGPIPE, SIG_DFL)
    ProcessSignals.ignoreFileSizeLimit()
    Glibc.exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Runs a command line; returns the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    if let question = OwnerQuestion(plain: arguments) {
      do {
        try question.answer(on: .standard(isFull: false))
        return 0
      } catch {
        return report(CommandFailure(error))
      }
    }
    var command: any ParsableCommand
    do {
      command = try subcommand(arguments) ?? parseAsRoot(arguments)
    } catch {
      return reportUsage(error)
    }
    do {
      try command.run()
      return 0
    } catch let error where error is CleanExit || error is ValidationError || error is ExitCode {
      return reportUsage(error)
    } catch {
      // `custody log --help` parses as a command of the parser's own, which then throws its text.
      return isOurs(command) ? report(CommandFailure(error)) : reportUsage(error)
    }
  }

  // The parser tries a command line on every command above the one that is meant: a third of the time of a short
  // question. What is not plain, help and errors among it, goes that way.
  private static func subcommand(_ arguments: [String]) -> (any ParsableCommand)? {
    guard let name = arguments.first,
      let named = configuration.subcommands.first(where: { $0.configuration.commandName == name }),
      named.configuration.subcommands.isEmpty
    else { return nil }
    let command = try? named.parseAsRoot(Array(arguments.dropFirst()))
    return command.flatMap { isOurs($0) ? $0 : nil }
  }

  private static func isOurs(_ command: any ParsableCommand) -> Bool {
    let ours = configuration.subcommands.flatMap { [$0] + $0.configuration.subcommands }
    return command is CustodyCommand || ours.contains { $0 == type(of: command) }
  }

  private static func report(_ failure: CommandFailure) -> Int32 {
    if !failure.message.isEmpty { StandardError.write("custody: \(failure.message)\n") }
    if let hint = failure.hint { StandardError.write("  hint: \(hint)\n") }
    return failure.status
  }

  // Help goes to standard output; everything else about usage ends with 2.
  private static func reportUsage(_ error: any Error) -> Int32 {
    let text = fullMessage(for: error)
    guard exitCode(for: error) == .success else {
      StandardError.write(text + "\n")
      return ExitStatus.usage
    }
    if !text.isEmpty { StandardOutput.write(text + "\n") }
    return 0
  }
}

/// Text for people and programs, unbuffered on the error side.
enum StandardError {
  /// Writes text as it is.
  static func write(_ text: String) { write(text, to: STDERR_FILENO) }

  fileprivate static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }
}

/// Text for the user that asked.
enum StandardOutput {
  /// Writes text as it is.
  static func write(_ text: String) { StandardError.write(text, to: STDOUT_FILENO) }
}

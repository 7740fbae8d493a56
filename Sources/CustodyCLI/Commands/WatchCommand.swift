// Why: `custody watch`: the audit while a journal is written, so that a violation is known when it happens and not
// when somebody asks. Not here: the audit (AuditCommand, JournalAudit).

import Analysis
import ArgumentParser
import Glibc
import Journal
import PageOwnership

struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Audit a journal while it is written, one line a violation",
    discussion: """
      custody watch                                   until Ctrl-C
      custody watch --until-closed                    until the writer has closed the journal in order
      custody watch --exec 'logger "$CUSTODY_LINE"'   run a command for each violation

      The same pass as `custody audit`, which goes on with each commit of the writer and holds nothing up. Racy \
      findings are not told. The command of --exec is run by /bin/sh with CUSTODY_RULE, CUSTODY_SEVERITY, CUSTODY_SEQ, \
      CUSTODY_TRANSITION, CUSTODY_LINE and CUSTODY_JSON in its environment; the pass waits for it. Exit status 1 if \
      there were violations, 130 if it was interrupted.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Only these rules, with commas between.", valueName: "ids"))
  var check: String?
  @Option(help: ArgumentHelp("All rules but these.", valueName: "ids"))
  var skip: String?
  @Option(help: ArgumentHelp("A file of accepted findings.", valueName: "file"))
  var waivers: String?
  @Option(help: ArgumentHelp("Run this for each violation.", valueName: "command"))
  var exec: String?
  @Flag(help: "End when the writer has closed the journal in order.")
  var untilClosed = false
  @Option(help: ArgumentHelp("Look at the journal at least every so many milliseconds.", valueName: "ms"))
  var interval: UInt32 = 200
  @Flag(help: "Print an object a line.")
  var json = false

  func validate() throws {
    _ = try AuditSelection.rules(check: check, skip: skip)
    guard (1...60_000).contains(interval) else { throw ValidationError("--interval is 1 to 60000 milliseconds") }
  }

  func run() throws {
    Interrupt.install(endsStandardInput: false)
    let reader = try journal.openReader()
    let book = WaiverBook(try waivers.map { try WaiverFile.read($0) } ?? [])
    var audit = try JournalAudit(reader, rules: try AuditSelection.rules(check: check, skip: skip))
    var teller = ViolationTeller(
      FindingWords(try reader.spaces().map(\.space), path: reader.path), book, .standard(isFull: true), exec, json)
    let signal = ChangeSignal(besides: reader.path)
    while !Interrupt.isRequested {
      // The mark first: what is closed has no entry behind the head that is read next.
      let isClosed = try untilClosed && reader.isClean()
      let head = try reader.headSeq()
      if head > audit.audit.lastSeq {
        try audit.refresh()
        teller.words = FindingWords(try reader.spaces().map(\.space), path: reader.path)
        try audit.run(through: head) { findings in
          for finding in findings { try teller.tell(finding) }
          return !Interrupt.isRequested
        }
      } else if isClosed {
        for finding in audit.finish() { try teller.tell(finding) }
        break
      } else {
        signal.wait(milliseconds: Int32(interval))
      }
    }
    if Interrupt.isRequested { throw CommandFailure.silent(ExitStatus.interrupted) }
    if teller.count > 0 { throw CommandFailure.silent(ExitStatus.differences) }
  }
}

/// Tells violations as they come.
private struct ViolationTeller {
  var words: FindingWords
  /// How many were told.
  private(set) var count = 0
  private var book: WaiverBook
  private let console: Console
  private let command: String?
  private let isJSON: Bool

  init(_ words: FindingWords, _ book: WaiverBook, _ console: Console, _ command: String?, _ isJSON: Bool) {
    self.words = words
    self.book = book
    self.console = console
    self.command = command
    self.isJSON = isJSON
  }

  mutating func tell(_ finding: AuditFinding) throws {
    guard !finding.isRacy, book.waiver(of: finding) == nil else { return }
    count += 1
    let object = words.json(ToldFinding(finding: finding)).encoded
    let line = DisplayText.escaped(words.line(finding))
    try console.write((isJSON ? object : line) + "\n")
    try console.flush()
    guard let command else { return }
    let variables = [
      "CUSTODY_RULE": finding.rule, "CUSTODY_SEVERITY": finding.severity.rawValue,
      "CUSTODY_SEQ": "\(finding.seq.rawValue)", "CUSTODY_LINE": line, "CUSTODY_JSON": object,
      "CUSTODY_TRANSITION": finding.transition.map { "T\($0.rawValue)" } ?? "",
    ]
    try ShellCommand.run(command, variables) { try console.note($0) }
  }
}

extension FindingWords {
  /// A finding in one line.
  func line(_ found: AuditFinding) -> String {
    let place = place(found).map { ": \($0)" } ?? ""
    return "\(found.rule) \(found.severity.rawValue): \(moment(found))\(place): expected \(found.expected); "
      + "found \(found.found)"
  }
}

/// A command of the user's.
enum ShellCommand {
  /// Runs a command by /bin/sh with more variables, and waits; one that fails is told, not an error.
  static func run(_ command: String, _ variables: [String: String], tell: (String) throws -> Void) throws {
    var settings: [UnsafeMutablePointer<CChar>?] = []
    var place = environ
    while let setting = place.pointee {
      let text = String(cString: setting)
      if !variables.keys.contains(where: { text.hasPrefix($0 + "=") }) { settings.append(strdup(text)) }
      place += 1
    }
    settings += variables.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") }
    settings.append(nil)
    let words: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(command), nil]
    defer { for pointer in settings + words { free(pointer) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, "/bin/sh", nil, nil, words, settings)
    guard code == 0 else { return try tell("cannot run /bin/sh: \(String(cString: strerror(code)))") }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    if status != 0 { try tell("the command ended with \(status & 0x7f == 0 ? status >> 8 : -(status & 0x7f))") }
  }
}

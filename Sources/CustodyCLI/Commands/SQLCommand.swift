// Why: `custody sql`: any question that the views can answer, reading only. Not here: what a query may do
// (Journal).

import ArgumentParser
import Glibc
import Journal

struct SQLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql",
    abstract: "Ask the journal in SQL, reading only",
    discussion: """
      custody sql 'SELECT operation, count(*) FROM "transition" GROUP BY 1'
      custody sql --format csv --header "SELECT * FROM change WHERE page = 0x48163"
      custody sql - < question.sql

      One statement that reads. Views: entry, change, "transition", activation, space, snapshot, region, fact, site. \
      Functions beside SQLite's own: hex64(n), errno_name(n). CSV has a header only with --header.
      """)

  @Argument(help: "The statement; - reads it from standard input.")
  var query: String?
  @Option(help: "Read the statement from this file.", completion: .file())
  var file: String?
  @OptionGroup var journal: JournalOption
  @OptionGroup var output: OutputOptions
  @Flag(help: "Begin CSV with the names of the columns.")
  var header = false
  @Option(help: ArgumentHelp("Stop after this many rows; says so if there were more.", valueName: "N"))
  var limit: Int?
  @Option(help: ArgumentHelp("Stop after this many seconds, with status 5.", valueName: "S"))
  var timeout: Double?

  func validate() throws {
    guard (query == nil) != (file == nil) else {
      throw ValidationError("give one statement: as an argument, as - (standard input), or by --file")
    }
    if let limit, limit < 0 { throw ValidationError("--limit takes a number from 0 on") }
    if let timeout, !(timeout > 0 && timeout < 1e9) { throw ValidationError("--timeout takes seconds above 0") }
  }

  func run() throws {
    Interrupt.install()
    try run(on: output.console)
  }

  /// Answers on a console.
  func run(on console: Console) throws {
    let statement = try statement()
    let limits = QueryLimits(
      rowCount: limit, milliseconds: timeout.map { max(1, Int64($0 * 1000)) },
      isCancelled: { Interrupt.isRequested })
    var writer: (any RowWriter)?
    var wasCut = false
    do {
      wasCut = try journal.openReader().query(
        statement, limits: limits,
        columns: { names in
          let columns = names.map { Column($0, minimum: 12) }
          writer = output.format.writer(columns, to: console, hasHeader: header, null: "NULL")
        },
        row: { row in
          try writer?.write(row)
          return true
        })
    } catch let error as JournalError where error.code == .limit || error.code == .interrupted {
      // What was found before stays visible; an array of JSON stays open, as it is not the whole answer.
      if output.format == .table { try writer?.finish() }
      try console.flush()
      throw error
    }
    try writer?.finish()
    if wasCut, let limit { try console.note("showing the first \(limit) rows; there are more") }
  }

  private static let longestStatement = 1_000_000

  private func statement() throws -> String {
    if let query, query != "-" { return query }
    let name = file ?? "standard input"
    let descriptor = file.map { open($0, O_RDONLY | O_CLOEXEC) } ?? STDIN_FILENO
    defer { if descriptor > STDIN_FILENO { close(descriptor) } }
    var bytes = [UInt8](repeating: 0, count: Self.longestStatement + 1)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      if more < 0, errno == EINTR, !Interrupt.isRequested { continue }
      guard more >= 0 else {
        let reason = String(cString: strerror(errno))
        throw CommandFailure("cannot read \(name): \(reason)", status: ExitStatus.cannotOpen)
      }
      if more == 0 { return String(decoding: bytes.prefix(count), as: UTF8.self) }
      count += more
    }
    throw CommandFailure(
      "\(name) is longer than \(Self.longestStatement) bytes: that is no statement", status: ExitStatus.usage)
  }
}

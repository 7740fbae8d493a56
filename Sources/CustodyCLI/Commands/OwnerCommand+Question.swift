// Why: `owner` asked in plain words, the way it is typed all day, is answered without the argument parser, whose
// start takes longer than the answer. Whatever is not plain goes to the parser, which also words all errors.

import Analysis
import Journal
import PageOwnership

/// What `owner` is asked.
struct OwnerQuestion {
  var pages: [PagesArgument]
  var journal: String
  var at: PointInTime?
  var format = OutputFormat.table

  init(pages: [PagesArgument], journal: String, at: PointInTime?, format: OutputFormat) {
    self.pages = pages
    self.journal = journal
    self.at = at
    self.format = format
  }

  /// A question of pages, `-j PATH` and `--at MOMENT` alone; nil for anything else, wrong words among it.
  init?(plain words: [String]) {
    guard words.first == "owner" else { return nil }
    var pages: [PagesArgument] = []
    var journal: String?
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      if word.hasPrefix("-") {
        guard let value = rest.popFirst(), !value.isEmpty, !value.hasPrefix("-") else { return nil }
        switch word {
        case "-j" where journal == nil, "--journal" where journal == nil: journal = value
        case "--at" where at == nil: at = PointInTime(argument: value)
        default: return nil
        }
        if word == "--at", at == nil { return nil }
      } else {
        guard let page = PagesArgument(argument: word) else { return nil }
        pages.append(page)
      }
    }
    guard !pages.isEmpty else { return nil }
    self.pages = pages
    self.journal = JournalOption.path(given: journal)
  }

  /// Answers on a console.
  func answer(on console: Console) throws {
    let reader = try JournalReader(at: journal)
    let moment = try PointInTime.moment(at, in: reader)
    let report = try OwnerReport(reader, askedPages(reader, moment, console), at: moment.seq)
    let context = try ShowContext(reader)
    if format == .table {
      try OwnerText(context, moment, console).write(report)
    } else {
      try OwnerRows(context).write(report, format, console)
    }
  }

  private static let pageLimit: UInt64 = 1 << 18

  private func askedPages(_ reader: JournalReader, _ at: Moment, _ console: Console) throws -> [AskedPages] {
    let asked = try pages.map { try $0.asked(of: reader, at: at.seq, console) }
    let count = asked.reduce(UInt64(0)) { $0.addingReportingOverflow($1.count).overflow ? .max : $0 + $1.count }
    guard count <= Self.pageLimit else {
      throw CommandFailure(
        "\(count) pages are more than one question may have", hint: "ask for at most \(Self.pageLimit) at once",
        status: ExitStatus.limit)
    }
    return asked
  }
}

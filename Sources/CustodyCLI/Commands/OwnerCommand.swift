// Why: `custody owner`: who holds a page, in every space that knows it, since when, and by what.

import ArgumentParser
import Journal
import PageOwnership

struct OwnerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "owner",
    abstract: "Who holds a page, in every space, and which transition made it so",
    discussion: """
      custody owner 0x48163000                      at the end of the journal
      custody owner 0x48163000 --at mark=0x4001     right after that mark
      custody owner pfn:0x48163 --at T5446.3        inside a transition: the half-done state as it was
      custody owner 0x48100000+16 0x48200000        several pages; the range may be 0x48100000..0x48110000
      custody owner guest:0x1000#3/0x80000000       a guest's address: the page behind it, and what the host says

      The owner of a page is derived from all spaces: one, nobody, two (in the middle of a donation both happen), or
      unknown where nobody saw it. A guest without #N is the one of that handle that lived at the moment.
      """)

  @Argument(help: ArgumentHelp("0x… (physical), pfn:0x… or guest:0x1000#3/0x…; +N pages, or ..end.", valueName: "page"))
  var pages: [PagesArgument]
  @OptionGroup var journal: JournalOption
  @OptionGroup var moment: AtOption
  @OptionGroup var output: OutputOptions

  func run() throws {
    try OwnerQuestion(pages: pages, journal: journal.path, at: moment.at, format: output.format)
      .answer(on: output.console)
  }
}

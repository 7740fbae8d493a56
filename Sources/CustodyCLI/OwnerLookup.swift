// Why: who owns a page, for programs that ask many times: one open index, no process for each question. The
// benchmark of look-ups measures this. Not here: several pages and their wording (OwnerCommand).

import Analysis
package import Journal
package import PageOwnership

/// Answers from the index of one journal.
package final class OwnerLookup {
  /// One page's answer.
  package struct Answer: Hashable, Sendable {
    /// Who owns the page.
    package var owner: DerivedOwner
    /// Each space that knows it, what it holds, and the entry that made it so.
    package var facts: [Fact]
    /// How many times it is pinned, and lent to how many guests; nil if unknown.
    package var pins: UInt32?, shareCount: UInt32?
  }

  /// What one space says.
  package struct Fact: Hashable, Sendable {
    /// The space, and the page in its numbers.
    package var place: GuestPage
    /// What it holds.
    package var holding: Holding
    /// The entry that made it so; nil if nothing ever did.
    package var since: SequenceNumber?
  }

  private let index: OwnershipIndex
  private let lives: GuestLives

  /// Opens the index of a journal; nil if it has none. Throws ``JournalError``.
  package init?(_ reader: JournalReader) throws {
    guard let index = try OwnershipIndex(reader) else { return nil }
    self.index = index
    lives = try reader.guestLives()
  }

  /// The last entry that can be asked about.
  package var validTo: SequenceNumber { index.validTo }

  /// Who owns a physical page right after an entry up to ``validTo``. Throws ``JournalError``.
  package func owner(of page: PageFrame, at seq: SequenceNumber) throws -> Answer {
    let report = OwnerReport(IndexedSource(index, lives, at: seq), lives, [], at: seq)
    let answer = try report.answer(page, asked: nil)
    return Answer(
      owner: answer.owner,
      facts: answer.facts.map { Fact(place: GuestPage($0.space, $0.page), holding: $0.holding, since: $0.since) },
      pins: answer.view?.pins, shareCount: answer.view?.shareCount)
  }

  /// What one space alone holds: the least that any answer must do. Throws ``JournalError``.
  package func since(_ space: SpaceID, _ page: PageFrame, at seq: SequenceNumber) throws -> SequenceNumber? {
    try index.holding(of: space, page, at: seq)?.since
  }
}

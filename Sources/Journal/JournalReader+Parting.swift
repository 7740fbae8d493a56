// Why: the first entry at which two journals part: their seals are searched by halves, then the entries between two
// seals are hashed again on both sides. What hangs on an entry counts as the entry. Seals are believed here;
// whether they tell the truth is what `verify` is for. Not here: what the entries mean.

package import PageOwnership

/// Where the histories of two journals part.
package struct HistoryParting: Hashable, Sendable {
  /// The last entry up to which both are the same; nil if they have different facts, which stand before all entries.
  package var common: SequenceNumber?
  /// The first entry that is not the same, or that one of them does not have; nil if there is none.
  package var first: SequenceNumber?
  /// How many seals were looked at in each journal.
  package var probes: Int
}

extension JournalReader {
  /// Searches for the first entry at which this journal and another part.
  ///
  /// At most ⌈log2(N / 1024)⌉ + 2 seals of each are read, of the shorter one's N entries, and 1,024 entries. Throws
  /// ``JournalError``: `corrupt` for a journal without seals, `pruned` if they part before one of them begins.
  package func parting(from other: JournalReader) throws(JournalError) -> HistoryParting {
    let (mine, theirs) = (try headSeq(), try other.headSeq())
    let end = min(mine, theirs)
    var parting = HistoryParting(probes: 0)
    func sealsAgree(_ number: Int64) throws(JournalError) -> Seal? {
      parting.probes += 1
      let (one, another) = (try exactSeal(number), try other.exactSeal(number))
      return one.head == another.head ? one : nil
    }
    guard var good = try sealsAgree(0) else {
      parting.first = SequenceNumber(0)
      return parting
    }
    var low: Int64 = 0
    // Where one was pruned the other is compared from there on.
    if let (anchor, owner) = try laterAnchor(other) {
      guard anchor.seq <= end, let seal = try sealsAgree(anchor.seq.rawValue / Seal.interval) else {
        throw anchor.refusal(owner, "where the journals part")
      }
      (low, good) = (anchor.seq.rawValue / Seal.interval, seal)
    }
    // A seal is written when the next entry comes: the last one of the shorter journal may be missing.
    var high = max(low, max(0, end.rawValue - 1) / Seal.interval + 1)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if let seal = try sealsAgree(middle) {
        (low, good) = (middle, seal)
      } else {
        high = middle
      }
    }
    let last = SequenceNumber(min(end.rawValue, high * Seal.interval))
    let (same, stray) = try entriesAgree(with: other, after: good, through: last)
    parting.common = same
    parting.first = stray ?? (mine == theirs ? nil : SequenceNumber(end.rawValue + 1))
    return parting
  }

  private func laterAnchor(_ other: JournalReader) throws(JournalError) -> (Anchor, String)? {
    let found = [(try anchor(), path), (try other.anchor(), other.path)].compactMap { anchor, path in
      anchor.map { ($0, path) }
    }
    return found.max { $0.0.seq < $1.0.seq }
  }

  private func exactSeal(_ number: Int64) throws(JournalError) -> Seal {
    let seq = SequenceNumber(number * Seal.interval)
    guard try connection.hasSeals(), let seal = try connection.seal(through: seq), seal.seq == seq else {
      throw JournalError(
        .corrupt, "\(path) has no seal at entry \(seq.rawValue)",
        hint: "`custody migrate` seals an older journal; `custody verify` tells what is damaged")
    }
    return seal
  }

  private func entriesAgree(
    with other: JournalReader, after seal: Seal, through last: SequenceNumber
  ) throws(JournalError) -> (SequenceNumber, SequenceNumber?) {
    var mine = try scan(after: seal, through: last)
    var theirs = try other.scan(after: seal, through: last)
    var same = seal.seq
    while same < last {
      let next = SequenceNumber(same.rawValue + 1)
      guard try mine.next(), try theirs.next(), mine.seq == theirs.seq, mine.sealHere().head == theirs.sealHere().head
      else { return (same, next) }
      same = next
    }
    return (same, nil)
  }

  // Both sides take every space as not yet named: where the seals agree, what was named before them is the same.
  private func scan(after seal: Seal, through last: SequenceNumber) throws(JournalError) -> ChainScan {
    ChainScan(
      try ChainSource(connection), after: seal, through: last, spaces: SpaceBook(loose: try spaces()), decodes: false)
  }
}

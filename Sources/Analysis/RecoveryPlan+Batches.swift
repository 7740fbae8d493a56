// Why: a plan becomes rows like those of any other source; only the numbers of entries and sites are still to be
// given. Not here: writing them (Journal).

package import PageOwnership

extension RecoveryPlan {
  /// The rows, a batch an entry, as they follow the last entry of a journal.
  ///
  /// - Parameter sites: the journal's sites, in order of their numbers, from 1.
  package func batches(after head: SequenceNumber, sites: [Site]) -> [EntryBatch] {
    var numbers: [Site: SiteID] = [:]
    for (index, site) in sites.enumerated() { numbers[site] = SiteID(rawValue: Int32(clamping: index + 1)) }
    var count = Int32(clamping: sites.count)
    var seq = head
    return steps.map { step in
      seq = SequenceNumber(seq.rawValue + 1)
      var batch = EntryBatch()
      let number: SiteID
      if let known = numbers[step.site] {
        number = known
      } else {
        count += 1
        number = SiteID(rawValue: count)
        numbers[step.site] = number
        batch.sites.append((number, step.site))
      }
      fill(&batch, step, Entry(seq: seq, site: number))
      return batch
    }
  }

  private func fill(_ batch: inout EntryBatch, _ step: RecoveryStep, _ empty: Entry) {
    var entry = empty
    entry.action = step.transition
    entry.space = step.space
    entry.page = step.page
    entry.pageCount = step.pageCount
    entry.outcome = step.end?.outcome.rawValue
    entry.result = step.end?.result
    entry.note = step.note
    batch.entries.append(entry)
    for (ordinal, change) in step.changes.enumerated() {
      var change = change
      change.seq = entry.seq
      change.ordinal = Int32(clamping: ordinal)
      batch.changes.append(change)
    }
    guard let end = step.end else { return }
    batch.transitionEnds.append(
      ActionEnd(
        id: step.transition, lastSeq: entry.seq, outcome: end.outcome, result: end.result, failedSeq: end.failedSeq))
  }
}

// Why: the judge of conformance must agree with what real hypervisors did, and must notice when a recording
// says what none did: at exactly the entry that was changed.

import Analysis
import Foundation
import PageOwnership
import PageTables
import TestSupport
import Testing
import TransitionRules

@Suite struct ConformanceTests {
  private static let rounds =
    ProcessInfo.processInfo.environment["CUSTODY_TAMPER_CASES"].flatMap { Int($0) }.map { max(1, $0 / 10) } ?? 5
  private static let names = Recordings.shipped.map(\.name)

  private static func imported(_ name: String, in recordings: [RecordingFiles] = Recordings.shipped) throws -> Imported
  {
    try Pipeline.importing(RecordingText(try #require(recordings.first { $0.name == name })))
  }

  @Test(arguments: Recordings.all.map(\.name))
  func everyRecordingAgrees(name: String) throws {
    let report = try Conforming.report(Self.imported(name, in: Recordings.all))
    #expect(report.agrees && report.total.racy == 0, "\(name): \(report.disagreements.prefix(5))")
    #expect(report.total.operations > 3000 && report.words > 2000)
    #expect(report.ofCalls.unsupported * 100 <= report.ofCalls.operations, "\(name): \(report.blindness)")
  }

  // MARK: - tampered copies

  /// Changes a recording at a random place of a kind, and expects the first disagreement there.
  private func tamper(
    _ name: String, _ kind: EntryKind, _ change: (inout Imported, Int) -> SequenceNumber?
  ) throws {
    let seed = SeededRandom.seed(20_221_028)
    var random = SeededRandom(seed: seed)
    let whole = try Self.imported(name)
    let places = whole.places(kind)
    var done = 0
    while done < Self.rounds {
      let place = random.pick(places)
      var copy = whole
      guard let expected = change(&copy, place) else { continue }
      done += 1
      let entry = whole.rows.entries[place]
      let report = try Conforming.report(copy)
      let first = report.disagreements.first
      #expect(
        first?.seq == expected && first?.transition == entry.action,
        "\(name), seed \(seed), entry \(entry.seq.rawValue), \(whole.step(place)): \(String(describing: first))")
    }
  }

  @Test(arguments: names)
  func droppedApplyIsMissing(name: String) throws {
    try tamper(name, .apply) { copy, place in
      let entry = copy.rows.entries[place]
      let sites = copy.sites
      let isEncoding = sites[entry.site]?.effect == .encode
      guard !isEncoding, let next = copy.nextPlace(after: place) else { return nil }
      // What is missing shows where the transition goes on; of two equal steps of a loop the second would stand in.
      guard copy.step(next) != copy.step(place), sites[entry.site]?.operation != .pin,
        sites[entry.site]?.operation != .unpin
      else { return nil }
      let seq = copy.rows.entries[next].seq
      copy.rows.changes.removeAll { $0.seq == entry.seq }
      copy.rows.entries.remove(at: place)
      return seq
    }
  }

  @Test(arguments: names)
  func droppedCheckIsMissing(name: String) throws {
    try tamper(name, .check) { copy, place in
      let entry = copy.rows.entries[place]
      // A step that a compiler laid down twice is still there once; one that verifies nothing need not be there.
      let isRepeated = copy.step(place) == "__guest_check_transition_size"
      guard !isRepeated, entry.outcome != CheckOutcome.skipped.rawValue, copy.step(place) != "hyp_ack_share",
        let next = copy.nextPlace(after: place)
      else { return nil }
      let seq = copy.rows.entries[next].seq
      copy.rows.entries.remove(at: place)
      return seq
    }
  }

  @Test(arguments: names)
  func turnedCheckDiffers(name: String) throws {
    try tamper(name, .check) { copy, place in
      let entry = copy.rows.entries[place]
      guard entry.outcome == CheckOutcome.passed.rawValue || entry.outcome == CheckOutcome.failed.rawValue else {
        return nil
      }
      let passed = entry.outcome == CheckOutcome.passed.rawValue
      copy.rows.entries[place].outcome = (passed ? CheckOutcome.failed : .passed).rawValue
      copy.rows.entries[place].result = passed ? -1 : 0
      return entry.seq
    }
  }

  @Test(arguments: names)
  func changedWordDiffers(name: String) throws {
    var random = SeededRandom(seed: SeededRandom.seed(7))
    try tamper(name, .apply) { copy, place in
      let seq = copy.rows.entries[place].seq
      let own = copy.rows.changes.indices.filter {
        copy.rows.changes[$0].seq == seq && copy.rows.changes[$0].table != .vmemmap
      }
      guard !own.isEmpty else { return nil }
      let change = random.pick(own)
      guard let word = copy.rows.changes[change].new, word != 0 else { return nil }
      // Any bit of the address, the permissions, the state or the type; the access flag apart.
      let bit = random.pick([0, 6, 7, 12, 20, 30, 53, 54, 55, 56, 60, 61])
      copy.rows.changes[change].new = word ^ 1 << UInt64(bit)
      return seq
    }
  }

  @Test(arguments: names)
  func droppedChangeDiffers(name: String) throws {
    try tamper(name, .apply) { copy, place in
      let seq = copy.rows.entries[place].seq
      let own = copy.rows.changes.indices.filter { copy.rows.changes[$0].seq == seq }
      guard let first = own.first, copy.rows.changes[first].old != copy.rows.changes[first].new else { return nil }
      let operation = copy.sites[copy.rows.entries[place].site]?.operation
      guard operation != .hostFault, operation != .guestTestClearYoung else { return nil }
      copy.rows.changes.remove(at: first)
      return seq
    }
  }

  @Test(arguments: names)
  func changedResultDiffers(name: String) throws {
    try tamper(name, .end) { copy, place in
      guard let result = copy.rows.entries[place].result else { return nil }
      copy.rows.entries[place].result = result == -22 ? -1 : -22
      return copy.rows.entries[place].seq
    }
  }

  @Test func otherGenerationsDiffer() throws {
    let imported = try Self.imported("k73-nvhe")
    let older = try Conforming.report(imported, .linux6_18)
    // The boot walk is the first to write down an owner.
    let owned = try #require(older.disagreements.first { $0.recorded == "host_s2 0x2000000000000002" })
    #expect(owned.kind == .apply && owned.operation == .bootFixup && owned.rules == "0x4")
    for operation in [PageOwnership.Operation.hostDonateHyp, .hypDonateHost, .hostShareGuest, .hostDonateGuest] {
      #expect(older.counts[operation]?.agreeing == 0, "\(operation.rawValue)")
    }
    #expect(older.counts[.hostShareHyp]?.differing == 0)
    for generation in Generation.allCases where generation != .linux7_1 {
      #expect(try !Conforming.report(imported, RuleBook.of(generation)).agrees, "\(generation.rawValue)")
    }
    let oldest = try Conforming.report(Self.imported("cut-k612-do_donate"), .of(.linux6_1))
    #expect(oldest.disagreements.contains { $0.rules == "linux-6.1 has no such operation" })
  }

  @Test func changedRulesAreNoticed() throws {
    let imported = try Self.imported("k73-nvhe")
    for operation in [
      PageOwnership.Operation.hostShareHyp, .hostDonateHyp, .hypDonateHost, .guestShareHost, .hostReclaimGuest,
    ] {
      var book = RuleBook.of(.linux7_1)
      book.amend(operation) { $0.applies.swapAt(0, $0.applies.count - 1) }
      #expect(try Conforming.report(imported, book).disagreements.allSatisfy { $0.operation == operation })
      #expect(try !Conforming.report(imported, book).agrees, "\(operation.rawValue)")
    }
  }
}

extension RuleBook {
  fileprivate static var linux6_18: RuleBook { .of(.linux6_18) }
}

// Why: every form of `--at` means the entry that it should, checked against plain SQL; inside a transition the
// half-done state is the one that a replay has there. Moments that do not exist: OwnerHistoryCommandTests.

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct MomentTests {
  private func imported(_ name: String) throws -> Sandbox {
    let files = try #require(Recordings.shipped.first { $0.name == name })
    let sandbox = try Sandbox()
    #expect(try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots).status == 0)
    return sandbox
  }

  @Test func everyFormNamesItsEntry() throws {
    let sandbox = try imported("k73-nvhe")
    let mark = "FROM entry_row e JOIN site s ON s.id = e.site WHERE s.kind = 'mark'"
    let first = "SELECT result \(mark) AND result IS NOT NULL ORDER BY e.seq LIMIT 1"
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let value = try #require(try reader.number(first))
    let repeated = try reader.number("SELECT result \(mark) GROUP BY result HAVING count(*) > 1 LIMIT 1")
    var forms = [
      ("0", "SELECT 0"), ("1", "SELECT 1"), ("17673", "SELECT 17673"),
      ("HEAD", "SELECT max(seq) FROM entry_row"), ("HEAD~10", "SELECT max(seq) - 10 FROM entry_row"),
      ("t=10.5s", "SELECT max(seq) FROM entry_row WHERE time <= 10500000000"),
      ("t=10500ms", "SELECT max(seq) FROM entry_row WHERE time <= 10500000000"),
      ("t=-0.5s", "SELECT max(seq) FROM entry_row WHERE time <= (SELECT max(time) FROM entry_row) - 500000000"),
      ("mark=0x" + String(value, radix: 16), "SELECT min(e.seq) \(mark) AND e.result = \(value)"),
      ("T4942", "SELECT last_seq FROM transition_end WHERE id = 4942"),
      ("T4942.1", "SELECT first_seq + 1 FROM transition_row WHERE id = 4942"),
      ("T4942.2", "SELECT first_seq + 2 FROM transition_row WHERE id = 4942"),
    ]
    if let repeated {
      forms.append(
        (
          "mark=0x" + String(repeated, radix: 16) + "#2",
          "SELECT e.seq \(mark) AND e.result = \(repeated) ORDER BY e.seq LIMIT 1 OFFSET 1"
        ))
    }
    for (form, sql) in forms {
      let point = try #require(PointInTime(argument: form))
      let wanted = try #require(try reader.number(sql), "\(form)")
      #expect(try PointInTime.moment(point, in: reader).seq == SequenceNumber(wanted), "\(form)")
    }
  }

  @Test(arguments: ["", "T", "T1.", "T1.x", "HEAD-1", "HEAD~", "t=", "t=5h", "t=--1", "mark=", "mark=1#0", "-3", "@"])
  func whatIsNoMomentIsRefused(_ text: String) {
    #expect(PointInTime(argument: text) == nil)
  }

  @Test func insideADonationEachPhaseIsAsItWas() throws {
    let sandbox = try imported("cut-k612-do_donate")
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let page = PageFrame(0x43124)
    var replay = try JournalReplay(reader)
    var states: [String] = []
    for phase in 1...3 {
      let point = try #require(PointInTime(argument: "T3736.\(phase)"))
      let moment = try PointInTime.moment(point, in: reader)
      try replay.run(through: moment.seq)
      let lookup = try #require(try OwnerLookup(reader))
      let answer = try lookup.owner(of: page, at: moment.seq)
      let image = replay.replay.image
      #expect(answer.facts[0].holding == image.ownership.holding(.host, page), "phase \(phase)")
      #expect(answer.facts[1].holding == image.ownership.holding(.hyp, page), "phase \(phase)")
      states.append("\(answer.owner)")
    }
    #expect(states[1] == "\(DerivedOwner.one(.host))")
    #expect(states[2] == "\(DerivedOwner.nobody)")
  }
}

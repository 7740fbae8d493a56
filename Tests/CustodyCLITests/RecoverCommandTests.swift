// Why: what `log --open` and `recover` say and do, from outside, on the recordings that end in the middle; a writer
// that dies at any entry of a recovery. Not here: the decisions (AnalysisTests).

import Analysis
import Foundation
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct RecoverCommandTests {
  private func imported(_ name: String, isDriven: Bool = false) throws -> Sandbox {
    let files = try #require(Recordings.shipped.first { $0.name == name })
    let sandbox = try Sandbox()
    let ran = try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots)
    #expect(ran.status == 0, "\(ran)")
    guard isDriven else { return sandbox }
    let insert = "sqlite3 custody.db \"INSERT INTO fact VALUES ('driven_by', 'custody run', 'recorded')\""
    #expect(try sandbox.shell(insert).status == 0)
    return sandbox
  }

  private func hash(_ sandbox: Sandbox, _ journal: String = "custody.db") throws -> String {
    let ran = try sandbox.custody("replay", "--format", "json", "-j", journal)
    #expect(ran.status == 0, "\(ran)")
    let object = try #require(try json(ran.output) as? [String: Any])
    return try #require(object["state_hash"] as? String)
  }

  @Test func theDonationBetweenDisownAndOwn() throws {
    let sandbox = try imported("cut-k612-do_donate")
    let ran = try sandbox.custody("log", "--open")
    #expect(ran.status == 0, "\(ran)")
    let text = ran.output
    #expect(text.contains("T3736  host_donate_hyp  open"), "\(ran)")
    #expect(text.contains("T3736.3 apply disown (host_initiate_donation)"), "\(ran)")
    #expect(text.contains("0x43124000 ×2  disowned and not yet owned"), "\(ran)")
    #expect(text.contains("host NOPAGE, its table says HYP, hyp NOPAGE, no hyp mapping"), "\(ran)")
    #expect(text.contains("last apply in doubt by the entries alone; the snapshot at 13438 shows it done"), "\(ran)")
    #expect(try sandbox.custody("recover", "--dry-run").output == text)
    #expect(try sandbox.custody("recover").output == text)
  }

  @Test func theApplyThatIsTorn() throws {
    let sandbox = try imported("cut-k73-torn-donate_hyp")
    let lines = try sandbox.custody("log", "--open", "--format", "jsonl").lines
    let rows = try lines.map { try #require(try json($0) as? [String: Any]) }
    #expect(rows.count == 2)
    #expect(rows.map { $0["address"] as? String } == ["0x4417a000", "0x4417b000"])
    #expect(rows.map { $0["condition"] as? String } == ["at both", "locked (break-before-make)"])
    #expect(rows.map { $0["host_names"] as? String } == ["hyp", "locked"])
    #expect(rows.allSatisfy { $0["host"] as? String == "OWNED" && $0["hyp"] as? String == "OWNED" })
    #expect(rows.allSatisfy { $0["missing"] as? String == "disown at host" && $0["doubt"] as? String == "torn" })
    let text = try sandbox.custody("recover").output
    #expect(text.contains("torn disown (host_stage2_set_owner_locked), entry 19859, its apply line"), "\(text)")
    #expect(text.contains("host OWNED with a LOCKED descriptor"), "\(text)")
    #expect(text.contains("vmemmap not written"), "\(text)")
  }

  @Test(arguments: [80, 200]) func fitsTheTerminal(_ width: Int) throws {
    let sandbox = try imported("cut-k73-torn-donate_hyp")
    let ran = try sandbox.custody(["log", "--open"], environment: ["COLUMNS": "\(width)"])
    #expect(ran.lines.allSatisfy { $0.count <= width }, "\(ran)")
  }

  @Test func recordingsAreRecoveredAsACopy() throws {
    let sandbox = try imported("cut-k73-torn-donate_hyp")
    let before = try Data(contentsOf: URL(filePath: sandbox.file("custody.db")))
    for direction in ["--back", "--forward"] {
      let refused = try sandbox.custody("recover", direction)
      #expect(refused.status == 2 && refused.errors.contains("is a recording"), "\(refused)")
      let copy = "copy\(direction).db"
      let ran = try sandbox.custody("recover", direction, "--what-if", copy)
      #expect(ran.status == 0 && ran.output.contains("T4650"), "\(ran)")
      #expect(try sandbox.custody("replay", "-j", copy).output.contains("everything observed agrees"))
      #expect(try sandbox.custody("log", "--open", "-j", copy).output.isEmpty)
      let again = try sandbox.custody("recover", direction, "--what-if", copy)
      #expect(again.status == 4 && again.errors.contains("exists already"), "\(again)")
    }
    #expect(try Data(contentsOf: URL(filePath: sandbox.file("custody.db"))) == before)
    let shown = try sandbox.custody("show", "T4650", "-j", "copy--back.db").output
    #expect(shown.contains("recovery: takes back entry 19859") && shown.contains("(settled by recovery)"), "\(shown)")
    let owner = try sandbox.custody("owner", "0x4417a000", "0x4417b000", "-j", "copy--forward.db").output
    #expect(owner.contains("0x4417a000  owner hyp") && owner.contains("0x4417b000  owner hyp"), "\(owner)")
  }

  @Test func twiceChangesNothing() throws {
    let sandbox = try imported("cut-k612-do_donate", isDriven: true)
    let ran = try sandbox.custody("recover", "--forward")
    #expect(ran.status == 0 && ran.output.contains("completed"), "\(ran)")
    let after = try Data(contentsOf: URL(filePath: sandbox.file("custody.db")))
    for direction in ["--forward", "--back"] {
      let again = try sandbox.custody("recover", direction)
      #expect(again.status == 0 && again.errors.contains("nothing to recover"), "\(again)")
    }
    #expect(try Data(contentsOf: URL(filePath: sandbox.file("custody.db"))) == after)
  }

  @Test(arguments: ["cut-k612-do_donate", "cut-k73-torn-donate_hyp"], [RecoveryDirection.back, .forward])
  func aCrashInsideIsRecoveredTheSameWay(_ name: String, _ direction: RecoveryDirection) throws {
    let sandbox = try imported(name, isDriven: true)
    let option = "--\(direction.rawValue)"
    #expect(try sandbox.shell("cp custody.db whole.db").status == 0)
    #expect(try sandbox.custody("recover", option, "-j", "whole.db").status == 0)
    let goal = try hash(sandbox, "whole.db")
    let context = try ShowContext(JournalReader(at: sandbox.file("custody.db")))
    let open = try OpenTransitions(context)
    let plan = RecoveryPlan(direction, open.all, by: try #require(open.evidence))
    let batches = plan.batches(after: try context.reader.headSeq(), sites: context.sites.sites)
    #expect(batches.count >= 2)
    for count in 0..<batches.count {
      #expect(try sandbox.shell("rm -f cut.db*; cp custody.db cut.db").status == 0)
      let writer = try JournalWriter.open(at: sandbox.file("cut.db"))
      for batch in batches.prefix(count) {
        try writer.append(batch)
        try writer.commit()
      }
      writer.abandon()
      let told = try sandbox.custody("log", "--open", "-j", "cut.db")
      #expect(told.output.contains("open"), "\(told)")
      let ran = try sandbox.custody("recover", option, "-j", "cut.db")
      #expect(ran.status == 0, "\(ran)")
      #expect(try hash(sandbox, "cut.db") == goal)
    }
  }

  @Test func unfinishedImportsAndWrongUsage() throws {
    let files = try #require(Recordings.shipped.first { $0.name == "cut-k612-do_donate" })
    let sandbox = try Sandbox()
    let text = try sandbox.shell("zcat '\(files.events)' | head -c 900000 > events.jsonl").status
    #expect(text == 0)
    _ = try sandbox.custody("import", "-q", "events.jsonl", "--facts", files.summary)
    let refused = try sandbox.custody("recover")
    #expect(refused.status == 2 && refused.errors.contains("not complete"), "\(refused)")
    for arguments in [["--back", "--forward"], ["--what-if", "x.db"], ["--back", "--dry-run", "--what-if", "x.db"]] {
      #expect(try sandbox.custody(["recover"] + arguments).status == 2)
    }
    #expect(try sandbox.custody("log", "--open", "-n", "3").status == 2)
  }

  @Test func aJournalThatEndsInOrder() throws {
    let sandbox = try imported("k73-nvhe")
    let ran = try sandbox.custody("log", "--open")
    // Activations that never return are no open transitions.
    #expect(ran.status == 0 && ran.output.isEmpty && ran.errors.contains("no transition is open"), "\(ran)")
    let empty = try sandbox.custody("recover", "--format", "json")
    #expect(empty.output == "[]\n", "\(empty)")
  }
}

// Why: the answers of `why` for every refusal of the given recordings, checked by hand against their lines, and
// for transitions that completed, were cut or panicked in a way that needs a word.
// Not here: errnos that the recordings lack (HostileRefusalTests).

import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import CustodyCLI

/// A refusal or a failed check, and what `why` must say of it.
struct ExpectedAnswer: CustomTestStringConvertible, Sendable {
  var recording: String
  var id: Int
  var phase: Int
  var condition: String
  var errno: String
  var place: String
  var found: String
  /// The transition that made the page so; nil: nothing since the guest was born.
  var madeBy: Int?

  init(
    _ recording: String, _ id: Int, _ phase: Int, _ condition: String, _ errno: String, _ place: String,
    _ found: String, _ madeBy: Int?
  ) {
    self.recording = recording
    self.id = id
    self.phase = phase
    self.condition = condition
    self.errno = errno
    self.place = place
    self.found = found
    self.madeBy = madeBy
  }

  var testDescription: String { "\(recording) T\(id)" }
}

@Suite struct WhyCommandTests {
  private static let answers: [ExpectedAnswer] = [
    .init("k73-scenarios", 5626, 2, "source is owned", "-EPERM", "guest:0x1000#4/0x40000000", "SHARED_OWNED", 5583),
    .init("k73-scenarios", 5629, 2, "source is owned", "-EPERM", "guest:0x1000#4/0x40001000", "SHARED_OWNED", 5586),
    .init("k73-scenarios", 5683, 2, "source is shared", "-EPERM", "guest:0x1000#4/0x4000f000", "OWNED", 5537),
    .init(
      "k73-scenarios", 5702, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#4/0x40010000", "nothing mapped", nil),
    .init(
      "k73-scenarios", 5709, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#4/0x40011000", "nothing mapped", nil),
    .init(
      "k73-scenarios", 5733, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#4/0x4001f000", "nothing mapped", nil),
    .init("k73-scenarios", 6007, 1, "source is owned", "-EPERM", "host 0x4812c000", "SHARED_OWNED", 5959),
    .init(
      "k73-scenarios", 6125, 1, "source is owned", "-EPERM", "host 0x48128000",
      "NOPAGE, names guest:0x1001#3/0x40004000", 6075),
    .init(
      "k73-scenarios", 6168, 6, "source is owned or lent to guests", "-EPERM", "host 0x48128000",
      "NOPAGE, names guest:0x1001#3/0x40004000", 6075),
    .init(
      "k73-scenarios", 6276, 6, "source is owned or lent to guests", "-EPERM", "host 0x48128000", "SHARED_BORROWED",
      6194),
    .init("k73-nvhe", 4942, 2, "source is owned", "-EPERM", "guest:0x1000#2/0x40000000", "SHARED_OWNED", 4920),
    .init("k73-nvhe", 4945, 2, "source is owned", "-EPERM", "guest:0x1000#2/0x40001000", "SHARED_OWNED", 4923),
    .init("k73-nvhe", 4988, 2, "source is shared", "-EPERM", "guest:0x1000#2/0x40003000", "OWNED", 4892),
    .init("k73-nvhe", 5007, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#2/0x40004000", "nothing mapped", nil),
    .init("k73-nvhe", 5014, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#2/0x40005000", "nothing mapped", nil),
    .init("k73-nvhe", 5037, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#2/0x40007000", "nothing mapped", nil),
    .init("k73-stores", 4475, 2, "source is owned", "-EPERM", "guest:0x1000#2/0x40000000", "SHARED_OWNED", 4455),
    .init("k73-stores", 4540, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#2/0x40002000", "nothing mapped", nil),
    .init("k73-stores", 4549, 1, "guest leaf is valid", "-ENOENT", "guest:0x1000#2/0x40003000", "nothing mapped", nil),
    // Completed with a failed check.
    .init("k73-scenarios", 5824, 1, "guest leaf is valid", "-EHWPOISON", "guest:0x1000#4/0x4000e000", "POISON", 5769),
    .init("k73-nvhe", 5093, 1, "guest leaf is valid", "-EHWPOISON", "guest:0x1000#2/0x40002000", "POISON", 5066),
    .init("k73-stores", 4639, 1, "guest leaf is valid", "-EHWPOISON", "guest:0x1000#2/0x40000000", "POISON", 4605),
  ]

  private func why(_ sandbox: Sandbox, _ arguments: String..., width: Int? = 80) throws -> RecordingConsole {
    let recording = RecordingConsole(width: width)
    let command = try WhyCommand.parse(["-j", sandbox.file("custody.db")] + arguments)
    try command.run(on: recording.console)
    return recording
  }

  @Test(arguments: ["k73-scenarios", "k73-nvhe", "k73-stores"])
  func everyRefusalIsExplained(recording: String) throws {
    guard let sandbox = try ImportedJournals.journal(recording) else { return }
    let mine = Self.answers.filter { $0.recording == recording }
    for answer in mine {
      let object = try #require(
        try json(why(sandbox, "T\(answer.id)", "--format", "json").output) as? [String: Any])
      let checks = try #require(object["checks"] as? [[String: Any]])
      #expect(object["decided_by"] as? Int == answer.phase, "\(answer)")
      let decided = try #require(checks.first { $0["phase"] as? Int == answer.phase })
      #expect(decided["condition"] as? String == answer.condition, "\(answer)")
      #expect(decided["errno"] as? String == answer.errno, "\(answer)")
      #expect(decided["place"] as? String == answer.place, "\(answer)")
      #expect(decided["found"] as? String == answer.found, "\(answer)")
      #expect(checks.allSatisfy { ["agrees", "cannot tell"].contains($0["agreement"] as? String) }, "\(answer)")
      let past = try #require(object["past"] as? [[String: Any]])
      #expect(past.first?["transition"] as? Int == answer.madeBy, "\(answer)")
      #expect(!past.isEmpty && past.count <= 12, "\(answer)")
    }
    let refused = mine.filter { $0.errno != "-EHWPOISON" }.map(\.id)
    let log = try sandbox.custody("log", "--outcome", "refused", "--format", "jsonl")
    #expect(log.lines.count == refused.count)
    #expect(try why(sandbox, "--last").output.hasPrefix("T\(refused.max() ?? 0)  "))
  }

  @Test func aRefusalReadsWell() throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    let output = try why(sandbox, "T4942").output
    #expect(output.contains("refused -EPERM: .2 \"source is owned\" failed at"))
    #expect(output.contains("-EPERM  wants OWNED, found SHARED_OWNED"))
    #expect(output.contains("made so by   T4920.4 guest_share_host"))
    #expect(output.contains("unchanged    host SHARED_BORROWED; hyp NOPAGE; guest:0x1000#2 SHARED_OWNED"))
    for line in try why(sandbox, "T4942").lines + why(sandbox, "T5037").lines {
      #expect(DisplayText.width(line) <= 80, "\(line)")
    }
    #expect(try why(sandbox, "0x42ceb000").output == output)
    #expect(try why(sandbox, "guest:0x1000#2/0x40000000").output == output)
    #expect(try why(sandbox, "A4942").output == output)
    #expect(try why(sandbox, "--last", "--at", "T4942").output == output)
    #expect(try why(sandbox, "0x42ceb000", "--at", "T4920").output.isEmpty)
  }

  @Test func completedTransitionsSayWhatTheyChanged() throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    let poisoned = try why(sandbox, "T5093").output
    #expect(poisoned.contains("completed, result 0, though .1 \"guest leaf is valid\" failed -EHWPOISON"))
    #expect(poisoned.contains("reclaim answers 0"))
    let donated = try why(sandbox, "T4879", width: nil).output
    #expect(donated.contains("changed      host OWNED → NOPAGE, names guest:0x1000#2/0x40000000\n"))
    #expect(donated.contains("             guest:0x1000#2/0x40000000 NOPAGE → OWNED\n"))
    #expect(donated.contains("not judged: the contents of the memcache are not recorded"))
    let race = try why(sandbox, "T3137", width: nil).output
    #expect(race.contains("no effect: .2 \"leaf is empty\" failed at host"))
    #expect(race.contains("Somebody mapped it before this fault took the lock"))
    #expect(race.contains("made so by"), "\(race)")
  }

  @Test func conditionsThatWereNeverPerformedAreToldWithWhatTheyWouldHaveFound() throws {
    let sandbox = try #require(try ImportedJournals.journal("cut-k612-do_donate"))
    var ids: [String: String] = [:]
    for line in try sandbox.custody("log", "--outcome", "completed", "--format", "jsonl").lines {
      let row = try #require(try json(line) as? [String: Any])
      ids[row["operation"] as? String ?? ""] = "T\(row["id"] as? Int ?? 0)"
    }
    let share = try why(sandbox, ids["host_share_hyp"] ?? "", width: nil).output
    #expect(
      share.contains("skipped \"target is unmapped\", only checked with EL2 debugging: it would have passed: hyp"))
    let unshare = try why(sandbox, ids["host_unshare_hyp"] ?? "", width: nil).output
    #expect(unshare.contains("skipped \"target is borrowed\", only checked with EL2 debugging: it would have passed"))
    let donate = try why(sandbox, ids["host_donate_hyp"] ?? "", width: nil).output
    #expect(donate.contains("skipped  target is unmapped"))
    #expect(donate.contains("only checked with EL2 debugging: it would have passed"))
    let back = try why(sandbox, ids["hyp_donate_host"] ?? "", width: nil).output
    #expect(back.contains("NOPAGE, names hyp\n"))
  }

  @Test func cutTransitionsSayWhatIsHalfDone() throws {
    let nobody = try #require(try ImportedJournals.journal("cut-k612-do_donate"))
    #expect(
      try why(nobody, "T3736", width: nil).output.contains(
        "half done    all pages, 0x43124000 ×2: nobody's table has it: the host's names hyp, and hyp's says NOPAGE"))
    let torn = try #require(try ImportedJournals.journal("cut-k73-torn-donate_hyp"))
    let output = try why(torn, "T4650", width: nil).output
    #expect(output.contains("page 1 of 2, 0x4417a000: host and hyp both own it; the host's leaf names hyp"))
    #expect(output.contains("page 2 of 2, 0x4417b000: host and hyp both own it; the host's leaf is LOCKED"))
    if let both = try ImportedJournals.journal("cut-k73-donate_hyp") {
      #expect(
        try why(both, "T4634", width: nil).output
          .contains("half done    host and hyp both own it; hyp does not map it yet"))
    }
    if let panicked = try ImportedJournals.journal("k73-panic-young") {
      let fatal = try why(panicked, "T3996", width: nil).output
      #expect(fatal.contains("fatal: the hypervisor panicked inside, after .1 \"size is a page or an aligned block\""))
      #expect(fatal.contains("half done    nothing: it had changed nothing yet"))
    }
  }

  @Test(arguments: ["json", "jsonl", "csv", "markdown"]) func everyFormat(_ format: String) throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    let output = try why(sandbox, "T4942", "--format", format)
    #expect(output.output.contains("source is owned") && output.output.contains("SHARED"))
    if format == "csv" { #expect(output.lines.count == 3) }
    if format == "jsonl" { #expect(output.lines.count == 3) }
  }

  @Test func wrongQuestionsAreUsage() throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    #expect(status { _ = try why(sandbox, "T999999") } == ExitStatus.usage)
    #expect(status { _ = try why(sandbox, "A999999") } == ExitStatus.usage)
    for wrong in [[], ["T1", "--last"], ["X1"], ["0x"]] {
      #expect(throws: (any Error).self) { try WhyCommand.parse(wrong) }
    }
  }
}

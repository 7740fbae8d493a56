// Why: the debugger stands where it says: whatever way it came, the machine is the one that a replay from the start
// gives, going back costs little, and a change of a page is where its history has it.

import Analysis
import Foundation
import Glibc
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct ReplayStepTests {
  private let sandbox: Sandbox
  private let reader: JournalReader

  init() throws {
    sandbox = try ShippedJournal.sandbox.get()
    reader = try JournalReader(at: sandbox.file("custody.db"))
  }

  private func hashes() throws -> [StateHash] {
    var states = try JournalStates(reader, unwritten: [])
    var hashes = [states.follower.image.ownership.hash]
    try states.run(through: try reader.headSeq()) { follower in
      hashes.append(follower.image.ownership.hash)
      return true
    }
    return hashes
  }

  @Test func everyWayLeadsToTheSameState() throws {
    let expected = try hashes()
    var random = SeededRandom(seed: SeededRandom.seed(6))
    var cursor = try StepCursor(reader)
    for step in 0..<60 {
      let far = random.below(4) == 0
      let goal = far ? random.below(expected.count) : max(0, Int(cursor.seq.rawValue) - random.below(200))
      try cursor.move(to: SequenceNumber(Int64(goal)))
      #expect(cursor.image.ownership.hash == expected[goal], "seed \(random.seed), step \(step), to \(goal)")
    }
  }

  @Test func goingBackCostsLittle() throws {
    var cursor = try StepCursor(reader)
    try cursor.move(to: SequenceNumber(18_000))
    let before = cursor.trail.takenCount
    for back in 1...500 { try cursor.move(to: SequenceNumber(18_000 - Int64(back))) }
    // A replay from the start would take nine million entries.
    #expect(cursor.trail.takenCount - before < 500 * 100, "\(cursor.trail.takenCount - before)")
  }

  @Test(arguments: ["0x414bf000", "0x48134000", "guest:0x1000/0x80000000"])
  func changesAreWhereHistoryHasThem(_ page: String) throws {
    let history = try sandbox.custody("history", page, "--format", "json")
    let rows = (try? json(history.output)) as? [[String: Any]] ?? []
    let known = Set(
      rows.filter { $0["what"] as? String != nil && $0["before"] is String }.compactMap { $0["seq"] as? Int })
    let argument = try #require(PagesArgument(argument: page))
    guard let asked = try? argument.asked(of: reader, at: reader.headSeq(), Console { _ in }) else { return }
    var cursor = try StepCursor(reader)
    var forward: [Int] = []
    while try cursor.moveToNextChange(of: [asked]) { forward.append(Int(cursor.seq.rawValue)) }
    try cursor.move(to: reader.headSeq())
    var backward: [Int] = []
    while try cursor.moveToPreviousChange(of: [asked]) { backward.append(Int(cursor.seq.rawValue)) }
    #expect(forward == backward.reversed(), "\(page)")
    #expect(known.isSubset(of: Set(forward)), "\(page): \(known) and \(forward)")
  }

  private func session(_ commands: String..., at moment: String? = nil) throws -> Ran {
    let arguments = ["replay", "--step"] + (moment.map { ["--to", $0] } ?? [])
    return try sandbox.custody(
      arguments, input: commands.joined(separator: "\n") + "\n", environment: ["COLUMNS": "80"])
  }

  @Test func aRefusalIsSteppedThrough() throws {
    let refused = try #require(
      try sandbox.custody("sql", "--format", "csv", "SELECT min(id) FROM \"transition\" WHERE outcome = 'refused'")
        .lines.first)
    let ran = try session("f", "b", "b", "", "l", at: "T\(refused).1")
    #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran)")
    #expect(ran.output.contains("custody ") && ran.output.contains("> f\n"), "commands are echoed")
    #expect(ran.output.contains("  end        refused -E"), "\(ran)")
    #expect(ran.output.contains("FAILED") && ran.output.contains(", phase 1 of "), "\(ran)")
    #expect(ran.lines.allSatisfy { $0.count <= 80 || !$0.hasPrefix("  ") }, "\(ran)")
  }

  @Test func anApplyShowsThePageBeforeAndAfter() throws {
    let ran = try session("s", "i", "c", "r", "w 0x414bf000", "g HEAD", "s", "g 0", "b", at: "15612")
    #expect(ran.status == 0, "\(ran)")
    #expect(ran.output.contains("  before       0x") && ran.output.contains("  after        0x"), "\(ran)")
    #expect(ran.output.contains("  inside       cpu "), "\(ran)")
    #expect(ran.output.contains("  watch        0x414bf000  owner "), "\(ran)")
    #expect(ran.output.contains("there is nothing behind this entry"), "\(ran)")
    #expect(ran.output.contains("before the first entry") && ran.output.contains("this is the beginning"), "\(ran)")
  }

  @Test func changesAreThoseOfTheTransitionShown() throws {
    // At an end that names no page.
    let ran = try session("r", at: "T4396")
    #expect(ran.output.contains("T4396 host_share_hyp, end") && ran.output.contains("custody 15673>"), "\(ran)")
    #expect(ran.output.contains("  after        0x45797000"), "\(ran)")
    // A guest's address with nothing behind it, from the guest's birth on.
    let guest = try session("r", at: "T5037")
    #expect(guest.output.contains("  page         guest:0x1000#2/0x40007000  NOPAGE"), "\(guest)")
    #expect(guest.output.contains("custody 17167>"), "\(guest)")
  }

  @Test func eachStepBackUndoesOneForward() throws {
    let forward = Array(repeating: "s", count: 40)
    let there = try sandbox.custody(
      ["replay", "--step", "--to", "T4942"], input: (forward + Array(repeating: "b", count: 40)).joined(separator: "\n")
    )
    let prompts = there.lines.compactMap { line -> Int? in
      guard line.hasPrefix("custody "), let end = line.firstIndex(of: ">") else { return nil }
      return Int(line[line.index(line.startIndex, offsetBy: 8)..<end])
    }
    #expect(prompts.count == 81 && prompts[0] == prompts[80], "\(prompts)")
    #expect(prompts[1...40].elementsEqual(prompts[40...79].reversed()), "\(prompts)")
  }

  @Test func whatIsNotUnderstoodIsTold() throws {
    for line in ["foo", "s x", "s 0", "c zzz", "g", "g @nowhere", "g T999999", "o", "f 1", "c guest:0x77/0x1000"] {
      let ran = try session(line, "i")
      #expect(ran.status == 2 && ran.output.contains("after entry 0 of 18671"), "\(line): \(ran)")
    }
    #expect(try session("h", "?", "q").status == 0)
    #expect(try session("\u{1b}[2J", "q").output.contains("\u{1b}") == false)
    #expect(try sandbox.custody("replay", "--step", "--save", "x").status == 2)
    #expect(try sandbox.custody("replay", "--step", "--to", "T0").status == 2)
    // No input at all is an end.
    #expect(try sandbox.custody("replay", "--step").status == 0)
  }

  @Test func anEmptyJournalHasNoSteps() throws {
    let own = try Sandbox()
    try own.write("none.jsonl", "")
    _ = try own.custody("import", "-q", "none.jsonl", "--generation", "linux-7.1")
    let ran = try own.custody(["replay", "--step"], input: "s\nb\nc 0x1000\nr\nn\np\ni\nl\nf\n")
    #expect(ran.status == 0 && ran.output.contains("after entry 0 of 0"), "\(ran)")
  }

  @Test func aTerminalIsLeftAsItWas() throws {
    let own = try Sandbox()
    guard try own.shell("command -v tmux").status == 0 else {
      print("skipped: tmux is not here")
      return
    }
    let journal = sandbox.file("custody.db")
    for (name, end) in [("d", "C-d"), ("c", "C-c"), ("q", "q Enter")] {
      let script = """
        export LC_ALL=C.UTF-8
        t() { tmux -S "$PWD/\(name).sock" -f /dev/null "$@"; }
        t new-session -d -x 80 -y 24 "bash --norc"
        wait_for() {
          for i in $(seq 2000); do
            t capture-pane -p -S - | grep -q "$1" && return 0
            read -t 0.01 <> <(:) || true
          done
          t capture-pane -p -S -
          return 1
        }
        t send-keys "PS1=ready-; stty -a > before; $CUSTODY replay --step -j '\(journal)' --to T4942.1" Enter
        wait_for 'custody [0-9]*>' && t send-keys s Enter && wait_for 'phase 2 of' && t send-keys Enter
        wait_for 'phase 3 of\\|, end' && t send-keys \(end)
        t send-keys "stty -a > after; echo over-\\$((1+1))" Enter
        wait_for 'over-2' && cmp before after && echo same
        t kill-server
        """
      let ran = try own.shell(script)
      #expect(ran.output.hasSuffix("same\n"), "\(end): \(ran)")
    }
  }
}

// Why: a minimized scenario still shows what the whole showed, and loses it with any line that is left out; the
// program itself is asked about each.

import Foundation
import PageOwnership
import TestSupport
import Testing
import TransitionRules

@testable import CustodyCLI

@Suite struct MinimizeCommandTests {
  // Steps on pages of their own, each of which does something.
  private func noise(_ count: Int, _ random: inout SeededRandom) -> [String] {
    (0..<count).map { index in
      let page = HexText.hex(0x41500 + UInt64(index))
      return random.pick(["host share hyp \(page)", "host fault \(page)", "host share ffa \(page)"])
    }
  }

  // The lines in their order with others between them.
  private func mixed(_ lines: [String], _ noise: [String], _ random: inout SeededRandom) -> String {
    var rest = noise[...]
    var text = ""
    for line in lines {
      for _ in 0..<random.below(8) { text += (rest.popFirst() ?? "") + "\n" }
      text += line + "\n"
    }
    return text + rest.joined(separator: "\n") + "\n"
  }

  private func steps(_ ran: Ran) -> [String] { ran.lines.filter { !$0.hasPrefix("#") } }

  private func expectMinimal(_ sandbox: Sandbox, _ ran: Ran, _ arguments: [String]) throws {
    let steps = steps(ran)
    #expect(ran.status == 0 && !steps.isEmpty && ran.output.contains("no single one can be left out"), "\(ran)")
    for index in -1..<steps.count {
      var part = steps
      if index >= 0 { part.remove(at: index) }
      try sandbox.write("part.txt", part.joined(separator: "\n"))
      let again = try sandbox.custody(["minimize", "part.txt"] + arguments)
      #expect(again.status == (index < 0 ? 0 : 1), "without \(index): \(again)")
      if index < 0 { #expect(self.steps(again) == steps) }
    }
  }

  @Test(arguments: [("linux-6.4", false), ("linux-6.14", false), ("linux-7.1", true)])
  func holesOfASearchAreFoundAgain(_ generation: String, _ el2Debug: Bool) throws {
    var random = SeededRandom(seed: SeededRandom.seed(62))
    let sandbox = try Sandbox()
    let build = ["--generation", generation] + (el2Debug ? ["--el2-debug"] : [])
    let explored = try sandbox.custody(["explore", "--format", "json", "--pages", "1"] + build)
    let report = try json(explored.output) as? [String: Any]
    let holes = (report?["holes"] as? [[String: Any]] ?? []).filter { $0["kind"] as? String != "unchecked" }
    for hole in holes.prefix(4) {
      let kind = try #require(hole["kind"] as? String)
      let shortest = try #require(hole["steps"] as? [String])
      try sandbox.write("s.txt", mixed(shortest, noise(30, &random), &random))
      let wanted = (kind == "fatal" ? ["--fatal"] : ["--invariant", kind]) + build
      let ran = try sandbox.custody(["minimize", "s.txt"] + wanted)
      // The search knows the nearest way into this hole; another operation may make one of the same kind sooner.
      #expect(steps(ran).count <= shortest.count, "seed \(random.seed): \(shortest) and \(ran)")
      try expectMinimal(sandbox, ran, wanted)
    }
    if generation == "linux-6.14" { #expect(!holes.isEmpty, "\(explored)") }
  }

  @Test func generationsThatDecideOtherwise() throws {
    var random = SeededRandom(seed: SeededRandom.seed(63))
    let sandbox = try Sandbox()
    // Since 6.18 ranges are validated: one that wraps is refused there.
    let lines = ["host share hyp 0x41300", "host donate hyp 0x41310 0xfffffffffffff", "host unshare hyp 0x41300"]
    try sandbox.write("s.txt", mixed(lines, noise(40, &random), &random))
    let wanted = ["--between", "linux-6.16", "linux-6.18"]
    let ran = try sandbox.custody(["minimize", "s.txt"] + wanted)
    try expectMinimal(sandbox, ran, wanted)
    #expect(ran.output.contains("linux-6.16: ") && ran.output.contains("linux-6.18: refused"), "\(ran)")
    let same = try sandbox.custody("minimize", "s.txt", "--between", "linux-7.1", "linux-7.1")
    #expect(same.status == 1 && same.errors.contains("does not show it"), "\(same)")
  }

  @Test func aJournalHoldsItsScenario() throws {
    var random = SeededRandom(seed: SeededRandom.seed(64))
    let sandbox = try Sandbox()
    let lines = [
      "host share hyp 0x41300", "pin 0x41300", "host donate guest 1 0x41310 0x100",
      "host share guest 0 0x41400 0x7 2 rw",
      "vm teardown pgtable 0", "host unmap dev all", "host unshare hyp 0x41300",
    ]
    try sandbox.write("s.txt", mixed(lines, noise(40, &random), &random))
    #expect(try sandbox.custody("run", "-q", "s.txt").status == 0)
    let wanted = ["--returns", "-EBUSY", "--operation", "host_unshare_hyp"]
    let ofFile = try sandbox.custody(["minimize", "s.txt"] + wanted)
    #expect(steps(ofFile) == ["host share hyp 0x41300", "pin 0x41300 1", "host unshare hyp 0x41300"], "\(ofFile)")
    try expectMinimal(sandbox, ofFile, wanted)
    let ofJournal = try sandbox.custody(["minimize"] + wanted)
    #expect(ofJournal.output == ofFile.output, "\(ofJournal)")
    let report = try json(sandbox.custody(["minimize", "--format", "json"] + wanted).output) as? [String: Any]
    #expect(report?["steps"] as? Int == 3 && report?["minimal"] as? Bool == true)
    // What is printed is performed as it is.
    let again = try sandbox.shell("$CUSTODY minimize \(wanted.joined(separator: " ")) | $CUSTODY run - -j again.db")
    #expect(again.output.contains("host_unshare_hyp               1  refused -EBUSY"), "\(again)")
  }

  @Test func limitsAndMisuse() throws {
    let sandbox = try Sandbox()
    try sandbox.write(
      "s.txt",
      (0..<40).map { "host share hyp \(0x41300 + $0)" }.joined(separator: "\n")
        + "\nhost share hyp 0x41305\n")
    let limited = try sandbox.custody("minimize", "s.txt", "--returns", "-EPERM", "--limit", "1")
    #expect(limited.status == 5 && limited.output.contains("not minimal") && steps(limited).count == 41, "\(limited)")
    #expect(try steps(sandbox.custody("minimize", "s.txt", "--returns", "-1")).count == 2)
    let misuses: [[String]] = [
      [], ["s.txt"], ["s.txt", "--fatal", "--invariant", "I1"], ["s.txt", "--invariant", "I4"],
      ["s.txt", "--between", "linux-7.1"], ["s.txt", "--returns", "-EFOO"], ["s.txt", "--fatal", "--limit", "0"],
      ["--fatal", "--generation", "linux-7.1"], ["s.txt", "--fatal", "--operation", "pin"],
    ]
    for misuse in misuses { #expect(try sandbox.custody(["minimize"] + misuse).status == 2, "\(misuse)") }
    #expect(try sandbox.custody("minimize", "nowhere.txt", "--fatal").status == 4)
    #expect(try sandbox.custody("minimize", "--fatal").status == 4)
    let recorded = try ShippedJournal.sandbox.get().custody("minimize", "--fatal")
    #expect(recorded.status == 2 && recorded.errors.contains("was not made by `custody run`"), "\(recorded)")
    #expect(try sandbox.custody("minimize", "-", "--fatal", input: "").status == 1)
  }
}

// Why: a journal is evidence only if a changed entry is noticed: random single mutations of the entries of good
// journals, each of which audit, replay or verify must find, or which change nothing that a journal says. The share
// that each of them finds is printed. `CUSTODY_AUDIT_MUTATIONS` makes the campaign as large as one likes.

import Analysis
import Foundation
import PageOwnership
import PageTables
import TestSupport
import Testing
import TransitionRules

@Suite struct AuditMutationTests {
  private static let cases =
    ProcessInfo.processInfo.environment["CUSTODY_AUDIT_MUTATIONS"].flatMap { Int($0) } ?? 1050

  @Test func everyMutationIsFoundOrWithoutMeaning() throws {
    let seed = SeededRandom.seed(1_209_600)
    var random = SeededRandom(seed: seed)
    var tally: [String: [RowMutation.Kind: Int]] = [:]
    var total = 0
    while total < Self.cases {
      let generation = random.pick(RowMutation.generations)
      let good = RandomJournal(generation, isSound: true, steps: 24, &random).journal.imported
      // Some calls stop the hypervisor by themselves: that is a finding.
      let audited = try Auditing.audit(good, rules: Auditing.withoutConformance)
      if audited.rules == ["fatal"] { continue }
      #expect(audited.findings.isEmpty, "seed \(seed): \(audited.findings.first.map { "\($0)" } ?? "")")
      let meaning = try JournalMeaning(good)
      for _ in 0..<35 where total < Self.cases {
        guard let (mutation, mutant) = RowMutation.draw(good, &random) else { continue }
        total += 1
        // A journal without its last entry is one that ends a moment earlier: only a head kept elsewhere shows it.
        let isCut = mutation.kind == .drop && mutation.place == good.rows.entries.count - 1
        let verdict = isCut ? "verify --expect" : try Self.verdict(mutant, meaning)
        tally[verdict, default: [:]][mutation.kind, default: 0] += 1
        #expect(verdict != "missed", "\(generation), seed \(seed): \(mutation) was missed")
      }
    }
    Self.tell(tally, total)
    #expect(total >= min(1000, Self.cases))
  }

  private static func verdict(_ mutant: Imported, _ meaning: JournalMeaning) throws -> String {
    let audited = try Auditing.audit(mutant)
    // A driven fault has a result where a recorded one has none.
    let found = audited.findings.filter { !$0.isRacy && !($0.rule == "conformance" && $0.operation == .hostFault) }
    if found.contains(where: { $0.rule != "conformance" && $0.rule != "divergence" }) { return "audit" }
    if found.contains(where: { $0.rule == "conformance" }) { return "audit, by conformance alone" }
    if try !Pipeline.report(mutant).agrees { return "replay" }
    if try JournalRows.problem(mutant) != nil { return "verify" }
    return try JournalMeaning(mutant) == meaning ? "without meaning" : "missed"
  }

  private static func tell(_ tally: [String: [RowMutation.Kind: Int]], _ total: Int) {
    for (verdict, kinds) in tally.sorted(by: { $0.key < $1.key }) {
      let count = kinds.values.reduce(0, +)
      let parts = kinds.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
      print("mutations: \(count * 1000 / max(total, 1))‰ \(verdict): \(parts.joined(separator: ", "))")
    }
  }
}

/// What a journal says, apart from how often and where it repeats itself.
struct JournalMeaning: Equatable {
  private var states: [String] = []
  private var transitions: [Int64: [String]] = [:]

  private static let unseen: Set<String> = ["prot", "pkvm_hyp_vm_is_protected", "assert_host_shared_guest"]

  init(_ imported: Imported) throws {
    let sites = imported.sites
    let entries = Dictionary(imported.rows.entries.map { ($0.seq, $0) }, uniquingKeysWith: { first, _ in first })
    var states: [String] = []
    _ = try Pipeline.replaying(imported) { replay in
      let hash = replay.image.ownership.hash.description
      if states.last != hash { states.append(hash) }
    }
    self.states = states
    for (_, entry) in entries.sorted(by: { $0.key < $1.key }) {
      guard let action = entry.action, let site = sites[entry.site] else { continue }
      let what =
        "\(site.kind.rawValue) \(site.operation?.rawValue ?? "") \(site.kernelStep ?? "") "
        + "\(entry.outcome ?? 0) \(entry.result ?? 0)"
      // Steps that compute, that this build leaves out, or that no recorder sees, say nothing of a page; and the same
      // step once more, with the same end, says nothing new.
      if site.effect == .encode || entry.outcome == CheckOutcome.skipped.rawValue { continue }
      if Self.unseen.contains(site.kernelStep ?? ""), entry.outcome == CheckOutcome.passed.rawValue { continue }
      if transitions[action.rawValue]?.last != what { transitions[action.rawValue, default: []].append(what) }
    }
  }
}

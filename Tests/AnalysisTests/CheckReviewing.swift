// Why: tests that hold all checks of a recording against the judge need each of them judged right before its
// own entry, and before its transition began, in one pass.

import Analysis
import Capture
import PageOwnership
import PageTables

/// All checks of a recording, judged.
struct ReviewedChecks {
  var reviews: [CheckReview] = []
  var transitions: [ActionID: Transition] = [:]

  init(_ imported: Imported) throws {
    let sites = imported.sites
    transitions = Dictionary(imported.rows.transitions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let judge = try Self.judge(imported)
    var phases: [ActionID: Int] = [:]
    var checks: [SequenceNumber: (Entry, Site, Int, Transition)] = [:]
    var byBegin: [SequenceNumber: [SequenceNumber]] = [:]
    for entry in imported.rows.entries {
      guard let site = sites[entry.site], let action = entry.action, let transition = transitions[action],
        site.kind == .check || site.kind == .apply
      else { continue }
      phases[action, default: 0] += 1
      guard site.kind == .check else { continue }
      checks[entry.seq] = (entry, site, phases[action] ?? 0, transition)
      byBegin[transition.firstSeq, default: []].append(entry.seq)
    }
    var begun: [SequenceNumber: Judgement] = [:]
    var found: [CheckReview] = []
    func review(_ seq: SequenceNumber, _ image: MachineImage) -> CheckReview? {
      checks[seq].map { check in
        CheckReview(check.0, check.1, phase: check.2, of: check.3) { judge.judge($0, in: image) }
      }
    }
    _ = try Pipeline.replaying(imported) { replay in
      let next = SequenceNumber(replay.lastSeq.rawValue + 1)
      for seq in byBegin[next] ?? [] { begun[seq] = review(seq, replay.image)?.judgement }
      guard var reviewed = review(next, replay.image) else { return }
      reviewed.elsewhere = [begun[next]].compactMap { $0 }
      found.append(reviewed)
    }
    reviews = found
  }

  /// The judge of a recording.
  static func judge(_ imported: Imported) throws -> ConditionJudge {
    guard let generation = imported.facts.generation.value else { throw PipelineError(message: "no generation") }
    var facts = imported.facts
    facts.inferAddressBits(from: imported.rows.snapshots)
    let spaces = imported.rows.spaces.map(\.0) + imported.state.unwrittenGuests.map(\.0)
    return ConditionJudge(generation, facts, spaces: spaces)
  }
}

// Why: going forward does, page by page, what the steps of the generation still leave to do. Standings decide
// what is missing; words are made of them. Attributes of new mappings are those of their neighbours.

import PageOwnership
import PageTables
import TransitionRules

/// Finishes one transition.
struct ForwardRecovery {
  private let progress: TransitionProgress
  private let judge: ProgressJudge
  private let words: RecoveryWords
  private let evidence: ProgressEvidence
  private let encoding: TableEncoding

  init(_ progress: TransitionProgress, _ phases: [RecordedPhase], _ evidence: ProgressEvidence) {
    self.progress = progress
    self.evidence = evidence
    judge = ProgressJudge(progress.transition, phases, evidence)
    words = RecoveryWords(evidence)
    encoding = TableEncoding(evidence.generation)
  }

  /// The entries that finish it, in the generation's order.
  func steps(_ image: inout MachineImage) throws(RecoveryObstacle) -> [RecoveryStep] {
    guard !progress.steps.isEmpty else {
      throw RecoveryObstacle(
        reason: "\(evidence.generation.rawValue) has no \(progress.transition.operation.rawValue), so nothing says what"
          + " is left to do")
    }
    guard progress.pages.allSatisfy({ !$0.steps.contains(.unknown) }) else {
      throw RecoveryObstacle(reason: "something that its steps write was never seen")
    }
    let paths = judge.paths()
    var steps: [RecoveryStep] = []
    for (index, step) in progress.steps.enumerated() {
      var changes = RecoveryChanges(on: image)
      for path in paths { try finish(index, step, path, &changes, &image) }
      var site = Site(.recovery)
      site.operation = progress.transition.operation
      site.effect = step.effect
      site.side = step.side
      site.newState = step.newState
      site.kernelStep = step.kernelStep
      let note = "recovery: \(evidence.generation.rawValue) still asks for it"
      if let step = changes.step(progress.transition.id, site, note: note) { steps.append(step) }
    }
    return steps
  }

  private func finish(
    _ index: Int, _ step: ApplyRule, _ path: PagePath, _ changes: inout RecoveryChanges, _ image: inout MachineImage
  ) throws(RecoveryObstacle) {
    let present = PageStanding(image, path.page, guest: path.guestPage)
    let after = path.standings[index + 1]
    let written = after.fields(differingFrom: path.standings[index])
    let missing = written.filter { field in
      !path.standings[(index + 1)...].contains { present.agrees(with: $0, in: field) }
    }
    guard !missing.isEmpty || present.isLocked && written.contains(.hostOwner) else { return }
    for word in Set(missing.map(home) + (present.isLocked ? [.hostLeaf] : [])).sorted(by: { $0.rawValue < $1.rawValue })
    {
      if let change = try change(word, after, path, image) { changes.add(change, to: &image) }
    }
  }

  /// The word that holds a field.
  private enum Home: Int { case hypFrame, hostFrame, hypLeaf, hostLeaf, guestLeaf }

  private func home(of field: StandingField) -> Home {
    switch field {
    case .hostState: encoding.keepsHostStateInDescriptors ? .hostLeaf : .hostFrame
    case .hostOwner, .hostMapping: .hostLeaf
    case .hypState: encoding.keepsHypStateInDescriptors ? .hypLeaf : .hypFrame
    case .hypMapping: .hypLeaf
    case .guestState: .guestLeaf
    case .pins: .hypFrame
    case .shareCount: .hostFrame
    }
  }

  private func change(
    _ home: Home, _ after: PageStanding, _ path: PagePath, _ image: MachineImage
  ) throws(RecoveryObstacle) -> Change? {
    if home == .guestLeaf { return try guestChange(after, path, image) }
    guard let page = path.page else { throw RecoveryObstacle(reason: "no table tells which physical page it is") }
    switch home {
    case .hostFrame: return try words.frame(.host, page, becomes: after.host.state, count: after.shareCount, in: image)
    case .hypFrame: return try words.frame(.hyp, page, becomes: after.hyp, count: after.pins, in: image)
    case .hostLeaf: return try words.leaf(.hostStage2, .host, page, becomes: hostLeaf(after, page), in: image)
    default: return try words.leaf(.hypStage1, .hyp, page, becomes: hypLeaf(after, page, image), in: image)
    }
  }

  private func hostLeaf(_ after: PageStanding, _ page: PageFrame) throws(RecoveryObstacle) -> LeafWord {
    let isMapped = after.isMappedAtHost ?? false
    let state = encoding.keepsHostStateInDescriptors ? after.host.state : .owned
    let raw = isMapped ? encoding.stage2Page(page, state) : encoding.word(naming: after.host.annotation)
    guard let raw else { throw RecoveryObstacle(reason: "the host's table cannot say \(after.host.annotation.name)") }
    return LeafWord(level: 3, raw: raw)
  }

  private func hypLeaf(
    _ after: PageStanding, _ page: PageFrame, _ image: MachineImage
  ) throws(RecoveryObstacle) -> LeafWord {
    guard after.isMappedAtHyp == true else { return LeafWord(level: 3, raw: 0) }
    let state = encoding.keepsHypStateInDescriptors ? after.hyp : .owned
    let linear = PageRange(first: PageFrame(0), count: 1 << 36)
    guard let raw = encoding.hypPage(page, state, like: image.hypDataLeaf(in: linear)) else {
      throw RecoveryObstacle(reason: "the hypervisor's table cannot say \(after.hyp.name)")
    }
    return LeafWord(level: 3, raw: raw)
  }

  private func guestChange(
    _ after: PageStanding, _ path: PagePath, _ image: MachineImage
  ) throws(RecoveryObstacle) -> Change? {
    guard let place = path.guestPage, let state = after.guest,
      let present = image.leaf(.guestStage2, place.space, at: place.page)
    else { throw RecoveryObstacle(reason: "the guest's table was never seen") }
    var new = LeafWord(level: 3, raw: 0)
    switch state {
    case .noPage: break
    case .poison: new.raw = TableEncoding.poison
    default:
      // A mapping that is there keeps its attributes.
      let isMapped = Descriptor(present.raw).isValid
      guard let page = path.page, let mapped = encoding.stage2Page(page, state) else {
        throw RecoveryObstacle(reason: "no table tells which physical page the guest's page is")
      }
      new =
        isMapped
        ? LeafWord(level: present.level, raw: present.raw & ~(3 << 55) | mapped & 3 << 55)
        : LeafWord(level: 3, raw: mapped & ~Self.withheld(progress.transition, evidence.generation))
    }
    return try words.leaf(.guestStage2, place.space, place.page, becomes: new, in: image)
  }

  /// The permission bits of a stage 2 leaf (S2AP, bits 7:6) that the arguments of a share leave out.
  private static func withheld(_ transition: Transition, _ generation: Generation) -> UInt64 {
    guard let prot = transition.argument("prot") else { return 0 }
    let bits = RuleBook.of(generation).traits.protection
    return (prot & bits.write == 0 ? 1 << 7 : 0) | (prot & bits.read == 0 ? 1 << 6 : 0)
  }
}

/// The standings that one page goes through.
struct PagePath {
  var page: PageFrame?
  var guestPage: GuestPage?
  var standings: [PageStanding]
}

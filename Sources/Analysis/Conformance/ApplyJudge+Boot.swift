// Why: two effects on the host's table that are no rows of the tables: the boot walk, which gives the host what
// the hypervisor's own leaves imply, and the lazy mapping after a fault, which must move no ownership.

import PageOwnership
import PageTables
import TransitionRules

extension ApplyJudge {
  /// What the boot walk must return for a leaf of the hypervisor's stage 1; nil: not known.
  ///
  /// The corresponding kernel functions are `fix_host_ownership_walker` and `finalize_host_mappings_walker`.
  func bootResult(_ leaf: LeafWord, isMemory: Bool?) -> Int64? {
    guard Descriptor(leaf.raw).isValid else { return 0 }
    guard leaf.level == 3, Self.counterpart(leaf) != nil else { return Errno.invalid }
    return isMemory.map { $0 ? 0 : Errno.invalid }
  }

  /// Holds what the boot walk left behind against the leaf that it stood on.
  mutating func judgeBoot(_ leaf: LeafWord, _ changes: [Change], _ image: MachineImage) -> ApplyVerdict {
    var verdict = ApplyVerdict()
    let page = PageFrame(Descriptor(leaf.raw).outputAddress(level: 3) >> 12)
    for change in changes where !change.isNothing {
      let isHere = change.pages.contains(page) && change.pages.count == 1
      let isHost = change.table == .hostStage2 || change.table == .vmemmap
      if !isHere || !isHost { verdict.object(change.space, change.pages.first, "\(change.table.name) written", "-") }
    }
    guard Descriptor(leaf.raw).isValid, let state = Self.counterpart(leaf) else {
      if let change = changes.first { verdict.object(change.space, change.pages.first, "a change", "none") }
      return verdict
    }
    judgeBootState(page, state, .host, image, &verdict)
    if !leaves.encoding.keepsHypStateInDescriptors, state == .noPage {
      judgeBootState(page, .owned, .hyp, image, &verdict)
    }
    guard let demanded = bootLeaf(leaf, page, state) else { return verdict }
    guard let found = image.leaf(.hostStage2, .host, at: page) else {
      verdict.blindness = .unseen
      return verdict
    }
    if let objection = shapes.objection(to: found, demanded, .hostStage2, leaves) {
      verdict.object(.host, page, "host_s2 \(MachineShapes.hex(found.raw))", objection)
    }
    verdict.words += 1
    return verdict
  }

  /// The host's state of a page for the hypervisor's leaf of it; nil for leaves that the walk refuses.
  private static func counterpart(_ leaf: LeafWord) -> PageState? {
    switch leaf.raw >> 55 & 0b11 {
    case 0: .noPage
    case 1: .sharedBorrowed
    case 2: .sharedOwned
    default: nil
    }
  }

  private func judgeBootState(
    _ page: PageFrame, _ state: PageState, _ space: SpaceID, _ image: MachineImage, _ verdict: inout ApplyVerdict
  ) {
    let found = image.ownership.holding(space, page).state
    if found == .unknown {
      verdict.blindness = .unseen
    } else if found != state {
      verdict.object(space, page, found.name, state.name)
    }
  }

  private func bootLeaf(_ leaf: LeafWord, _ page: PageFrame, _ state: PageState) -> DemandedLeaf? {
    guard state == .noPage else {
      return leaves.encoding.keepsHostStateInDescriptors ? .mapping(to: page, state: state, rights: .all) : nil
    }
    // Since 7.1 the host may read the hypervisor's code, to tell of a panic.
    let isCode = Descriptor(leaf.raw).isExecutable
    let staysReadable = leaves.generation == .linux7_1 && isCode
    if staysReadable { return .mapping(to: page, state: nil, rights: .readOnly) }
    return leaves.encoding.word(naming: .hyp).map { .word($0) }
  }

  /// Holds a lazy mapping against what the host had before.
  ///
  /// The corresponding kernel function is `host_stage2_idmap_locked`.
  func judgeFault(_ changes: [Change], _ regions: (PageFrame) -> RegionKind?, _ before: MachineImage) -> ApplyVerdict {
    var verdict = ApplyVerdict()
    for change in changes where verdict.objection == nil && !change.isNothing {
      guard change.table == .hostStage2 else {
        verdict.object(change.space, change.pages.first, "\(change.table.name) written", "no ownership moves")
        continue
      }
      guard let new = change.new else {
        verdict.blindness = .unseen
        continue
      }
      judgeFault(change, Descriptor(new), regions, &verdict)
      keepOwners(change, before, &verdict)
    }
    return verdict
  }

  private func judgeFault(
    _ change: Change, _ word: Descriptor, _ regions: (PageFrame) -> RegionKind?, _ verdict: inout ApplyVerdict
  ) {
    let first = PageFrame(word.outputAddress(level: change.newLevel) >> 12)
    let isMemory = regions(change.pages.first) != nil
    let isDefault =
      word.isValid && first == change.pages.first && word.softwareBits == 0 && word.isReadable && word.isWritable
      && (!isMemory || word.isExecutable)
    if isDefault {
      verdict.words += 1
    } else {
      let rules = "an identity mapping of 0x\(String(change.pages.first.address, radix: 16)) with the default rights"
      verdict.object(.host, change.pages.first, "host_s2 \(MachineShapes.hex(word.rawValue))", rules)
    }
  }

  // A mapping must not cover what is somebody else's.
  private func keepOwners(_ change: Change, _ before: MachineImage, _ verdict: inout ApplyVerdict) {
    let isInLeaves = leaves.encoding.keepsHostStateInDescriptors
    before.ownership.forEachRun(.host, in: change.pages) { run, holding in
      if holding.annotation == .unknown {
        verdict.blindness = .unseen
      } else if holding.annotation != OwnerAnnotation.none
        || isInLeaves && holding.state != .owned && holding.state != .noPage
      {
        verdict.object(.host, run.first, "mapped", "the host's table named \(holding.annotation.name)")
      }
    }
  }
}

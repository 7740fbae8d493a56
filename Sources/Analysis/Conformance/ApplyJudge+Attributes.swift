// Why: the operations that edit a guest's mappings move no ownership: their rules are about bits of leaves that
// are there, and about what is returned where none is. Hardware sets the access flag by itself, so that bit is
// held against the rules only where the hypervisor wrote it.

import PageOwnership
import PageTables
import TransitionRules

extension ApplyJudge {
  /// What an edit may return; nil stands for a panic.
  func attributeResults(
    _ rule: ApplyRule, _ subject: RuleSubject, _ apply: PreparedApply, isInside: Bool, traits: GenerationTraits
  ) -> (results: [Int64?], blindness: Blindness?) {
    guard isInside else {
      switch rule.store {
      case .guestAge: return ([nil], nil)
      // What the walk returns is not handed on.
      case .guestYouth: return ([0, Errno.outOfRange], nil)
      default: return ([Errno.outOfRange], nil)
      }
    }
    switch rule.store {
    case .guestPermissions:
      guard let leaf = apply.guestLeaves.first ?? nil else { return ([0, traits.relaxOnUnmapped], .unseen) }
      return ([Descriptor(leaf.raw).isValid ? 0 : traits.relaxOnUnmapped], nil)
    case .guestAge: return ages(subject, apply)
    default: return ([0], nil)
    }
  }

  private func ages(_ subject: RuleSubject, _ apply: PreparedApply) -> (results: [Int64?], blindness: Blindness?) {
    let seen = apply.guestLeaves.compactMap { $0 } + [subject.seenGuestLeaf].compactMap { $0 }
    let isYoung = seen.contains { Descriptor($0.raw).isValid && Descriptor($0.raw).accessFlag }
    if isYoung { return ([1], nil) }
    if apply.guestLeaves.contains(where: { $0 == nil }) { return ([0, 1], .unseen) }
    // A guest that runs may have touched the page a moment ago.
    let isMapped = seen.contains { Descriptor($0.raw).isValid }
    return isMapped ? ([0, 1], nil) : ([0], nil)
  }

  /// Holds the leaves that an edit leaves behind against those that were there.
  func judgeAttributes(
    _ rule: ApplyRule, _ subject: RuleSubject, _ apply: PreparedApply, result: Int64?, _ image: MachineImage,
    _ verdict: inout ApplyVerdict
  ) {
    guard let guest = apply.guest else { return verdict.blindness = .noPage }
    for (page, before) in zip(guest.pages.frames, apply.guestLeaves) where verdict.objection == nil {
      guard let before, let after = image.leaf(.guestStage2, guest.space, at: page) else {
        verdict.blindness = .unseen
        continue
      }
      let (word, free) = edited(before, rule, subject, result)
      guard (after.raw ^ word) & ~free != 0 || after.level != before.level && after.raw != 0 else {
        verdict.words += 1
        continue
      }
      verdict.object(
        guest.space, page, "guest_s2 \(MachineShapes.hex(after.raw))", "guest_s2 \(MachineShapes.hex(word))")
    }
  }

  // The word afterwards, and its bits that anything may have changed.
  private func edited(
    _ leaf: LeafWord, _ rule: ApplyRule, _ subject: RuleSubject, _ result: Int64?
  ) -> (word: UInt64, free: UInt64) {
    guard Descriptor(leaf.raw).isValid else { return (leaf.raw, 0) }
    let flag = LeafEncoding.accessFlag
    switch rule.store {
    case .guestPermissions: return relaxed(leaf.raw, subject.transition.argument("prot") ?? 0)
    case .guestWriteProtection: return (leaf.raw & ~(1 << 7), flag)
    case .guestAge:
      let makesOld = subject.transition.argument("mkold") != 0
      return (leaf.raw & ~flag, makesOld && result == 1 ? 0 : flag)
    case .guestYouth: return (leaf.raw | flag, 0)
    default: return (leaf.raw, flag)
    }
  }

  // Permissions are only added.
  private func relaxed(_ raw: UInt64, _ bits: UInt64) -> (word: UInt64, free: UInt64) {
    var word = raw
    if bits & protection.read != 0 { word |= 1 << 6 }
    if bits & protection.write != 0 { word |= 1 << 7 }
    let execute = bits & protection.execute
    if execute == protection.execute { return (word & ~(3 << 53), LeafEncoding.accessFlag) }
    return (word, LeafEncoding.accessFlag | (execute == 0 ? 0 : 3 << 53))
  }
}

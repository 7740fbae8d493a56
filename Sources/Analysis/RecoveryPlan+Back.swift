// Why: going back restores each word to what the transition's first change of it found. Words, not entries, are
// compared, so that a recovery that was cut off is taken up where it stopped.

import PageOwnership
import PageTables

/// Takes one transition back.
struct BackRecovery {
  private struct Word: Hashable {
    var table: TableKind
    var space: SpaceID
    var page: PageFrame
  }

  private let progress: TransitionProgress
  private let phases: [RecordedPhase]
  private let words: RecoveryWords
  private let encoding: TableEncoding
  /// The first and the last change of each word.
  private var first: [Word: Change] = [:]
  private var last: [Word: Change] = [:]

  init(_ progress: TransitionProgress, _ phases: [RecordedPhase], _ evidence: ProgressEvidence) {
    self.progress = progress
    self.phases = phases
    words = RecoveryWords(evidence)
    encoding = TableEncoding(evidence.generation)
    for change in phases.flatMap(\.changes) {
      for word in Self.words(of: change) {
        if first[word] == nil { first[word] = change }
        last[word] = change
      }
    }
  }

  /// The entries that take it back, what was done last first.
  func steps(_ image: inout MachineImage) throws(RecoveryObstacle) -> [RecoveryStep] {
    try checkNobodyElseChanged(image)
    var steps: [RecoveryStep] = []
    for phase in phases.reversed() where !phase.changes.isEmpty {
      var changes = RecoveryChanges(on: image)
      for change in phase.changes.reversed() {
        for word in Self.words(of: change) where first[word] == change {
          if let restored = try restore(word, change, image) { changes.add(restored, to: &image) }
        }
      }
      var site = Site(.recovery)
      site.operation = progress.transition.operation
      let note = "recovery: takes back entry \(phase.entry.seq.rawValue)"
      if let step = changes.step(progress.transition.id, site, note: note) { steps.append(step) }
    }
    return steps
  }

  // A block is one word; the private mappings of the hypervisor are nobody's pages.
  private static func words(of change: Change) -> [Word] {
    let size = change.table == .vmemmap ? 1 : MachineImage.pagesPerLeaf(change.new == 0 ? 3 : change.newLevel)
    let count = min(change.pages.count, TransitionProgress.pageLimit * size)
    return stride(from: 0, to: count, by: Int(clamping: size)).map {
      Word(table: change.table, space: change.space, page: change.pages.first.advanced(by: $0))
    }
  }

  private func checkNobodyElseChanged(_ image: MachineImage) throws(RecoveryObstacle) {
    for (word, change) in last {
      guard let new = change.new else { throw obstacle(word, "what was written was not recorded") }
      let seen = LeafWord(level: change.newLevel, raw: raw(new, change, at: word.page))
      if case .different = image.compare(word.table, word.space, at: word.page, seen: seen) {
        throw obstacle(word, "it was changed since by another transition")
      }
    }
  }

  private func obstacle(_ word: Word, _ reason: String) -> RecoveryObstacle {
    RecoveryObstacle(reason: "\(word.table.name) at page 0x\(String(word.page.rawValue, radix: 16)): \(reason)")
  }

  private func raw(_ word: UInt64, _ change: Change, at page: PageFrame) -> UInt64 {
    guard change.table != .vmemmap else { return word }
    return Descriptor(word).advanced(byPages: page.rawValue &- change.pages.first.rawValue).rawValue
  }

  private func restore(
    _ word: Word, _ change: Change, _ image: MachineImage
  ) throws(RecoveryObstacle) -> Change? {
    guard let old = change.old else { throw obstacle(word, "what was there before was not recorded") }
    guard word.table != .vmemmap else {
      let meaning = encoding.frame(old)
      let state = word.space == .host ? meaning.host : meaning.hyp
      let count = word.space == .host ? meaning.shareCount : UInt32(meaning.references)
      return try words.frame(word.space, word.page, becomes: state, count: count, in: image)
    }
    let before = oldLeaf(word, change, old, image)
    return try words.leaf(word.table, word.space, word.page, becomes: before, in: image)
  }

  // A block comes back whole if nobody mapped another page of it since; else its page does.
  private func oldLeaf(_ word: Word, _ change: Change, _ old: UInt64, _ image: MachineImage) -> LeafWord {
    guard old != 0, change.oldLevel < 3, change.oldLevel < change.newLevel else {
      return LeafWord(level: old == 0 ? change.newLevel : change.oldLevel, raw: raw(old, change, at: word.page))
    }
    let whole = LeafWord(level: change.oldLevel, raw: old)
    if image.leaf(word.table, word.space, at: word.page) == whole { return whole }
    let size = MachineImage.pagesPerLeaf(change.oldLevel)
    let block = PageRange(first: PageFrame(word.page.rawValue & ~(size - 1)), count: size)
    let isFree =
      block.count <= TransitionProgress.pageLimit * 4
      && (0..<block.count).allSatisfy { offset in
        let page = block.first.advanced(by: offset)
        if first[Word(table: word.table, space: word.space, page: page)] != nil { return true }
        return image.leaf(word.table, word.space, at: page).map { $0.raw == 0 } ?? false
      }
    if isFree { return whole }
    let offset = word.page.rawValue - block.first.rawValue
    return LeafWord(level: 3, raw: Descriptor(old).advanced(byPages: offset).rawValue | 0b10)
  }
}

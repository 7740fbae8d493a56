// Why: conditions on every page of a range. Up to 6.13 the kernel walks leaves and asks each once, at the
// first address of the range inside it; since the states moved into the metadata it asks every page.

import PageOwnership
import PageTables

extension Engine {
  /// Judges the leaves of a table over a range of bytes.
  ///
  /// The corresponding kernel function is `check_page_state_range`.
  func judgeLeaves(
    _ rows: Range<Int>, _ rules: [CheckRow], _ table: StageTable, _ address: UInt64, _ size: UInt64,
    _ attempt: Attempt, _ machine: Machine
  ) -> (Int, Finding) {
    guard let pages = table.walk(address, size) else { return (rows.lowerBound, .outside) }
    let isHyp = rules[rows.lowerBound].subject == .hyp
    let offset = isHyp ? shape.hypOffset >> 12 : 0
    var page = pages.lowerBound
    while page < pages.upperBound {
      let index = table.leaves.index(of: page)
      let leaf = table.leaves.runs[index].value
      let physical = (page &- offset) & 0xf_ffff_ffff_ffff
      var next = min(table.leaves.end(ofRun: index), pages.upperBound)
      if leaf.level < 3 {
        next = min(next, (page | (Leaf.pageCount(leaf.level) &- 1)) &+ 1)
      } else if !isHyp {
        // The region decides too: a run is judged as far as its region goes.
        next = min(next, shape.stretch(at: physical << 12).last >> 12 &+ 1)
      }
      for row in rows {
        if let finding = judge(rules[row], leaf, page: page, physical: physical, isHyp: isHyp) { return (row, finding) }
      }
      page = next
    }
    return (rows.upperBound - 1, .holds)
  }

  /// Judges one leaf; nil if the condition holds.
  private func judge(
    _ rule: CheckRow, _ leaf: Leaf, page: UInt64, physical: UInt64, isHyp: Bool
  ) -> Finding? {
    let word = LeafWord(level: leaf.level, raw: leaf.word)
    let state: PageState
    if isHyp {
      state = rules.encoding.hypState(word) ?? .noPage
    } else {
      let isMemory = shape.stretch(at: physical << 12).kind == .memory
      state = rules.encoding.hostMeaning(word, isMemory: isMemory).state ?? .unknown
    }
    let holds =
      rule.condition == .leafMapsMemory ? !leaf.isValid || mapsMemory(leaf, page) : state == rule.expected
    return holds ? nil : .fails(page: physical, level: leaf.level, found: state)
  }

  private func mapsMemory(_ leaf: Leaf, _ page: UInt64) -> Bool {
    let kind = shape.stretch(at: leaf.target(of: page & ~(Leaf.pageCount(leaf.level) &- 1)) << 12).kind
    return kind == .memory || kind == .nomap && rules.traits.nomapIsMemory
  }

  /// How many pages a loop over the metadata visits.
  func frameCount(_ attempt: Attempt) -> UInt64 {
    if rules.traits.countsFrames { return attempt.size >> 12 }
    let end = attempt.physical &+ attempt.size
    return end > attempt.physical ? (end &- attempt.physical) >> 12 : 0
  }

  /// Pages of metadata that lie in one page of memory.
  var framesPerPage: UInt64 { 4096 / UInt64(rules.encoding.frameByteCount) }

  /// Judges the metadata of every page of a range of bytes.
  ///
  /// The corresponding kernel functions are `__host_check_page_state_range` and its twins.
  func judgeFrames(
    _ rows: Range<Int>, _ rules: [CheckRow], _ attempt: Attempt, _ machine: Machine
  ) -> (Int, Finding) {
    var page = attempt.page
    let end = page &+ frameCount(attempt)
    while page < end {
      guard shape.isBacked(page, framesPerPage: framesPerPage) else { return (rows.lowerBound, .faults) }
      let index = machine.frames.index(of: page)
      let frame = machine.frames.runs[index].value
      for row in rows {
        if let finding = judge(rules[row], frame, page) { return (row, finding) }
      }
      let chunk = (page | (framesPerPage &- 1)) &+ 1
      page = min(machine.frames.end(ofRun: index), chunk, end)
    }
    return (rows.upperBound - 1, .holds)
  }

  /// Judges the metadata of one page; nil if the condition holds.
  private func judge(_ rule: CheckRow, _ frame: FrameWord, _ page: UInt64) -> Finding? {
    switch rule.condition {
    case .notPinned: return frame.references == 0 ? nil : .fails(page: page, level: nil, found: nil)
    case .sourceIsOwnedOrGuestShared:
      return frame.host == .owned || frame.host == .sharedOwned ? nil : .fails(page: page, level: 3, found: frame.host)
    case .shareCountHasRoom:
      return frame.host != .sharedOwned || frame.shareCount < .max
        ? nil : .fails(page: page, level: 3, found: frame.host)
    case .shareCountIsNotZero:
      return frame.host != .sharedOwned || frame.shareCount > 0 ? nil : .fails(page: page, level: 3, found: frame.host)
    default:
      let state = rule.subject == .hyp ? frame.hyp : frame.host
      return state == rule.expected ? nil : .fails(page: page, level: 3, found: state)
    }
  }

  /// Judges the leaves of a guest's table, as each is met.
  func judgeGuestPages(
    _ rows: Range<Int>, _ rules: [CheckRow], _ attempt: inout Attempt, _ machine: Machine
  ) -> (Int, Finding) {
    guard let place = attempt.guest, machine.guests[place].hasTable else { return (rows.lowerBound, .noTable) }
    let table = machine.guests[place].table
    let size = attempt.leaf == nil ? attempt.size : 1 << 12
    guard let pages = table.walk(attempt.guestAddress, size) else { return (rows.lowerBound, .outside) }
    var page = pages.lowerBound
    while page < pages.upperBound {
      let index = table.leaves.index(of: page)
      let leaf = table.leaves.runs[index].value
      let state = self.rules.encoding.guestState(LeafWord(level: leaf.level, raw: leaf.word))
      attempt.guestState = state
      for row in rows where !Self.accepts(rules[row], state) {
        return (row, .fails(page: page, level: leaf.level, found: state))
      }
      page = table.leaves.end(ofRun: index)
    }
    return (rows.upperBound - 1, .holds)
  }

  private static func accepts(_ rule: CheckRow, _ state: PageState) -> Bool {
    rule.condition == .sourceIsOwnedOrShared ? state == .owned || state == .sharedOwned : state == rule.expected
  }
}

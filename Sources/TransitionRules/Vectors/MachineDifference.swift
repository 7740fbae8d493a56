// Why: what changed between two moments of a machine, told as vectors tell it: maximal runs with the state
// before and after, once as ownership and once as tables show it.

import PageOwnership
import PageTables

/// Two moments of a machine.
struct MachineDifference {
  let old: MachineView
  let new: MachineView
  /// Pages whose reference counts are not told.
  let pools: [PageRange]

  /// What changed in ownership and counters.
  func logical() -> [VectorDelta] { collect(isPhysical: false) }

  /// What changed in the tables, each with the ownership that goes with it.
  func physical() -> [VectorDelta] { collect(isPhysical: true) }

  private func collect(isPhysical: Bool) -> [VectorDelta] {
    var deltas: [VectorDelta] = []
    let frames = changes(old.machine.frames, new.machine.frames)
    walk("host", union(changes(old.machine.host.leaves, new.machine.host.leaves), frames), &deltas) {
      host($0.view, $1, isPhysical)
    }
    let offset = old.shape.hypOffset >> 12
    // What lies below the linear map has no physical page to be told by.
    let hyp = changes(old.machine.hyp.leaves, new.machine.hyp.leaves).filter { $0.lowerBound >= offset }.map {
      $0.lowerBound &- offset..<$0.upperBound &- offset
    }
    walk("hyp", union(hyp, frames), &deltas) { self.hyp($0.view, $1, isPhysical) }
    if !isPhysical {
      walk("ref", frames, &deltas) { counter($0.view, $1) { $0.references.description } }
      walk("gsc", frames, &deltas) { counter($0.view, $1) { $0.shareCount.description } }
      deltas.removeAll { delta in delta.table == "ref" && pools.contains { $0.contains(PageFrame(delta.first)) } }
    }
    for place in old.machine.guests.indices {
      let before = old.machine.guests[place]
      let after = new.machine.guests[place]
      let spans =
        before.hasTable == after.hasTable
        ? changes(before.table.leaves, after.table.leaves) : [0..<before.table.pageEnd]
      walk("g\(place)", spans, &deltas) { guest(place, $0.view, $1, isPhysical) }
    }
    return deltas
  }

  /// The ownership of the whole machine at the second moment; counters of 0 and guests' empty pages are left out.
  func listing() -> [VectorRange] {
    var deltas: [VectorDelta] = []
    let all = [0..<new.shape.pageEnd]
    list("host", all, &deltas) { host(new, $0, false) }
    list("hyp", all, &deltas) { hyp(new, $0, false) }
    list("ref", all, &deltas) { counter(new, $0) { $0.references.description } }
    list("gsc", all, &deltas) { counter(new, $0) { $0.shareCount.description } }
    for place in new.machine.guests.indices { list("g\(place)", all, &deltas) { guest(place, new, $0, false) } }
    return deltas.map { VectorRange(table: $0.table, first: $0.first, count: $0.count, state: $0.new) }
      .filter { $0.state != "0" && !($0.table.count == 2 && $0.state == "N") }
      .filter { range in range.table != "ref" || !pools.contains { $0.contains(PageFrame(range.first)) } }
  }

  private func list(
    _ table: String, _ spans: [Range<UInt64>], _ deltas: inout [VectorDelta], _ words: (UInt64) -> (VectorState, UInt64)
  ) {
    walk(table, spans, &deltas) { view, page in
      let found = words(page)
      return view.isOld ? (VectorState(text: ""), found.1) : found
    }
  }

  /// The spans in which two lists differ.
  private func changes<Value>(_ old: RunList<Value>, _ new: RunList<Value>) -> [Range<UInt64>] {
    var spans: [Range<UInt64>] = []
    var (left, right) = (0, 0)
    var page: UInt64 = 0
    while page < old.end {
      let next = min(old.end(ofRun: left), new.end(ofRun: right))
      if old.runs[left].value != new.runs[right].value { spans.append(page..<next) }
      if old.end(ofRun: left) == next { left += 1 }
      if new.end(ofRun: right) == next { right += 1 }
      page = next
    }
    return spans
  }

  private func union(_ left: [Range<UInt64>], _ right: [Range<UInt64>]) -> [Range<UInt64>] {
    guard !left.isEmpty, !right.isEmpty else { return left + right }
    var spans: [Range<UInt64>] = []
    for span in (left + right).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = spans.last, span.lowerBound <= last.upperBound {
        spans[spans.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
      } else {
        spans.append(span)
      }
    }
    return spans
  }

  /// Tells the stretches inside spans in which the words differ, merged where they go on.
  private func walk(
    _ table: String, _ spans: [Range<UInt64>], _ deltas: inout [VectorDelta],
    _ words: (Moment, UInt64) -> (VectorState, UInt64)
  ) {
    var open: (first: UInt64, end: UInt64, old: VectorState, new: VectorState)?
    func close() {
      guard let run = open else { return }
      deltas.append(
        VectorDelta(
          table: table, first: run.first, count: run.end - run.first, old: run.old.written(at: run.first),
          new: run.new.written(at: run.first)))
      open = nil
    }
    for span in spans {
      var page = span.lowerBound
      while page < span.upperBound {
        let (before, beforeEnd) = words(Moment(view: old, isOld: true), page)
        let (after, afterEnd) = words(Moment(view: new, isOld: false), page)
        let next = min(beforeEnd, afterEnd, span.upperBound)
        if before != after {
          if let run = open, run.end == page, run.old == before, run.new == after {
            open?.end = next
          } else {
            close()
            open = (page, next, before, after)
          }
        }
        page = next
      }
    }
    close()
  }

  /// One of the two moments.
  private struct Moment {
    let view: MachineView
    let isOld: Bool
  }

  private func host(_ view: MachineView, _ page: UInt64, _ isPhysical: Bool) -> (VectorState, UInt64) {
    let leaves = view.machine.host.leaves
    let index = leaves.index(of: page)
    let frame = view.machine.frames.index(of: page)
    let regionEnd = view.shape.stretch(at: page &<< 12).last >> 12 &+ 1
    let leafEnd = page < leaves.end ? leaves.end(ofRun: index) : .max
    let end = min(leafEnd, view.machine.frames.end(ofRun: frame), regionEnd)
    let holding = view.hostHolding(PageFrame(page))
    var text = VectorWords.host(holding)
    if isPhysical {
      let leaf = leaves.runs[index].value
      text += ":" + VectorWords.physical(leaf, isHyp: false, holding.annotation, view.machine.guests)
    }
    return (VectorState(text: text), end)
  }

  private func hyp(_ view: MachineView, _ page: UInt64, _ isPhysical: Bool) -> (VectorState, UInt64) {
    let offset = view.shape.hypOffset >> 12
    let leaves = view.machine.hyp.leaves
    let index = leaves.index(of: page &+ offset)
    let frame = view.machine.frames.index(of: page)
    let leafEnd = page &+ offset < leaves.end ? leaves.end(ofRun: index) &- offset : .max
    let end = min(leafEnd, view.machine.frames.end(ofRun: frame))
    var text = VectorWords.letter(view.hypState(PageFrame(page)))
    if isPhysical { text += ":" + VectorWords.physical(leaves.runs[index].value, isHyp: true, .none, []) }
    return (VectorState(text: text), end)
  }

  private func counter(
    _ view: MachineView, _ page: UInt64, _ read: (FrameWord) -> String
  ) -> (VectorState, UInt64) {
    let index = view.machine.frames.index(of: page)
    return (VectorState(text: read(view.machine.frames.runs[index].value)), view.machine.frames.end(ofRun: index))
  }

  private func guest(_ place: Int, _ view: MachineView, _ page: UInt64, _ isPhysical: Bool) -> (VectorState, UInt64) {
    let guest = view.machine.guests[place]
    guard guest.hasTable else { return (VectorState(text: isPhysical ? "N:none" : "N"), guest.table.pageEnd) }
    let index = guest.table.leaves.index(of: page)
    let leaf = guest.table.leaves.runs[index].value
    let state = view.encoding.guestState(LeafWord(level: leaf.level, raw: leaf.word))
    var text = VectorWords.letter(state)
    if isPhysical {
      text += ":" + VectorWords.physical(leaf, isHyp: false, view.encoding.annotation(leaf.word), view.machine.guests)
    }
    let distance = leaf.isValid ? leaf.word >> 12 & 0xf_ffff_ffff : nil
    return (VectorState(text: text, distance: distance), guest.table.leaves.end(ofRun: index))
  }
}

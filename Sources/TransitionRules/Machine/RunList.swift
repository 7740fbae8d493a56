// Why: a machine is millions of pages of which a few differ. Sorted runs of equal values keep one small
// array a table, so that copying, comparing and hashing a machine costs what differs and not its size.
// Not here: what the values mean.

/// What a run list can hold.
protocol RunValue: Hashable, Sendable {
  /// Words that differ for values that differ, nearly always.
  var bits: UInt64 { get }
}

/// A value for each page below an end, as maximal runs: two lists are equal exactly if all their pages are.
struct RunList<Value: RunValue>: Hashable, Sendable {
  struct Run: Hashable, Sendable {
    var start: UInt64
    var value: Value
  }

  private(set) var runs: ContiguousArray<Run>
  /// The first page that does not exist.
  let end: UInt64

  init(_ value: Value, end: UInt64) {
    runs = [Run(start: 0, value: value)]
    self.end = end
  }

  /// Folds the runs into one word first: machines are hashed by the million in a search.
  func hash(into hasher: inout Hasher) {
    var word: UInt64 = 0xcbf2_9ce4_8422_2325
    for run in runs { word = ((word ^ run.start) &* 0x9e37_79b9_7f4a_7c15 ^ run.value.bits) &* 0x100_0000_01b3 }
    hasher.combine(word)
  }

  /// The run that holds a page; the last one for pages that do not exist.
  func index(of page: UInt64) -> Int {
    var low = 0
    var high = runs.count
    while high &- low > 1 {
      let middle = (low &+ high) >> 1
      if runs[middle].start <= page { low = middle } else { high = middle }
    }
    return low
  }

  func end(ofRun index: Int) -> UInt64 { index &+ 1 < runs.count ? runs[index &+ 1].start : end }

  subscript(page: UInt64) -> Value { runs[index(of: page)].value }

  /// Gives all pages of `lower..<upper` one value; what lies beyond the end is left out.
  mutating func set(_ lower: UInt64, _ upper: UInt64, to value: Value) {
    let upper = min(upper, end)
    guard lower < upper else { return }
    let first = index(of: lower)
    if runs[first].value == value && upper <= end(ofRun: first) { return }
    let last = upper <= end(ofRun: first) ? first : index(of: upper &- 1)
    let tail = runs[last].value
    let hasTail = end(ofRun: last) > upper
    let keep = runs[first].start < lower ? first &+ 1 : first
    var added = Pieces(room: Run(start: lower, value: value))
    if keep == 0 || runs[keep &- 1].value != value { added.append(Run(start: lower, value: value)) }
    var removedEnd = last &+ 1
    if hasTail {
      if tail != value { added.append(Run(start: upper, value: tail)) }
    } else if removedEnd < runs.count && runs[removedEnd].value == value {
      removedEnd &+= 1
    }
    replace(keep, removedEnd, added)
  }

  private mutating func replace(_ lower: Int, _ upper: Int, _ added: Pieces) {
    guard upper &- lower == added.count else { return runs.replaceSubrange(lower..<upper, with: added) }
    for index in added.indices { runs[lower &+ index] = added[index] }
  }

  /// Changes every run inside `lower..<upper`.
  mutating func update(_ lower: UInt64, _ upper: UInt64, _ change: (Value) -> Value) {
    var page = lower
    let upper = min(upper, end)
    while page < upper {
      let index = index(of: page)
      let next = min(end(ofRun: index), upper)
      set(page, next, to: change(runs[index].value))
      page = next
    }
  }

  /// At most two runs, without an allocation.
  private struct Pieces: RandomAccessCollection {
    private var pair: (first: Run, second: Run)
    private(set) var endIndex = 0

    /// None yet; `room` only fills the places.
    init(room: Run) { pair = (room, room) }

    var startIndex: Int { 0 }

    subscript(position: Int) -> Run { position == 0 ? pair.first : pair.second }

    mutating func append(_ run: Run) {
      if endIndex == 0 { pair.first = run } else { pair.second = run }
      endIndex &+= 1
    }
  }
}

// Why: the tree must never show: whatever was written, words and runs are those of a plain list of writes.

import PageOwnership
import TestSupport
import Testing

/// The naive map: all writes in order; a page has the word of the last write that covers it.
private struct WriteList {
  var initial: UInt64
  var writes: [(pages: PageRange, word: UInt64)] = []

  func get(_ page: UInt64) -> UInt64 {
    writes.last { $0.pages.contains(PageFrame(page)) }?.word ?? initial
  }

  /// Maximal runs of equal words, from the borders of all writes.
  func runs(_ range: PageRange) -> [Run] {
    let end = min(range.end.rawValue, RadixMap.pageEnd)
    guard range.first.rawValue < end else { return [] }
    var borders = Set(writes.flatMap { [$0.pages.first.rawValue, $0.pages.end.rawValue] })
    borders = borders.filter { range.first.rawValue < $0 && $0 < end }
    var runs: [Run] = []
    for start in [range.first.rawValue] + borders.sorted() {
      if let last = runs.last, last.word == get(start) { continue }
      runs.append(Run(start: start, word: get(start)))
    }
    return runs
  }
}

private struct Run: Equatable {
  var start: UInt64
  var word: UInt64
}

extension RadixMap {
  fileprivate func runs(_ range: PageRange) -> [Run] {
    var runs: [Run] = []
    var position = range.first.rawValue
    forEachRun(in: range) { pages, word in
      #expect(pages.first.rawValue == position && pages.count > 0, "runs must follow each other")
      position = pages.end.rawValue
      runs.append(Run(start: pages.first.rawValue, word: word))
    }
    if !runs.isEmpty { #expect(position == min(range.end.rawValue, RadixMap.pageEnd)) }
    return runs
  }
}

@Suite struct RadixMapTests {
  private static let all = PageRange(first: PageFrame(0), count: RadixMap.pageEnd)
  private static let corners: [UInt64] = [0, 512, 1024, 1 << 18, 1 << 27, 1 << 36, 1 << 45, 127 << 45, (1 << 52) - 512]
  private static let counts: [UInt64] = [1, 2, 3, 511, 512, 513, 1024, 262_144, 262_145, 1 << 30, 1 << 46, 1 << 52]
  private static let words: [UInt64] = [0, 1, 2, 255, 256, 1 << 40, (1 << 62) - 1]

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func agreesWithAListOfWrites(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var map = RadixMap(default: seed % 3)
    var model = WriteList(initial: seed % 3)
    for step in 0..<120 {
      let first = random.pick(Self.corners) &+ random.next() % 1030 &- 515
      let pages = PageRange(first: PageFrame(first), count: random.pick(Self.counts))
      let word = random.pick(Self.words)
      var old: [Run] = []
      map.set(pages, word) { before, run in
        if old.last?.word != before { old.append(Run(start: run.first.rawValue, word: before)) }
      }
      #expect(old == model.runs(pages), "seed \(seed), step \(step): old words of \(pages)")
      model.writes.append((pages, word))
      if step % 8 == 7 { #expect(map.runs(Self.all) == model.runs(Self.all), "seed \(seed), step \(step)") }
      for _ in 0..<8 {
        let page = random.pick(Self.corners) &+ random.next() % 1030
        guard page < RadixMap.pageEnd else { continue }
        #expect(map.get(PageFrame(page)) == model.get(page), "seed \(seed), step \(step), page \(page)")
      }
    }
    #expect(map.runs(pagesFrom(100, to: 3 << 18)) == model.runs(pagesFrom(100, to: 3 << 18)), "seed \(seed)")
  }

  @Test func singlePagesAgreeWithADictionary() {
    var random = SeededRandom(seed: 42)
    var map = RadixMap(default: 9)
    var model: [UInt64: UInt64] = [:]
    for _ in 0..<20_000 {
      let page = random.next() % 4096
      let word = random.pick([0, 1, 9, 254, 255, 256, 1 << 61] as [UInt64])
      map.set(PageRange(PageFrame(page)), word)
      model[page] = word
    }
    for page in 0..<UInt64(5000) { #expect(map.get(PageFrame(page)) == model[page] ?? 9, "page \(page), seed 42") }
  }

  @Test func memoryFollowsWhatDiffers() {
    var map = RadixMap(default: 0)
    #expect(map.nodeCount == 1)
    map.set(Self.all, 1)
    #expect(map.nodeCount == 1)
    map.set(PageRange(first: PageFrame(512), count: 512), 2)
    let withBlock = map.nodeCount
    #expect(withBlock == 5, "a 2 MiB block needs the path to its slot and no leaf")
    map.set(PageRange(PageFrame(600)), 3)
    #expect(map.nodeCount == withBlock + 1)
    map.set(PageRange(first: PageFrame(512), count: 512), 2)
    #expect(map.nodeCount == withBlock, "a leaf that a write covers is given back")
    map.set(pagesFrom(1, to: RadixMap.pageEnd - 1), 7)
    #expect(map.nodeCount < 15, "the longest range costs its two edges")
    map.set(Self.all, 0)
    #expect(map.nodeCount == 1)
  }

  @Test func pagesBeyondTheLastDoNotExist() {
    var map = RadixMap(default: 5)
    var heard = 0
    map.set(PageRange(first: PageFrame(RadixMap.pageEnd), count: 10), 1) { _, _ in heard += 1 }
    map.set(PageRange(PageFrame(.max)), 1) { _, _ in heard += 1 }
    map.set(PageRange(first: PageFrame(3), count: 0), 1) { _, _ in heard += 1 }
    #expect(heard == 0)
    #expect(map.get(PageFrame(RadixMap.pageEnd)) == 5 && map.get(PageFrame(.max)) == 5)
    map.set(PageRange(first: PageFrame(RadixMap.pageEnd - 1), count: .max), 6)
    #expect(map.runs(Self.all) == [Run(start: 0, word: 5), Run(start: RadixMap.pageEnd - 1, word: 6)])
  }

  @Test func copiesAreIndependent() {
    var map = RadixMap(default: 0)
    map.set(PageRange(PageFrame(5)), 1)
    let copy = map
    map.set(PageRange(PageFrame(5)), 2)
    #expect(copy.get(PageFrame(5)) == 1 && map.get(PageFrame(5)) == 2)
  }
}

private func pagesFrom(_ start: UInt64, to end: UInt64) -> PageRange {
  PageRange(first: PageFrame(start), count: end - start)
}

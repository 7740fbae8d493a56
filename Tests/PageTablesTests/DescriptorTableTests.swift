// Why: writes to a table are checked against a plain list of what each page reads, one rule at a time and
// in random order.

import PageOwnership
import PageTables
import TestSupport
import Testing

/// The naive table: the leaf that each page of a small machine reads.
private struct PlainTable {
  var leaves: [LeafWord?]

  init(pages: UInt64, isEmpty: Bool) {
    leaves = Array(repeating: isEmpty ? LeafWord(level: 3, raw: 0) : nil, count: Int(pages))
  }

  func leaf(_ page: UInt64) -> LeafWord? { leaves[Int(page)] }

  /// Pages of a run that this machine has.
  private func indices(_ start: UInt64, _ end: UInt64) -> Range<Int> {
    min(Int(start), leaves.count)..<min(Int(end), leaves.count)
  }

  mutating func set(_ pages: PageRange, _ level: Int8, _ raw: UInt64) {
    let span = UInt64(1) << (9 * UInt64(3 - level))
    let start = pages.first.rawValue / span * span
    let end = (pages.end.rawValue + span - 1) / span * span
    for base in stride(from: start, to: end, by: Int(span)) {
      if let old = leaf(base), old.raw != 0, old.level < level { clear(base, old.level) }
      let word = raw & 1 == 1 ? raw &+ (base - start) << 12 : raw
      for page in indices(base, base + span) { leaves[page] = LeafWord(level: level, raw: word) }
    }
  }

  mutating func forget(_ pages: PageRange) {
    for page in pages.first.rawValue..<pages.end.rawValue {
      var span: UInt64 = 1
      if let old = leaf(page), old.raw != 0 { span <<= 9 * UInt64(3 - old.level) }
      for other in indices(page / span * span, (page / span + 1) * span) { leaves[other] = nil }
    }
  }

  private mutating func clear(_ page: UInt64, _ level: Int8) {
    let span = UInt64(1) << (9 * UInt64(3 - level))
    for other in indices(page / span * span, (page / span + 1) * span) { leaves[other] = LeafWord(level: 3, raw: 0) }
  }
}

@Suite struct DescriptorTableTests {
  private static let all = PageRange(first: PageFrame(0), count: DescriptorTable.pageEnd)
  private static let words: [UInt64] = [0, 0x4000_07ff, 0x4000_07fd, 0x2000_0000_0000_0002, 0x4]
  private static let machine: UInt64 = 2048

  private func expectEqual(_ table: DescriptorTable, _ plain: PlainTable, _ what: String) {
    for page in 0..<Self.machine {
      let found = table.leaf(at: PageFrame(page))
      let expected = plain.leaf(page)
      let isEqual = found?.raw == expected?.raw && (found?.raw == 0 || found?.level == expected?.level)
      if !isEqual {
        Issue.record("\(what), page \(page): \(String(describing: found)), expected \(String(describing: expected))")
        return
      }
    }
    expectRunsEqual(table, plain, what)
  }

  private func expectRunsEqual(_ table: DescriptorTable, _ plain: PlainTable, _ what: String) {
    let machine = PageRange(first: PageFrame(0), count: Self.machine)
    var read: [LeafWord?] = Array(repeating: nil, count: Int(Self.machine))
    var last: LeafRun?
    table.forEachLeaf(in: machine) { run in
      if let last { #expect(last.pages.end.rawValue <= run.pages.first.rawValue && !continues(last, run), "\(what)") }
      last = run
      for page in run.pages.first.rawValue..<run.pages.end.rawValue { read[Int(page)] = run.leaf(at: PageFrame(page)) }
    }
    var unknown: Set<UInt64> = []
    table.forEachUnknown(in: machine) { run in
      for page in run.first.rawValue..<run.end.rawValue { #expect(unknown.insert(page).inserted) }
    }
    for page in 0..<Self.machine {
      let expected = plain.leaf(page)
      if unknown.contains(page) != (expected == nil) || read[Int(page)] != (expected?.raw == 0 ? nil : expected) {
        Issue.record("\(what): listing of page \(page)")
        return
      }
    }
  }

  private func continues(_ run: LeafRun, _ next: LeafRun) -> Bool {
    run.level == next.level && run.pages.end == next.pages.first
      && (run.raw & 1 == 1 ? run.raw &+ run.pages.count << 12 : run.raw) == next.raw
  }

  @Test(arguments: [true, false]) func everyPairOfWrites(isEmpty: Bool) throws {
    let places: [(first: UInt64, count: UInt64)] = [(512, 1), (600, 1), (700, 513), (512, 512), (0, 1), (1023, 2)]
    for level in [2, 3] as [Int8] {
      for word in Self.words {
        for second in [2, 3] as [Int8] {
          for newer in Self.words {
            for place in places {
              var table = DescriptorTable(isEmpty: isEmpty)
              var plain = PlainTable(pages: Self.machine, isEmpty: isEmpty)
              let block = PageRange(first: PageFrame(512), count: 600)
              let range = PageRange(first: PageFrame(place.first), count: place.count)
              for (pages, level, raw) in [(block, level, word), (range, second, newer)] {
                try table.set(pages: pages, level: level, raw: raw)
                plain.set(pages, level, raw)
              }
              expectEqual(table, plain, "level \(level) \(word), then level \(second) \(newer) at \(place)")
            }
          }
        }
      }
    }
  }

  @Test(arguments: [81, 82, 83, 84] as [UInt64]) func randomWrites(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var table = DescriptorTable(isEmpty: seed % 2 == 0)
    var plain = PlainTable(pages: Self.machine, isEmpty: seed % 2 == 0)
    for step in 0..<150 {
      let first = random.next() % Self.machine
      let count = random.pick([1, 1, 2, 5, 512, 600] as [UInt64])
      let pages = PageRange(first: PageFrame(first), count: min(count, Self.machine - first))
      if random.next() % 8 == 0 {
        table.forget(pages)
        plain.forget(pages)
      } else {
        let level = random.pick([2, 3, 3, 3] as [Int8])
        let raw = random.pick(Self.words)
        try table.set(pages: pages, level: level, raw: raw)
        plain.set(pages, level, raw)
      }
      if step % 10 == 9 { expectEqual(table, plain, "seed \(seed), step \(step)") }
    }
  }

  @Test func aPageInABlockLeavesTheRestUnmapped() throws {
    var table = DescriptorTable(isEmpty: true)
    try table.set(pages: PageRange(first: PageFrame(0x40000), count: 1024), level: 2, raw: 0x4000_07fd)
    #expect(table.leaf(at: PageFrame(0x40201)) == LeafWord(level: 2, raw: 0x4020_07fd))
    try table.set(pages: PageRange(PageFrame(0x40201)), level: 3, raw: 0x4020_17ff)
    #expect(table.leaf(at: PageFrame(0x40201)) == LeafWord(level: 3, raw: 0x4020_17ff))
    #expect(table.leaf(at: PageFrame(0x40200)) == LeafWord(level: 3, raw: 0))
    #expect(table.leaf(at: PageFrame(0x401ff)) == LeafWord(level: 2, raw: 0x4000_07fd))
    try table.set(pages: PageRange(PageFrame(0x40010)), level: 3, raw: 0)
    #expect(table.leaf(at: PageFrame(0x40000)) == LeafWord(level: 2, raw: 0), "the block is gone as a whole")
  }

  @Test func memoryFollowsTheTable() throws {
    var table = DescriptorTable(isEmpty: true)
    try table.set(pages: PageRange(first: PageFrame(0), count: 4 << 20), level: 2, raw: 0x7fd)
    #expect(table.nodeCount < 25, "16 GiB of 2 MiB blocks")
    try table.set(pages: Self.all, level: 3, raw: 0)
    #expect(table.nodeCount == 1, "what was unmapped is given back")
    try table.set(pages: PageRange(first: PageFrame(5), count: 1 << 40), level: 3, raw: 0)
    #expect(table.nodeCount < 12)
    table.forget(PageRange(first: PageFrame(7), count: .max))
    #expect(table.leaf(at: PageFrame(6)) == LeafWord(level: 3, raw: 0) && table.leaf(at: PageFrame(7)) == nil)
    #expect(table.nodeCount < 12)
  }

  @Test func impossibleWritesAreRefusedAndChangeNothing() {
    var table = DescriptorTable(isEmpty: false)
    func expect(_ error: DescriptorTableError, _ pages: PageRange, _ level: Int8) {
      #expect(throws: error) { try table.set(pages: pages, level: level, raw: 0x7ff) }
    }
    let page = PageRange(PageFrame(1))
    expect(.badLevel(4), page, 4)
    expect(.badLevel(-3), page, -3)
    expect(.badLevel(.min), page, .min)
    let none = PageRange(first: PageFrame(1), count: 0)
    expect(.badPages(none), none, 3)
    let beyond = PageRange(PageFrame(1 << 52))
    expect(.badPages(beyond), beyond, 3)
    let last = PageRange(first: PageFrame(.max), count: .max)
    expect(.badPages(last), last, 3)
    expect(.tooManyLeaves(1 << 24 + 1), PageRange(first: PageFrame(0), count: 1 << 24 + 1), 3)
    expect(.tooManyLeaves(1 << 52), Self.all, 3)
    #expect(table.nodeCount == 1)
    var unknown: [PageRange] = []
    table.forEachUnknown(in: Self.all) { unknown.append($0) }
    #expect(unknown == [Self.all])
  }

  @Test func theCoarsestLevelsWork() throws {
    var table = DescriptorTable(isEmpty: true)
    try table.set(pages: PageRange(PageFrame(0)), level: 1, raw: 0x0040_0000_0000_07fd)
    try table.set(pages: Self.all, level: -2, raw: 0x4)
    #expect(table.nodeCount == 1 && table.leaf(at: PageFrame((1 << 52) - 1)) == LeafWord(level: -2, raw: 0x4))
    try table.set(pages: PageRange(PageFrame((1 << 52) - 1)), level: 3, raw: 0x8)
    var runs: [LeafRun] = []
    table.forEachLeaf(in: Self.all) { runs.append($0) }
    let most = PageRange(first: PageFrame(0), count: 127 << 45)
    let end = PageRange(PageFrame((1 << 52) - 1))
    #expect(runs == [LeafRun(pages: most, level: -2, raw: 0x4), LeafRun(pages: end, level: 3, raw: 0x8)])
  }
}

// Why: an index that finds any page by one seek a level keeps runs of pages as aligned blocks. A run that
// is nearly a block (a whole space but for its memory) would be thousands of small ones: where an entry
// changes all of a block, the block gets the word that most of it has, and finer blocks say the rest.

import PageOwnership

/// A run of pages with one word.
struct WordRun: Hashable, Sendable {
  var start: UInt64
  var end: UInt64
  var word: UInt64
}

/// Cuts runs into blocks of the sizes of ``OwnershipLevel``.
struct BlockCover {
  /// Whether a word may stand for a block of a level that begins at a page.
  var fits: (_ word: UInt64, _ level: UInt8) -> Bool
  /// Hears of each block: a finer one overrides a coarser one.
  var body: (_ level: UInt8, _ page: UInt64, _ word: UInt64) -> Void

  /// Covers disjoint runs in rising order, all below 2^52.
  func cover(_ runs: [WordRun]) {
    if runs.count == 1, runs[0].end == runs[0].start + 1 { return body(0, runs[0].start, runs[0].word) }
    if !runs.isEmpty { place(runs, 0, OwnershipLevel.all.count - 1) }
  }

  // The runs lie in the block of that size at `block`.
  private func place(_ runs: [WordRun], _ block: UInt64, _ index: Int) {
    let level = OwnershipLevel.all[index]
    if level == 0 { return body(0, block, runs[0].word) }
    let finer = UInt64(OwnershipLevel.all[index - 1])
    let start = runs[0].start >> finer
    if start == (runs[runs.count - 1].end - 1) >> finer { return place(runs, start << finer, index - 1) }
    let words = wholeWord(runs, UInt64(1) << UInt64(level))
    guard let word = words, fits(word, level) else { return placeFiner(runs, index) }
    body(level, block, word)
    placeFiner(runs.filter { $0.word != word }, index)
  }

  private func placeFiner(_ runs: [WordRun], _ index: Int) {
    let shift = UInt64(OwnershipLevel.all[index - 1])
    var inside: [WordRun] = []
    for run in runs {
      var position = run.start
      while position < run.end {
        let block = position >> shift
        let end = min(run.end, (block + 1) << shift)
        if let last = inside.last, last.start >> shift != block {
          placeBlock(inside, index - 1)
          inside.removeAll(keepingCapacity: true)
        }
        inside.append(WordRun(start: position, end: end, word: run.word))
        position = end
      }
    }
    if !inside.isEmpty { placeBlock(inside, index - 1) }
  }

  private func placeBlock(_ runs: [WordRun], _ index: Int) {
    place(runs, OwnershipLevel.start(of: runs[0].start, OwnershipLevel.all[index]), index)
  }

  // The word of the longest run, if the runs are all of the block.
  private func wholeWord(_ runs: [WordRun], _ size: UInt64) -> UInt64? {
    var sum: UInt64 = 0
    var longest = runs[0]
    for run in runs {
      sum += run.end - run.start
      if run.end - run.start > longest.end - longest.start { longest = run }
    }
    return sum == size ? longest.word : nil
  }
}

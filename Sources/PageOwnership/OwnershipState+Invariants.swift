// Why: the hash is kept up to date change by change; tests recompute it from scratch to prove that.

extension OwnershipState {
  /// What is wrong with the state's own bookkeeping; empty if nothing is. Slow: reads everything.
  package func checkInvariants() -> [String] {
    var problems: [String] = []
    var total = StateHash.empty
    for space in holdings {
      problems += space.layer.problems("holdings of space \(space.id.rawValue)", HoldingWord.isCanonical)
      total = total &+ space.layer.hash
    }
    problems += pins.problems("pins", CounterWord.isCanonical)
    problems += shareCounts.problems("share counts", CounterWord.isCanonical)
    total = total &+ pins.hash &+ shareCounts.hash
    if total != hash { problems.append("hash \(hash) is not the sum \(total) of its layers") }
    if spaces != spaces.sorted() { problems.append("spaces are out of order: \(spaces.map(\.rawValue))") }
    return problems
  }
}

extension StateLayer {
  fileprivate func problems(_ name: String, _ isCanonical: (UInt64) -> Bool) -> [String] {
    var problems: [String] = []
    var sum = StateHash.empty
    map.forEachRun(in: PageRange(first: PageFrame(0), count: RadixMap.pageEnd)) { run, word in
      sum = sum &+ key.difference(0, word, run.first.rawValue, run.end.rawValue)
      if !isCanonical(word) { problems.append("\(name): word \(word) at page \(run.first.rawValue) is malformed") }
    }
    if sum != hash { problems.append("\(name): hash \(hash), recomputed \(sum)") }
    return problems
  }
}

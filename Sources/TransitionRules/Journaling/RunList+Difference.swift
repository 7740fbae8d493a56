// Why: what an apply did to a machine is told by the machine before and after: lists that nothing wrote to
// still share their memory, so that comparing costs what changed.

extension RunList {
  /// Calls `body` for each stretch of pages whose value differs, in order, with both values.
  func forEachDifference(to after: RunList, _ body: (Range<UInt64>, Value, Value) -> Void) {
    if runs == after.runs { return }
    var page: UInt64 = 0
    var left = 0
    var right = 0
    while page < end {
      let leftEnd = end(ofRun: left)
      let rightEnd = after.end(ofRun: right)
      let next = min(leftEnd, rightEnd)
      if runs[left].value != after.runs[right].value { body(page..<next, runs[left].value, after.runs[right].value) }
      if leftEnd == next { left += 1 }
      if rightEnd == next { right += 1 }
      page = next
    }
  }
}

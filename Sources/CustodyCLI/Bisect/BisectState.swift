// Why: a search over hours must survive a crash, a reboot and a change of mind: its state is the list of what was
// decided, a text beside the journal that is written whole at each decision. Not here: the search itself (Analysis).

import Analysis
import PageOwnership

/// What was decided so far in one search.
struct BisectState: Equatable {
  /// A verdict on the state right after an entry.
  struct Decision: Equatable {
    var verdict: BisectVerdict
    var seq: SequenceNumber
  }

  /// How often answers are wrong, and how sure the end has to be.
  struct Doubt: Equatable {
    var confidence: Double
    var falseBad: Double
    var falseGood: Double
  }

  /// The last entry of the journal when it began.
  var head: SequenceNumber
  /// The bounds it began with.
  var good: SequenceNumber
  var bad: SequenceNumber
  /// Entries to test on each side of the answer; nil: as the command likes.
  var probes: Int?
  /// Set for predicates that are sometimes wrong.
  var doubt: Doubt?
  /// In order.
  var decisions: [Decision] = []

  // MARK: - as text

  private static let heading = "# custody bisect: what was decided, a line each; `custody bisect replay FILE` reads it"

  /// The text of the file, and of `custody bisect log`.
  var text: String {
    var start = "start head=\(head.rawValue) good=\(good.rawValue) bad=\(bad.rawValue)"
    if let probes { start += " probes=\(probes)" }
    if let doubt {
      start += " confidence=\(doubt.confidence) false-bad=\(doubt.falseBad) false-good=\(doubt.falseGood)"
    }
    return ([Self.heading, start] + decisions.map { "\($0.verdict.rawValue) \($0.seq.rawValue)" })
      .map { $0 + "\n" }.joined()
  }

  /// Why a text is no state.
  struct Malformed: Error {
    var line: Int
    var message: String
  }

  /// Reads a text. Throws ``Malformed``.
  init(text: String) throws(Malformed) {
    var state: BisectState?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.split(separator: " ")
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      if first == "start", state == nil {
        state = try Self.start(words.dropFirst(), index + 1)
      } else if let verdict = BisectVerdict(rawValue: String(first)), words.count == 2,
        let seq = Int64(words[1]), let head = state?.head.rawValue, (0...head).contains(seq)
      {
        state?.decisions.append(Decision(verdict: verdict, seq: SequenceNumber(seq)))
      } else {
        throw Malformed(line: index + 1, message: "`\(DisplayText.escaped(String(line.prefix(60))))` is no decision")
      }
    }
    guard let state else { throw Malformed(line: 1, message: "there is no line `start`") }
    self = state
  }

  private static func start(_ words: ArraySlice<Substring>, _ line: Int) throws(Malformed) -> BisectState {
    var given: [Substring: Substring] = [:]
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { given[parts[0]] = parts[1] }
    }
    guard let head = given["head"].flatMap({ Int64($0) }), let good = given["good"].flatMap({ Int64($0) }),
      let bad = given["bad"].flatMap({ Int64($0) }), 0 <= good, good < bad, bad <= head
    else { throw Malformed(line: line, message: "`start` names no bounds: head=N good=N bad=N") }
    var state = BisectState(head: SequenceNumber(head), good: SequenceNumber(good), bad: SequenceNumber(bad))
    state.probes = given["probes"].flatMap { Int($0) }.map { min(max(0, $0), 1000) }
    func share(_ name: Substring, or usual: Double) -> Double { given[name].flatMap { Double($0) } ?? usual }
    if given["confidence"] != nil {
      state.doubt = Doubt(
        confidence: share("confidence", or: 0.95), falseBad: share("false-bad", or: 0.1),
        falseGood: share("false-good", or: 0.1))
    }
    return state
  }

  init(head: SequenceNumber, good: SequenceNumber, bad: SequenceNumber) {
    self.head = head
    self.good = good
    self.bad = bad
  }

  // MARK: - the search

  /// What is wanted next, or how it ended.
  enum Next: Equatable {
    case test(SequenceNumber)
    case done(BisectResult)
    /// An entry is believed in as much as asked for.
    case believed(SequenceNumber, Double)
  }

  /// What the decisions so far leave to do; `probes` is how many to make if the state does not say.
  func next(probes usual: Int) -> (next: Next, words: String) {
    if let doubt { return nextInDoubt(doubt) }
    guard var search = BisectSearch(good: good, bad: bad, probes: probes ?? usual) else {
      return (.done(.oneOf(after: good, through: bad)), "")
    }
    for decision in decisions {
      // A search turns to its probes when it is asked behind the answer.
      _ = search.nextStep()
      search.record(decision.seq, decision.verdict)
    }
    switch search.nextStep() {
    case .test(let seq): return (.test(seq), Self.left(search.candidateCount - 1, search.stepsLeft))
    case .probe(let seq): return (.test(seq), "looking for evidence against entry \(search.bad.rawValue)")
    case .done(let result): return (.done(result), "")
    }
  }

  private func nextInDoubt(_ doubt: Doubt) -> (next: Next, words: String) {
    let noise = TestNoise(falseBad: doubt.falseBad, falseGood: doubt.falseGood)
    guard var search = NoisyBisect(good: good, bad: bad, noise: noise, confidence: doubt.confidence) else {
      return (.done(.oneOf(after: good, through: bad)), "")
    }
    for decision in decisions { search.record(decision.seq, decision.verdict) }
    let (seq, belief) = search.best
    guard let test = search.nextTest() else { return (.believed(seq, belief), "") }
    return (.test(test), "entry \(seq.rawValue) is believed in most, \(Int(belief * 100)) %")
  }

  private static func left(_ count: Int64, _ steps: Int) -> String {
    "\(count) \(count == 1 ? "entry" : "entries") left to test, about \(steps) step\(steps == 1 ? "" : "s")"
  }
}

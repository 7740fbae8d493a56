// Why: how far a transition came, in words for a person and in columns for a program; `log --open` and `recover`
// share them.

import Analysis
import Journal
import PageOwnership
import TransitionRules

/// The words of open transitions.
struct ProgressWords {
  private let context: ShowContext

  init(_ context: ShowContext) { self.context = context }

  // MARK: - for people

  /// Writes one transition with its pages.
  func write(_ progress: TransitionProgress, on console: Console) throws {
    let transition = progress.transition
    let name = console.paint("T\(transition.id.rawValue)  \(transition.operation.rawValue)", .bold)
    let outcome = console.paint(progress.outcome.name, .outcome(progress.outcome.name))
    try console.write("\(name)  \(outcome)\n")
    for line in HeaderLine.lines(transition.operation.sentence, room: (console.width ?? .max / 2) - 2) {
      try console.write("  \(line)\n")
    }
    var lines = [("began", began(transition)), ("last phase", lastPhase(progress))]
    if let doubt = doubt(progress) { lines.append(("", doubt)) }
    if progress.mayHaveEnded { lines.append(("", "lines are missing behind its begin: it may have ended")) }
    if !missing(progress).isEmpty { lines.append(("left to do", missing(progress))) }
    for (label, text) in lines { try console.write(HeaderLine.text(label, text, indent: 15, width: console.width)) }
    let runs = console.isFull ? progress.pages[...] : progress.pages.prefix(Self.shownRuns)
    for run in runs { try write(run, progress, on: console) }
    if progress.pages.count > runs.count {
      try console.write("  … \(progress.pages.count - runs.count) more runs of pages (--full)\n")
    }
    if progress.pagesLeftOut > 0 { try console.write("  … \(progress.pagesLeftOut) more pages, not looked at\n") }
  }

  private static let shownRuns = 40

  private func write(_ run: PageProgress, _ progress: TransitionProgress, on console: Console) throws {
    let ink: Console.Ink? = run.condition == .complete || run.condition == .untouched ? nil : .yellow
    let title = "  \(place(run))  \(console.paint(run.condition.rawValue, ink))"
    try console.write(title + "\n")
    let text = standing(run, progress).joined(separator: ", ")
    for line in HeaderLine.lines(text, room: (console.width ?? .max / 2) - 4) { try console.write("    \(line)\n") }
    if run.isShownBySnapshotOnly {
      try console.write("    so the last snapshot shows it; the entries do not say so\n")
    }
  }

  private func began(_ transition: Transition) -> String {
    var words = ["entry \(transition.firstSeq.rawValue)"]
    if let cpu = transition.cpu { words.append("cpu \(cpu)") }
    words.append("\(transition.pageCount) page" + (transition.pageCount == 1 ? "" : "s"))
    return words.joined(separator: ", ")
  }

  /// `T4650.5 disown (host_stage2_set_owner_locked), entry 19859`.
  func lastPhase(_ progress: TransitionProgress) -> String {
    guard let last = progress.lastPhase else { return "none: it had only begun" }
    let name = progress.lastPhaseNumber.map { "T\(progress.transition.id.rawValue).\($0) " } ?? ""
    // A torn apply has no line that names it: it is the first step that is not done.
    let torn = last.site.kind == .torn ? progress.firstStepLeft : nil
    let what = last.site.condition?.rawValue ?? last.site.effect?.rawValue ?? torn?.effect.rawValue ?? ""
    let step = (last.site.kernelStep ?? torn?.kernelStep).map { " (\(DisplayText.escaped($0)))" } ?? ""
    let missing = last.site.kind == .torn ? ", its apply line is missing" : ""
    let phase = last.site.kind.rawValue + (what.isEmpty ? "" : " " + what)
    return "\(name)\(phase)\(step), entry \(last.entry.seq.rawValue)\(missing)"
  }

  /// What is to be said of the last apply; nil for nothing.
  func doubt(_ progress: TransitionProgress) -> String? {
    switch progress.doubt {
    case .none: nil
    case .lastApply: "last apply in doubt: no later entry says that it was done"
    case .shownDone(let seq): "last apply in doubt by the entries alone; the snapshot at \(seq.rawValue) shows it done"
    case .torn: "last apply in doubt: the journal ends inside it, after some of its stores"
    }
  }

  /// The steps that are not done for every page.
  func missing(_ progress: TransitionProgress) -> String {
    progress.steps.indices.compactMap { index -> String? in
      let states = Set(progress.pages.map { $0.steps.indices.contains(index) ? $0.steps[index] : .unknown })
      guard states != [.done] else { return nil }
      let word = states.count > 1 || states == [.partly] ? " (partly done)" : states == [.unknown] ? " (not known)" : ""
      return name(progress.steps[index]) + word
    }.joined(separator: ", then ")
  }

  private func name(_ step: ApplyRule) -> String {
    step.effect.rawValue + (step.subject.map { $0 == .guest ? " at the guest" : " at \($0.rawValue)" } ?? "")
  }

  private func place(_ run: PageProgress) -> String {
    let count = HexText.times(run.pageCount)
    guard let guest = run.guestPage else {
      return (run.page.map { HexText.hex($0.address) } ?? "no page known") + count
    }
    let name = context.name(guest.space) + "/" + HexText.hex(guest.page.address)
    return (run.page.map { HexText.hex($0.address) + " at " } ?? "") + name + count
  }

  /// `host OWNED`, `hyp OWNED`, `no hyp mapping`.
  func standing(_ run: PageProgress, _ progress: TransitionProgress) -> [String] {
    let standing = run.standing
    let ends = progress.transition.operation.endpoints
    let kinds = [ends.source, ends.target]
    var words: [String] = []
    if run.page != nil {
      words.append("host \(host(standing.host))")
      words.append("hyp \(standing.hyp.name)")
      if kinds.contains(.hyp) {
        words.append(standing.isMappedAtHyp.map { $0 ? "mapped at hyp" : "no hyp mapping" } ?? "hyp mapping not known")
      }
    }
    if let guest = standing.guest { words.append("guest \(guest.name)") }
    if let pins = standing.pins, pins > 0 { words.append("\(pins) pin" + (pins == 1 ? "" : "s")) }
    if let count = standing.shareCount, count > 0 { words.append("lent to \(count) guest" + (count == 1 ? "" : "s")) }
    if standing.isLocked, standing.host.annotation != .locked { words.append("the guest's descriptor is LOCKED") }
    return words + steps(run, progress)
  }

  private func host(_ holding: Holding) -> String {
    switch holding.annotation {
    case .none, .unknown: holding.state.name
    case .locked: "\(holding.state.name) with a LOCKED descriptor"
    default: "\(holding.state.name), its table says \(holding.annotation == .hyp ? "HYP" : holding.annotation.name)"
    }
  }

  // A step that stands there in part says what is missing of it.
  private func steps(_ run: PageProgress, _ progress: TransitionProgress) -> [String] {
    zip(progress.steps, run.steps).compactMap { step, state in
      state == .partly
        ? "\(name(step)) half done" + (Self.waitsForMetadata(step, run) ? ", vmemmap not written" : "")
        : nil
    }
  }

  private static func waitsForMetadata(_ step: ApplyRule, _ run: PageProgress) -> Bool {
    guard step.subject == .host, let state = step.newState else { return false }
    return run.standing.host.state != state
  }

  // MARK: - for programs

  /// The columns, one row a run of pages.
  static let columns = [
    "transition", "operation", "outcome", "cpu", "first_seq", "last_seq", "last_phase", "last_kind", "doubt",
    "page", "address", "page_count", "guest", "guest_address", "condition", "host", "host_names", "hyp", "hyp_mapped",
    "guest_state", "pins", "share_count", "locked", "done", "missing", "by_snapshot_only",
  ].map { Column($0) }

  /// The rows of a transition.
  func rows(_ progress: TransitionProgress) -> [[Cell]] { progress.pages.map { row($0, progress) } }

  private func row(_ run: PageProgress, _ progress: TransitionProgress) -> [Cell] {
    let transition = progress.transition
    let standing = run.standing
    func steps(_ wanted: Bool) -> Cell {
      let names = zip(progress.steps, run.steps).filter { ($1 == .done) == wanted }.map { name($0.0) }
      return .text(names.joined(separator: "; "))
    }
    return [
      .integer(transition.id.rawValue), .text(transition.operation.rawValue), .text(progress.outcome.name),
      Cell(transition.cpu.map { Int64($0) }), .integer(transition.firstSeq.rawValue),
      Cell(progress.lastPhase?.entry.seq.rawValue), Cell(progress.lastPhaseNumber.map { Int64($0) }),
      Cell(progress.lastPhase?.site.kind.rawValue), .text(Self.doubtWord(progress.doubt)),
      Cell(run.page.map { Int64(bitPattern: $0.rawValue) }), Cell(run.page.map { HexText.hex($0.address) }),
      .integer(Int64(clamping: run.pageCount)), Cell(run.guestPage.map { context.name($0.space) }),
      Cell(run.guestPage.map { HexText.hex($0.page.address) }), .text(run.condition.rawValue),
      .text(standing.host.state.name), .text(standing.host.annotation.name), .text(standing.hyp.name),
      Cell(standing.isMappedAtHyp.map { $0 ? 1 : 0 }), Cell(standing.guest?.name),
      Cell(standing.pins.map { Int64($0) }), Cell(standing.shareCount.map { Int64($0) }),
      .integer(standing.isLocked ? 1 : 0), steps(true), steps(false), .integer(run.isShownBySnapshotOnly ? 1 : 0),
    ]
  }

  private static func doubtWord(_ doubt: ApplyDoubt) -> String {
    switch doubt {
    case .none: ""
    case .lastApply: "in doubt"
    case .shownDone: "shown done"
    case .torn: "torn"
    }
  }
}

/// Prints open transitions in any format.
struct ProgressPrinter {
  private let words: ProgressWords
  private let format: OutputFormat
  private let console: Console

  init(_ context: ShowContext, _ format: OutputFormat, _ console: Console) {
    words = ProgressWords(context)
    self.format = format
    self.console = console
  }

  /// Prints them all.
  func print(_ open: OpenTransitions) throws {
    if format == .table {
      for (index, item) in open.all.enumerated() {
        if index > 0 { try console.write("\n") }
        try words.write(item.progress, on: console)
      }
    } else {
      let writer = format.writer(ProgressWords.columns, to: console)
      for item in open.all { for row in words.rows(item.progress) { try writer.write(row) } }
      try writer.finish()
    }
    if open.all.isEmpty { try console.note("no transition is open") }
    try console.flush()
  }
}

// Why: check and apply lines, with what the replayed state tells of what a check found.

import PageOwnership
import PageTables

extension RecordingImporter {
  /// `check` and `apply`.
  func takePhase(_ line: RecordingLine) throws(InputError) {
    let id = try line.requiredAction()
    let result = try line.resultValue()
    guard let step = line.step else { throw line.error("the phase has no `step`") }
    guard var open = openTransitions[id.rawValue] else {
      return try takeOrphan(line, line.isWhole ? .whole : line.phase == .check ? .check : .apply)
    }
    guard let operation = Operation(rawValue: open.operation) else { return }
    if line.isWhole { return try takeWhole(line, open, result, operation) }
    let wanted = try wantedState(line)
    let seen = try readChangesSeen(line, open)
    let changes = try readChanges(line, open)
    let site = site(of: line, step, operation, wanted)
    var entry = makeEntry(site.id, line, action: id)
    entry.result = result
    place(&entry, site.meaning, open)
    if line.phase == .check {
      judge(&entry, site, open)
      if result != 0 { open.failedSeq = entry.seq.rawValue }
    } else {
      if let result, result < 0 { open.failedSeq = entry.seq.rawValue }
      open.stores.removeAll()
    }
    batch.entries.append(entry)
    record(seen, open)
    open.note(seen)
    open.hasChanges = open.hasChanges || !changes.isEmpty
    apply(changes)
    openTransitions[id.rawValue] = open
  }

  private func wantedState(_ line: RecordingLine) throws(InputError) -> PageState? {
    guard let wanted = line.wanted else { return nil }
    guard let state = PageState(name: wanted.makeString()), state != .unknown else {
      throw line.error("`\(wanted.makeString())` is no state")
    }
    return state
  }

  private func site(
    of line: RecordingLine, _ step: StringView, _ operation: Operation, _ wanted: PageState?
  ) -> SiteInfo {
    let key = SiteKey(
      phase: line.phase, function: sites.texts.number(of: line.function), step: sites.texts.number(of: step),
      sourceLine: line.sourceLine ?? -1, wanted: sites.texts.number(of: line.wanted),
      resultBy: sites.texts.number(of: line.resultBy))
    return sites.info(
      key, make: { makeSite(line, step.makeString(), operation, wanted) },
      onNew: { batch.sites.append(($0, $1)) })
  }

  private func makeSite(
    _ line: RecordingLine, _ step: String, _ operation: Operation, _ wanted: PageState?
  ) -> (Site, PhaseMeaning, CheckOutcome?) {
    let isCheck = line.phase == .check
    var meaning =
      isCheck
      ? PhaseCatalogue.check(step: step, operation: operation, want: wanted)
      : PhaseCatalogue.apply(step: step, operation: operation, set: wanted)
    var site = Site(isCheck ? .check : .apply)
    let outcome = noteSkipped(&site, &meaning)
    site.operation = operation
    site.kernelFunction = line.function?.makeString()
    site.kernelStep = step
    site.sourceLine = line.sourceLine
    site.condition = meaning.condition
    site.effect = meaning.effect
    site.side = meaning.side
    if isCheck { site.expected = meaning.state } else { site.newState = meaning.state }
    site.resultProvenance = Self.provenance(line.resultBy)
    return (site, meaning, outcome)
  }

  // What a build without EL2 debugging leaves out; never "passed" for a check that nobody made.
  private func noteSkipped(_ site: inout Site, _ meaning: inout PhaseMeaning) -> CheckOutcome? {
    guard let condition = meaning.debugOnly else { return nil }
    switch facts.el2Debug.value {
    case true?:
      meaning.condition = condition
      meaning.state = condition == .targetIsBorrowed ? .sharedBorrowed : .noPage
      return nil
    case false?:
      site.skipped = "\(condition.rawValue): only checked with EL2 debugging"
      return meaning.isEmptyWithoutDebug ? .skipped : nil
    case nil:
      site.skipped = "\(condition.rawValue): only checked with EL2 debugging, not known whether built in"
      return meaning.isEmptyWithoutDebug ? .unknown : nil
    }
  }

  private static func provenance(_ resultBy: StringView?) -> Provenance {
    guard let resultBy else { return .unknown }
    if resultBy.equals("control flow") { return .inferred }
    return resultBy.bytes.starts(with: "none".utf8) ? .unknown : .recorded
  }

  // Where the phase looks or writes: the space and pages of its side.
  private func place(_ entry: inout Entry, _ meaning: PhaseMeaning, _ open: OpenTransition) {
    guard let operation = Operation(rawValue: open.operation) else { return }
    let kind = meaning.side == .target ? operation.endpoints.target : operation.endpoints.source
    entry.pageCount = open.pageCount
    switch kind {
    case .host, .ffa: entry.space = .host
    case .hyp: entry.space = .hyp
    case .guest:
      entry.space = open.guestSpace.map { SpaceID(rawValue: $0) }
      entry.page = open.guestPage.map { PageFrame($0) }
      return
    }
    entry.page = open.page.map { PageFrame($0) }
  }

  // MARK: - what a check found

  private func judge(_ entry: inout Entry, _ site: SiteInfo, _ open: OpenTransition) {
    let outcome: CheckOutcome
    if let fixed = site.fixedOutcome {
      outcome = fixed
    } else if let result = entry.result {
      outcome = result == 0 ? .passed : .failed
    } else {
      outcome = isOccupied(entry) ? .failed : .unknown
    }
    entry.outcome = outcome.rawValue
    guard let space = entry.space, let first = entry.page, reads(site.meaning) else { return }
    let pages = PageRange(first: first, count: entry.pageCount ?? 1)
    var decided: (PageFrame, PageState)?
    image.ownership.forEachRun(space, in: pages) { run, holding in
      if decided == nil { decided = (run.first, holding.state) }
      guard outcome == .failed, let expected = site.meaning.state else { return }
      if let now = decided, now.1 == expected, holding.state != expected { decided = (run.first, holding.state) }
    }
    entry.found = decided?.1
    if outcome == .failed, let decided, site.meaning.state != nil, decided.1 != site.meaning.state,
      decided.1 != .unknown
    {
      entry.page = decided.0
      entry.pageCount = 1
    }
  }

  // Whether the condition reads the state of pages at all.
  private func reads(_ meaning: PhaseMeaning) -> Bool {
    switch meaning.condition {
    case .rangeIsValid, .sizeIsValid, .memcacheSuffices, .permissionsAllowed, .isMemory, .regionIsKnown, .leafIsEmpty,
      .unrecognised, .notPinned, nil:
      false
    default: true
    }
  }

  // A lazy map that found a leaf has neither result nor change: another CPU was first.
  private func isOccupied(_ entry: Entry) -> Bool {
    guard let page = entry.page, let leaf = image.leaf(.hostStage2, .host, at: page) else { return false }
    return leaf.raw != 0
  }

  // MARK: - other lines of a transition

  // Not a phase, but what no phase of the group accounts for stands here.
  private func takeWhole(
    _ line: RecordingLine, _ open: OpenTransition, _ result: Int64?, _ operation: Operation
  ) throws(InputError) {
    let changes = try readChanges(line, open)
    var entry = makeEntry(plainSite(.whole, line, operation: operation), line, action: ActionID(open.id))
    entry.result = result
    entry.note = argumentText(line.transaction, leaveOut: [])
    batch.entries.append(entry)
    if !changes.isEmpty {
      openTransitions[open.id]?.seen.removeAll()
      // What a group of checks saw change was another CPU's doing.
      if line.phase == .apply { openTransitions[open.id]?.hasChanges = true }
    }
    apply(changes)
  }

  /// `locked`: once the locks were held, the state was not that of the call.
  func takeLocked(_ line: RecordingLine) throws(InputError) {
    let id = try line.requiredAction()
    guard let open = openTransitions[id.rawValue], let operation = Operation(rawValue: open.operation) else {
      return try takeOrphan(line, .locked)
    }
    let seen = try readChangesSeen(line, open)
    batch.entries.append(makeEntry(plainSite(.locked, line, operation: operation), line, action: id))
    record(seen, open)
    openTransitions[id.rawValue]?.note(seen)
  }

  /// `mark`: the workload said where it is.
  func takeMark(_ line: RecordingLine) throws(InputError) {
    guard let mark = line.mark else { throw line.error("the mark has no `mark`") }
    var entry = makeEntry(plainSite(.mark, line), line, action: nil)
    if let value = mark.hex { entry.result = Int64(bitPattern: value) } else { entry.note = mark.makeString() }
    batch.entries.append(entry)
  }

  /// `op`: a function of the page tables called outside a transition: mappings made at boot, mostly.
  func takeOp(_ line: RecordingLine) throws(InputError) {
    let result = try line.resultValue()
    let changes = try readOpChanges(line)
    let arguments = line.arguments
    let step = arguments?["prot_bits"]?.makeString().map { "map " + $0 } ?? line.function?.makeString() ?? "?"
    var entry = makeEntry(plainSite(.op, line, step: step), line, action: nil)
    entry.result = result
    if let address = arguments?["addr"]?.hex, let size = arguments?["size"]?.hex {
      let isHyp = arguments?["table"]?.equals("hyp_s1") == true
      let isHost = arguments?["table"].map { $0.equals("host_s2") } ?? true
      entry.space = isHyp ? .hyp : isHost ? .host : nil
      entry.page = PageFrame(containing: isHyp ? address &+ (facts.hypVAOffset.value ?? 0) : address)
      entry.pageCount = size >> 12
    }
    if let physical = arguments?["phys"]?.hex, PageFrame(containing: physical) != entry.page {
      entry.note = "phys=0x\(String(physical, radix: 16))"
    }
    batch.entries.append(entry)
    apply(changes)
  }

  private func readOpChanges(_ line: RecordingLine) throws(InputError) -> [Change] {
    guard let changes = line.changes else { return [] }
    var reader = ChangeReader(importer: self, open: OpenTransition(id: -1, operation: "", cpu: -1, pageCount: 1))
    do throws(WordError) {
      try reader.takeInner(changes, line.arguments)
    } catch {
      throw line.error(error.message)
    }
    return reader.changes
  }

  // MARK: - lines whose begin is missing

  /// A line of a transition whose begin is missing: it stays, but belongs to none, and where it changed
  /// something cannot be told.
  func takeOrphan(_ line: RecordingLine, _ kind: EntryKind) throws(InputError) {
    let id = try line.requiredAction().rawValue
    guard state.gapCount > 0 || state.fatalTransitions.contains(id) else {
      throw line.error("act \(id) was never called")
    }
    let function = try line.requiredFunction().makeString()
    var entry = makeEntry(plainSite(kind, line, operation: Operation(kernelFunction: function)), line, action: nil)
    entry.result = try line.resultValue()
    entry.note = "act \(id), whose begin is missing"
    batch.entries.append(entry)
    guard line.hasChanges else { return }
    recordGap(
      missing: nil, firstIndex: line.index,
      why: "line \(line.number) says what act \(id) changed, but not where: its begin is missing")
  }
}

// Why: turns the lines of a recording into entries: the state machine between two lines. Each line is
// first read and judged whole, then applied, so that a malformed line leaves no trace.
// Not here: files, commits and progress (RecordingImport), and the meaning of steps (PhaseCatalogue).

package import PageOwnership
package import PageTables

/// Makes entries of recorded lines.
package final class RecordingImporter {
  /// The entries since the owner last emptied it.
  package var batch = EntryBatch()
  /// What it must remember between lines.
  package internal(set) var state: ImportState
  /// What is known of the machine.
  package let facts: Facts
  /// The machine as the entries so far leave it.
  package internal(set) var image: MachineImage

  let words: WordReader
  var sites = SiteTable()
  var openTransitions: [Int64: OpenTransition] = [:]
  var openActivations: [Int64: OpenActivation] = [:]
  /// The open activations of each CPU, outermost first.
  var activationStacks: [Int32: [Int64]] = [:]
  /// The transition that each CPU is inside.
  var transitionOfCPU: [Int32: Int64] = [:]
  var liveGuests: [UInt16: LiveGuest] = [:]
  /// The entry that the current line made last; changes and observations attach to it.
  var lastSeq: SequenceNumber { SequenceNumber(state.lastSeq) }

  /// Begins or goes on with an import.
  ///
  /// To go on, give the state that was stored, the machine that the journal replays to and its sites.
  /// Returns nil if the facts name no generation: no word could be read.
  package init?(
    facts: Facts, state: ImportState = ImportState(), image: MachineImage? = nil, sites: [(SiteID, Site)] = []
  ) {
    guard let generation = facts.generation.value else { return nil }
    self.facts = facts
    self.state = state
    self.image = image ?? MachineImage(generation: generation, regions: facts.regions.value ?? [])
    words = WordReader(generation: generation)
    self.sites.restore(sites)
    restoreOpenActions()
  }

  private func restoreOpenActions() {
    for transition in state.transitions {
      openTransitions[transition.id] = transition
      if transition.isCertainlyOpen { transitionOfCPU[transition.cpu] = transition.id }
    }
    for activation in state.activations {
      openActivations[activation.id] = activation
      if activation.isCurrent { activationStacks[activation.cpu, default: []].append(activation.id) }
    }
    for guest in state.guests { liveGuests[guest.handle] = guest }
    words.census.stage1 = state.stage1Leaves
    words.census.stage2 = state.stage2Leaves
  }

  /// The state to store with the batch: a fixed order, so that equal imports store equal text.
  package func stateToStore() -> ImportState {
    var stored = state
    stored.siteCount = sites.count
    stored.stage1Leaves = words.census.stage1
    stored.stage2Leaves = words.census.stage2
    stored.transitions = openTransitions.values.sorted { $0.id < $1.id }
    stored.activations = activationStacks.keys.sorted().flatMap { cpu in
      (activationStacks[cpu] ?? []).compactMap { openActivations[$0] }
    }
    stored.activations += openActivations.values.filter { !$0.isCurrent }.sorted { $0.id < $1.id }
    stored.guests = liveGuests.values.sorted { $0.handle < $1.handle }
    return stored
  }

  /// Takes one line. Throws ``InputError/Code/malformed``; nothing of a malformed line is kept.
  package func take(_ value: JSONValue, line: Int, offset: Int64) throws(InputError) {
    try take(RecordingLine(value, number: line, offset: offset))
  }

  /// Takes a line whose fields are picked out.
  func take(_ line: RecordingLine) throws(InputError) {
    try noteIndex(line)
    do throws(WordError) {
      try dispatch(line)
    } catch {
      throw line.error(error.message)
    }
    state.nextIndex = line.index + 1
  }

  private func dispatch(_ line: RecordingLine) throws(WordError) {
    do throws(InputError) {
      switch line.phase {
      case .check, .apply: try takePhase(line)
      case .call: try takeBegin(line)
      case .end: try takeEnd(line)
      case .hypercall, .enter: try takeActivation(line)
      case .hypercallReturn, .leave: try takeActivationEnd(line)
      case .op: try takeOp(line)
      case .mark: try takeMark(line)
      case .locked: try takeLocked(line)
      case .store: try takeStore(line)
      case .lost: takeLostByRecorder(line)
      }
    } catch {
      throw WordError(error.message)
    }
  }

  // Lines count from 0 without gaps; a jump means that lines are missing, unless they were there and unreadable.
  private func noteIndex(_ line: RecordingLine) throws(InputError) {
    guard line.index >= state.nextIndex else {
      throw line.error("index \(line.index) comes after index \(state.nextIndex - 1)")
    }
    noteMissing(upTo: line.index, "before line \(line.number)")
    state.unreadLines = 0
  }

  /// Records the lines between the last one and an index as missing.
  func noteMissing(upTo index: Int64, _ place: String) {
    let missing = index - state.nextIndex
    guard missing > state.unreadLines else { return }
    recordGap(missing: missing, firstIndex: state.nextIndex, why: "\(missing) lines are missing \(place)")
    state.nextIndex = index
    state.unreadLines = 0
  }

  // MARK: - making entries

  /// Begins an entry; own snapshots fall due between entries.
  func makeEntry(_ site: SiteID, _ line: RecordingLine?, action: ActionID?) -> Entry {
    if state.lastSeq > 0, state.lastSeq % state.leafInterval == 0 { takeLeaves() }
    if state.lastSeq % Self.sealInterval == 0 { tellState() }
    state.lastSeq += 1
    var entry = Entry(seq: SequenceNumber(state.lastSeq), site: site)
    entry.action = action
    entry.cpu = line?.cpu
    entry.time = line?.time
    entry.sourceIndex = line?.index
    return entry
  }

  /// A journal is sealed at multiples of this many entries.
  private static let sealInterval: Int64 = 1024

  /// Tells the state right after the last entry, guests that the next line shows to live included.
  func tellState() { batch.stateHashes.append((lastSeq, image.ownership.hash)) }

  private func takeLeaves() {
    for leaf in image.takeDirtyLeaves() { batch.leaves.append((lastSeq, leaf)) }
  }

  /// A site without a phase's meaning.
  func plainSite(_ kind: EntryKind, _ line: RecordingLine, operation: Operation? = nil, step: String? = nil) -> SiteID {
    let key = SiteKey(
      phase: line.phase, function: sites.texts.number(of: line.function), step: sites.texts.number(of: line.step))
    guard step == nil else {
      var site = Site(kind)
      site.kernelFunction = line.function?.makeString()
      site.kernelStep = step
      return sites.id(of: site) { batch.sites.append(($0, $1)) }
    }
    return sites.info(
      key,
      make: {
        var site = Site(kind)
        site.operation = operation
        site.kernelFunction = line.function?.makeString()
        site.kernelStep = line.step?.makeString()
        return (site, PhaseMeaning(side: .both), nil)
      }, onNew: { batch.sites.append(($0, $1)) }
    ).id
  }

  /// A site that no line of its own has.
  func ownSite(_ kind: EntryKind, operation: Operation? = nil) -> SiteID {
    var site = Site(kind)
    site.operation = operation
    return sites.id(of: site) { batch.sites.append(($0, $1)) }
  }

  // MARK: - holes

  /// Something is missing here: from now on nothing is certain.
  package func recordGap(missing: Int64?, firstIndex: Int64?, why: String) {
    flushTornStores()
    var entry = makeEntry(ownSite(.lost), nil, action: nil)
    entry.note = why
    batch.entries.append(entry)
    batch.gaps.append(Gap(seq: entry.seq, missing: missing, firstIndex: firstIndex, why: why))
    state.gapCount += 1
    image.forgetEverything()
    transitionOfCPU.removeAll()
    for id in openTransitions.keys { openTransitions[id]?.isCertainlyOpen = false }
    // Guests that are initialised by now may have pages already.
    state.reservedHandles.removeAll()
    state.initialisedWithoutName = 0
  }

  /// More calls than this cannot be open at once: every one has a CPU.
  static let openLimit = 4096

  /// A line could not be read and is left out on the user's wish.
  package func skipLine(_ error: InputError) {
    recordGap(missing: 1, firstIndex: state.nextIndex, why: error.description)
    state.unreadLines += 1
  }

  private func takeLostByRecorder(_ line: RecordingLine) {
    if let action = line.action, let open = openTransitions.removeValue(forKey: action) { leave(open) }
    recordGap(
      missing: nil, firstIndex: line.index,
      why: "the recorder lost the return of \(line.function?.makeString() ?? "a function")")
  }
}

// Why: what an entry begins and ends, the deaths of spaces, and the content of observed snapshots: rows that
// hang on an entry by a column of their own and not by their key.

import PageOwnership

extension ChainScan {
  /// Takes what the entry begins or ends of its action.
  mutating func takeAction(_ id: Int64, _ site: Site?) throws(JournalError) {
    let isActivation = try cursors.activations.find(id)
    let isTransition = try cursors.transitions.find(id)
    if isActivation {
      if cursors.activations.seq == seq.rawValue { try takeActivation(id, site) }
    } else if !isTransition {
      findings.note("entry_row", "an entry belongs to no transition or activation", at: seq.rawValue)
    }
    if isTransition, cursors.transitions.seq == seq.rawValue { try takeTransition(id, site) }
    if try cursors.activationEnds.find(id), cursors.activationEnds.seq == seq.rawValue {
      hasher.begin(.activationEnd)
      try hasher.add(cursors.activationEnds.rows, numbers: 2..<3)
      hasher.end()
      taken.activationEnds &+= 1
      if !isActivation { findings.note("activation_end", "id points to no row of activation_row", at: id) }
    }
    if try cursors.transitionEnds.find(id), cursors.transitionEnds.seq == seq.rawValue {
      try takeTransitionEnd(id, isTransition)
    }
  }

  private mutating func takeActivation(_ id: Int64, _ site: Site?) throws(JournalError) {
    let row = cursors.activations.rows
    hasher.begin(.activation)
    try hasher.add(row, numbers: 2..<10)
    try hasher.add(row, text: 10)
    hasher.end()
    taken.activations &+= 1
    // A host abort or a guest's call has no line of its own: the begin of its one transition serves both.
    if let site, site.kind != .activation && site.kind != .begin || site.kernelFunction == nil {
      findings.note("activation_row", "an activation's first entry is not its begin", at: id)
    }
    if !ActivationKind.byCode.indices.contains(Int(clamping: row.number(3))) {
      findings.note("activation_row", "kind points to no row of activation_word", at: id)
    }
    let parent = row.optionalNumber(2)
    if let parent, try !cursors.activations.find(parent) {
      findings.note("activation_row", "parent points to no row of activation_row", at: id)
    }
  }

  private mutating func takeTransition(_ id: Int64, _ site: Site?) throws(JournalError) {
    let row = cursors.transitions.rows
    hasher.begin(.transition)
    try hasher.add(row, numbers: 2..<8)
    try hasher.add(row, text: 8)
    hasher.end()
    taken.transitions &+= 1
    if !spaces.mention(row.number(3)) {
      findings.note("transition_row", "source_space points to no row of space_row", at: id)
    }
    if !spaces.mention(row.number(5)) {
      findings.note("transition_row", "target_space points to no row of space_row", at: id)
    }
    if let site, site.kind != .begin || site.operation == nil {
      findings.note("transition_row", "a transition's first entry is not its begin", at: id)
    }
    let activation = row.optionalNumber(2)
    if let activation, try !cursors.activations.find(activation) {
      findings.note("transition_row", "activation points to no row of activation_row", at: id)
    }
  }

  private mutating func takeTransitionEnd(_ id: Int64, _ hasBegin: Bool) throws(JournalError) {
    let row = cursors.transitionEnds.rows
    hasher.begin(.transitionEnd)
    try hasher.add(row, numbers: 2..<5)
    hasher.end()
    taken.transitionEnds &+= 1
    if UInt8(exactly: row.number(2)).flatMap(TransitionOutcome.init(rawValue:)) == nil {
      findings.note("transition_end", "outcome points to no row of outcome_word", at: id)
    }
    guard hasBegin else { return findings.note("transition_end", "id points to no row of transition_row", at: id) }
    let first = cursors.transitions.seq
    let failed = row.optionalNumber(4) ?? first
    if first > seq.rawValue || failed < first || failed > seq.rawValue {
      findings.note("transition_end", "a transition's end stands before its begin or is another's entry", at: id)
    }
  }

  /// Takes the deaths of spaces.
  mutating func takeDeaths() throws(JournalError) {
    while let found = cursors.deaths.seq, found <= seq.rawValue {
      if stands(found, "space_end") {
        hasher.begin(.spaceEnd)
        try hasher.add(cursors.deaths.rows, numbers: 1..<2)
        hasher.end()
        taken.spaceEnds &+= 1
        mention(cursors.deaths.rows, 1, "space_end", "space")
      }
      try cursors.deaths.advance()
    }
  }

  /// Takes observed snapshots with their content.
  mutating func takeSnapshots() throws(JournalError) {
    while let found = cursors.snapshots.seq, found <= seq.rawValue {
      if stands(found, "snapshot") { try takeSnapshot() }
      try cursors.snapshots.advance()
    }
  }

  private mutating func takeSnapshot() throws(JournalError) {
    let row = cursors.snapshots.rows
    hasher.begin(.snapshot)
    try hasher.add(row, numbers: 1..<2)
    for column in 2..<6 as Range<Int32> { try hasher.add(row, text: column) }
    hasher.end()
    taken.snapshots &+= 1
    for word in row.text(5).split(separator: " ") {
      if let guest = Int64(word), spaces.mention(guest) { continue }
      findings.note("snapshot", "guests points to no row of space_row", at: row.number(1))
    }
    try takeRanges(row.number(1))
  }

  private mutating func takeRanges(_ id: Int64) throws(JournalError) {
    let row = cursors.ranges
    var ordinal: Int64 = 0
    row.restart(id)
    while try row.step() {
      checkOrdinal(row, &ordinal, "snapshot_range")
      hasher.begin(.snapshotRange)
      try hasher.add(row, numbers: 2..<8)
      hasher.end()
      taken.ranges &+= 1
      mention(row, 2, "snapshot_range", "space")
    }
    row.reset()
  }
}

// Why: the composition of a journal and an audit: entries in, with the transition or the call that begins there,
// and the content of each snapshot when its entry comes; findings out, as they are found.

import Analysis
import Journal
import PageOwnership
import PageTables
import TransitionRules

/// Audits a journal.
struct JournalAudit: ~Copyable {
  private let reader: JournalReader
  private var source: ReplaySource
  private let begins: BeginLookup
  /// The audit, as far as it got.
  private(set) var audit: Audit

  /// Prepares an audit by some rules (ids; nil: all).
  ///
  /// Throws a ``JournalError``, or a ``CommandFailure`` if the journal names no rules.
  init(_ reader: JournalReader, rules: Set<String>?) throws {
    let source = try ReplaySource(reader)
    let begins = try BeginLookup(reader)
    let replay = try JournalReplay(reader).replay
    let (facts, lives) = (try Self.facts(reader), try Self.lives(reader))
    let (anchor, calls) = (try reader.anchor(), try reader.callsAcrossAnchor())
    self.reader = reader
    self.source = source
    self.begins = begins
    audit = Audit(
      RuleBook.of(replay.image.generation), facts, lives: lives, replay: replay, rules: rules,
      isShown: anchor.map { $0.knowledge != .partial } ?? false)
    for call in calls { audit.resume(call) }
  }

  private static func facts(_ reader: JournalReader) throws -> Facts {
    var facts = try reader.facts()
    facts.inferAddressBits(from: try reader.snapshots())
    return facts
  }

  private static func lives(_ reader: JournalReader) throws -> [GuestLives.Life] {
    try reader.spaces().filter { $0.space.id.isGuest }
      .map { GuestLives.Life(space: $0.space, born: $0.bornSeq, died: $0.diedSeq) }
  }

  /// Takes over sites, guests, snapshots and facts that a writer added meanwhile.
  mutating func refresh() throws {
    source = try ReplaySource(reader)
    audit.extend(try Self.facts(reader), lives: try Self.lives(reader))
  }

  /// Audits the entries that were not taken yet, through `last`; `body` gets the findings of each entry that has any,
  /// and stops the audit by returning false.
  mutating func run(through last: SequenceNumber, _ body: ([AuditFinding]) throws -> Bool) throws {
    let first = SequenceNumber(audit.lastSeq.rawValue + 1)
    var isStopped = false
    let source = source
    try reader.forEachEntry(from: first, through: last) { frame in
      try take(frame, source)
      let findings = audit.takeFindings()
      if !findings.isEmpty { isStopped = try !body(findings) }
      return !isStopped
    }
  }

  private mutating func take(_ frame: EntryFrame, _ source: ReplaySource) throws {
    let entry = frame.entry
    let site = try source.site(of: entry)
    var transition: Transition?
    if site.kind == .begin, let operation = site.operation { transition = try begins.transition(entry, operation) }
    var activation: Activation?
    if site.kind == .activation { activation = try begins.activation(entry, site.kernelFunction) }
    audit.take(
      entry, site, changes: frame.changes, observations: frame.observations, transition: transition,
      activation: activation)
    if site.kind == .snapshot, let (snapshot, content) = try source.snapshot(at: entry.seq) {
      audit.take(snapshot, content)
    }
  }

  /// Ends the audit and gives what was found at its end.
  mutating func finish() -> [AuditFinding] {
    audit.finish()
    return audit.takeFindings()
  }
}

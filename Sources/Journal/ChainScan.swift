// Why: one pass over the history in order of seq, every primary row once: its columns go into the chain as
// they are stored, its references are followed, and the rows are counted. Verify, a resumed writer and a
// migration all read so. A transaction is held for half a second at most. Not here: the columns
// (ChainScan+Rows), what the heads are held against (ChainCheck).

import Glibc
import PageOwnership

/// Reads entries with everything that hangs on them, from behind a seal to a fixed end.
struct ChainScan: ~Copyable {
  /// The last entry read.
  private(set) var seq: SequenceNumber
  /// The entry of the seal that the chain goes on from.
  private(set) var lastSeal: SequenceNumber
  /// A byte for each entry since then.
  private(set) var marks: [UInt8] = []
  /// The last entry, decoded; its rows too.
  var frame = EntryFrame()
  /// False if a row of the last entry could not be decoded.
  var isDecoded = true
  /// What does not hold.
  var findings: ChainFindings
  /// Rows taken into the chain, by table.
  var taken = ChainTally()

  var hasher: SealHasher
  let cursors: ChainCursors
  let sites: SiteTable
  let digests: SiteDigests
  var spaces: SpaceBook
  /// The spaces that no entry up to the last seal before the end has named.
  private(set) var looseAtSeal: [SpaceLife] = []
  /// Whether rows are decoded too.
  let decodes: Bool
  private let last: SequenceNumber
  private var isOpen = false
  private var deadline: Int64 = 0

  /// Prepares a scan of the entries behind `seal` through `last`.
  init(_ source: ChainSource, after seal: Seal, through last: SequenceNumber, spaces: SpaceBook, decodes: Bool) {
    sites = source.sites
    digests = source.digests
    cursors = source.cursors
    seq = seal.seq
    lastSeal = seal.seq
    self.last = last
    self.spaces = spaces
    self.decodes = decodes
    findings = ChainFindings()
    hasher = SealHasher(SealWriter.domain)
    hasher.raw(seal.head)
    noteLoose()
  }

  /// Takes the next entry; false at the end.
  mutating func next() throws(JournalError) -> Bool {
    guard seq < last else { return false }
    if !isOpen { try open() }
    guard try takeEntry() else { return false }
    marks.append(hasher.takeMark())
    if seq.rawValue & 63 == 0, Self.now() > deadline { close() }
    return true
  }

  /// Whether a seal belongs behind the last entry: one stands where another entry follows.
  var isSealDue: Bool { seq.rawValue &- lastSeal.rawValue == Seal.interval && seq < last }

  /// What a seal behind the last entry says.
  mutating func sealHere() -> Seal {
    var seal = Seal(seq: seq, head: hasher.value(endingWith: seq.rawValue), stateHash: nil)
    seal.marks = marks
    return seal
  }

  /// Goes on behind a seal.
  mutating func restart(after seal: Seal) {
    lastSeal = seal.seq
    marks.removeAll(keepingCapacity: true)
    hasher.restart(SealWriter.domain)
    hasher.raw(seal.head)
    noteLoose()
  }

  private mutating func noteLoose() {
    if last.rawValue &- lastSeal.rawValue <= Seal.interval { looseAtSeal = spaces.loose }
  }

  /// Lets go of the read transaction; the next entry begins another.
  mutating func close() {
    cursors.reset()
    isOpen = false
  }

  private mutating func open() throws(JournalError) {
    try cursors.start(from: seq.rawValue &+ 1, through: last.rawValue)
    deadline = Self.now() &+ 500_000_000
    isOpen = true
  }

  // Where entries are missing it goes on with the next one there is.
  private mutating func takeEntry() throws(JournalError) -> Bool {
    guard let found = cursors.entries.seq else {
      findings.note("entry_row", "entries are missing: seq is not dense from 1", at: seq.rawValue &+ 1)
      seq = last
      return false
    }
    if found != seq.rawValue &+ 1 {
      findings.note("entry_row", "entries are missing: seq is not dense from 1", at: seq.rawValue &+ 1)
    }
    seq = SequenceNumber(found)
    try takeRows()
    try cursors.entries.advance()
    return true
  }

  /// Nanoseconds of a clock that never goes back.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

/// What a scan reads from.
struct ChainSource {
  let sites: SiteTable
  let digests: SiteDigests
  let cursors: ChainCursors

  /// Prepares the statements and reads the sites.
  init(_ connection: Connection) throws(JournalError) {
    (sites, digests) = try SiteTable.withDigests(connection)
    cursors = try ChainCursors(connection)
  }
}

/// What does not hold, each kind once, with the first place.
struct ChainFindings: Sendable {
  private(set) var all: [IntegrityFinding] = []
  private var known: Set<String> = []

  /// Notes that something does not hold at a place.
  mutating func note(_ structure: String, _ message: String, at place: Int64) {
    guard known.insert(structure + ":" + message).inserted else { return }
    all.append(IntegrityFinding(structure: structure, message: "\(message) (first: \(place))", place: place))
  }

  /// Notes something that has its own words.
  mutating func note(_ finding: IntegrityFinding) {
    // Of one kind of damage the first few places tell enough.
    guard all.count < 100 else { return }
    all.append(finding)
  }
}

/// How many rows of each table were taken.
struct ChainTally: Sendable {
  var entries: Int64 = 0
  var notes: Int64 = 0
  var runs: Int64 = 0
  var gaps: Int64 = 0
  var changes: Int64 = 0
  var observations: Int64 = 0
  var activations: Int64 = 0
  var transitions: Int64 = 0
  var activationEnds: Int64 = 0
  var transitionEnds: Int64 = 0
  var spaceEnds: Int64 = 0
  var snapshots: Int64 = 0
  var ranges: Int64 = 0
}

// Why: the incremental audit against a slow checker that shares no code with it: after each transition it looks at
// every page of a small machine and at every guest's whole table, and counts by hand. Journals are random, and by rules
// with a random slip, so that much is wrong in them.

import Analysis
import PageOwnership
import PageTables
import TestSupport
import Testing
import TransitionRules

@Suite struct AuditBruteForceTests {
  @Test(arguments: Generation.allCases) func auditAgreesWithAPageByPageChecker(_ generation: Generation) throws {
    let seed = SeededRandom.seed(20_260_728)
    var random = SeededRandom(seed: seed &+ UInt64(Generation.allCases.firstIndex(of: generation) ?? 0))
    var found = 0
    for round in 0..<8 {
      let journal = RandomJournal(generation, isSound: round == 0, &random).journal
      let expected = try BruteChecker.findings(journal.imported)
      let audited = try Auditing.audit(journal.imported, rules: BruteChecker.rules)
      let mine = Set(audited.findings.flatMap { BruteChecker.perPage($0) })
      #expect(mine == expected, "\(generation), round \(round), seed \(seed): \(mine.symmetricDifference(expected))")
      found += expected.count
      if round == 0 { #expect(expected.isEmpty) }
    }
    // A run in which nothing is wrong proves nothing.
    #expect(found > 0)
  }
}

/// A finding about one page.
struct PageFinding: Hashable {
  var rule: String
  var seq: Int64
  var page: UInt64
}

/// A random journal of a machine.
struct RandomJournal {
  private(set) var journal: DrivenJournal

  static let pages = Array(0x41300..<0x41306) + [0x41400, 0x41401, 0x415ff, 0x42402] as [UInt64]

  init(_ generation: Generation, isSound: Bool, steps: Int = 100, _ random: inout SeededRandom) {
    var book = RuleBook.of(generation)
    if !isSound { Self.slip(&book, &random) }
    journal = DrivenJournal(book, debug: isSound || random.below(2) == 0)
    for _ in 0..<steps {
      let call = Self.call(book, isSound: isSound, &random)
      if journal.perform(call).fatal != nil { return }
    }
  }

  // A slip of the pen in one operation.
  private static func slip(_ book: inout RuleBook, _ random: inout SeededRandom) {
    let operations = book.operations.filter { book[$0]?.applies.contains { $0.newState != nil } ?? false }
    for _ in 0..<5 {
      let (kind, place) = (random.below(3), random.below(8))
      book.amend(random.pick(operations)) { rules in
        switch kind {
        case 0 where !rules.checks.isEmpty: rules.checks.remove(at: place % rules.checks.count)
        case 1 where !rules.applies.isEmpty: rules.applies.remove(at: place % rules.applies.count)
        default: rules.checks.removeAll { $0.expected != nil }
        }
      }
    }
  }

  private static func call(_ book: RuleBook, isSound: Bool, _ random: inout SeededRandom) -> OperationCall {
    var operations = book.operations.filter { $0 != .hostFault && $0 != .pin && $0 != .unpin }
    // What these may do to shares of others is no slip: the kernel trusts its caller there.
    if isSound { operations.removeAll { [.hostShareFFA, .hostUnshareFFA].contains($0) } }
    var call = OperationCall(random.pick(operations), page: random.pick(pages))
    if !isSound, random.below(6) == 0, book[.pin] != nil { call.operation = random.pick([.pin, .unpin]) }
    if random.below(8) == 0 {
      call.count = call.operation == .hostShareGuest || call.operation == .hostUnshareGuest ? 512 : 2
      if call.count == 512 { call.page = 0x41400 }
    }
    // The kernel's callers give pages to protected guests, the second one, and lend them to others.
    let wantsProtected = [.hostDonateGuest, .guestShareHost, .guestUnshareHost].contains(call.operation)
    let index = isSound ? (wantsProtected || call.operation == .hostReclaimGuest ? 1 : 0) : random.below(2)
    call.guest = SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(index))
    call.guestPage = random.pick([0x200, 0x201, 0x400])
    call.address = call.page << 12
    call.endAddress = (call.page + call.count) << 12
    call.protection = book.traits.protection.all
    return call
  }
}

/// Counts by hand.
enum BruteChecker {
  static let rules: Set<String> = ["I1", "I2", "I3", "I5", "I6", "I7", "I8", "I9"]

  /// What every page of interest breaks newly with each transition, up to a panic.
  static func findings(_ imported: Imported) throws -> Set<PageFinding> {
    let sites = imported.sites
    let entries = Dictionary(imported.rows.entries.map { ($0.seq, $0) }, uniquingKeysWith: { first, _ in first })
    let transitions = Dictionary(imported.rows.transitions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let generation = imported.facts.generation.value ?? .linux7_1
    var secure: Set<UInt64> = []
    var broken: [UInt64: Set<String>] = [:]
    var found: Set<PageFinding> = []
    var isOver = false
    _ = try Pipeline.replaying(imported) { replay in
      guard let entry = entries[replay.lastSeq], let site = sites[entry.site], site.kind == .end, !isOver else {
        return
      }
      if entry.outcome == TransitionOutcome.fatal.rawValue { isOver = true }
      if isOver { return }
      if let transition = entry.action.flatMap({ transitions[$0] }), entry.result == 0 {
        let pages =
          (transition.firstFrame?.rawValue ?? 0)..<(transition.firstFrame?.rawValue ?? 0) + transition.pageCount
        if transition.operation == .hostShareFFA { secure.formUnion(pages) }
        if transition.operation == .hostUnshareFFA { secure.subtract(pages) }
      }
      for page in RandomJournal.pages {
        let state = replay.image.ownership.holding(.host, PageFrame(page)).state
        if state != .sharedOwned { secure.remove(page) }
        let now = breaches(page, replay.image, generation, secure)
        for rule in now.subtracting(broken[page] ?? []) {
          // Some rules stand for two invariants.
          let id = String(rule.prefix { $0 != " " })
          found.insert(PageFinding(rule: id, seq: entry.seq.rawValue, page: page))
        }
        broken[page] = now
      }
    }
    return found
  }

  /// A finding page by page.
  static func perPage(_ finding: AuditFinding) -> [PageFinding] {
    RandomJournal.pages.filter { finding.pages?.contains(PageFrame($0)) ?? false }.map {
      PageFinding(rule: finding.rule, seq: finding.seq.rawValue, page: $0)
    }
  }

  private static func breaches(
    _ number: UInt64, _ image: MachineImage, _ generation: Generation, _ secure: Set<UInt64>
  ) -> Set<String> {
    let page = PageFrame(number)
    let host = image.ownership.holding(.host, page)
    let hyp = image.ownership.holding(.hyp, page).state
    var owners = 0
    var lenders = 0
    var borrowers = 0
    var mapped: [GuestPage] = []
    image.forEachGuestMapping(of: PageRange(page)) { place, _ in
      mapped.append(place)
      switch image.ownership.holding(place.space, place.page).state {
      case .owned: owners += 1
      case .sharedOwned: lenders += 1
      case .sharedBorrowed: borrowers += 1
      default: break
      }
    }
    var broken: Set<String> = []
    func must(_ rule: String, _ holds: Bool) { if !holds { broken.insert(rule) } }
    let isSecure = secure.contains(number)
    let isHostOwner = host.state == .owned || host.state == .sharedOwned
    must("I1", (isHostOwner ? 1 : 0) + (hyp == .owned || hyp == .sharedOwned ? 1 : 0) + owners + lenders == 1)
    let borrowsOfHost = (hyp == .sharedBorrowed ? 1 : 0) + borrowers + (isSecure ? 1 : 0)
    let isLentByHostToNobody = host.state == .sharedOwned && hyp != .sharedBorrowed && borrowers == 0
    if isLentByHostToNobody {
      must("I2 lent", isSecure)
    } else if hyp == .sharedOwned || lenders > 0 {
      must("I2 lent", host.state == .sharedBorrowed)
    }
    if borrowsOfHost > 0 { must("I2 borrowed", host.state == .sharedOwned) }
    if host.state == .sharedBorrowed { must("I2 borrowed", hyp == .sharedOwned || lenders > 0) }
    let kinds = [hyp == .sharedBorrowed, borrowers > 0, isSecure].count { $0 }
    if [.linux6_14, .linux6_16, .linux6_18, .linux7_1].contains(generation) {
      must("I3", kinds <= 1)
      let count = Int(image.ownership.shareCount(page) ?? 0)
      must("I5", count == borrowers && (count == 0 || host.state == .sharedOwned))
    }
    if host.annotation != .none { must("I6", host.state == .noPage) }
    if host.annotation == .hyp { must("I7", hyp == .owned) }
    if case .guest(let handle, let gfn) = host.annotation {
      let space = SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(handle.rawValue) - 0x1000)
      let place = GuestPage(space, gfn)
      must("I7", mapped.contains(place) && image.ownership.holding(space, gfn).state == .owned)
    }
    if hyp == .owned || owners > 0 { must("I8", host.state == .noPage) }
    if generation != .linux6_1 {
      let pins = Int(image.ownership.pins(page) ?? 0)
      if pins > 0, hyp != .owned { must("I9 pinned", hyp == .sharedBorrowed && host.state == .sharedOwned) }
      if [.linux6_16, .linux6_18, .linux7_1].contains(generation) {
        let isMapped = (image.leaf(.hypStage1, .hyp, at: page)?.raw ?? 0) & 1 == 1
        must("I9 mapped", isMapped == (hyp == .owned || hyp == .sharedOwned || hyp == .sharedBorrowed && pins > 0))
      }
    }
    return broken
  }
}

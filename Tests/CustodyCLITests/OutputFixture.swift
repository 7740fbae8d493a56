// Why: the commands that read are tested on one small journal, on a console that keeps what is written.

import Foundation
import Journal
import PageOwnership

@testable import CustodyCLI

/// A console that keeps what is written to it.
final class RecordingConsole {
  private(set) var output = ""
  private(set) var notes = ""
  private var own: Console?

  init(width: Int? = nil, isFull: Bool = false, isTerminal: Bool = false, hasColour: Bool = false) {
    own = Console(
      width: width, isFull: isFull, isTerminal: isTerminal, hasColour: hasColour,
      tell: { [unowned self] in notes += $0 },
      deliver: { [unowned self] in output += String(decoding: $0, as: UTF8.self) })
  }

  /// The console to write to.
  var console: Console {
    get throws {
      guard let own else { throw CommandFailure("no console", status: 1) }
      return own
    }
  }

  /// The lines of the output.
  var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A folder with a journal that goes away with it.
final class SmallJournal {
  static let first = SpaceID(rawValue: 3)
  static let second = SpaceID(rawValue: 4)
  private let folder: URL
  /// The journal.
  var path: String { folder.appendingPathComponent("custody.db").path }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("custody-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var facts = Facts()
    facts.generation = Known(.linux7_1, .recorded)
    facts.kernel = Known("7.3 \u{1b}[31mred", .inferred)
    let writer = try JournalWriter.create(at: path, facts: facts)
    try writer.append(Self.batch)
    try writer.commit(importState: "{}", isComplete: true)
    try writer.close()
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// A file in the folder.
  func file(_ name: String, _ text: String) throws -> String {
    let url = folder.appendingPathComponent(name)
    try Data(text.utf8).write(to: url)
    return url.path
  }

  // A1 ⊃ A2 ⊃ T3 (a share of two pages, completed); A1 ⊃ T4 (a donation to the second guest, refused);
  // T5, a guest's share under a call of its own: open after an apply.
  private static var batch: EntryBatch {
    var batch = EntryBatch()
    for (index, site) in sites.enumerated() { batch.sites.append((SiteID(rawValue: Int32(index + 1)), site)) }
    batch.spaces = [first, second].map { id in
      let space = Space(
        id: id, kind: .guest, handle: VMHandle(rawValue: 0x1000), incarnation: id.rawValue - 2, isProtected: true)
      return (space, SequenceNumber(1))
    }
    batch.activations = [
      activation(1, nil, .hypercall, "__pkvm_host_share_hyp", 1), activation(2, 1, .function, "inner", 2),
      activation(5, nil, .guestCall, "__pkvm_guest_share_host", 13),
    ]
    batch.activationEnds = [end(2, 7, nil, 0), end(1, 12, nil, -1)]
    batch.transitions = [
      transition(3, 2, .hostShareHyp, Endpoint(.host, 0x4816_3000), Endpoint(.hyp, nil), 2, 3),
      transition(4, 1, .hostDonateGuest, Endpoint(.host, 0x4900_0000), Endpoint(second, 0x8000_0000), 1, 9),
      transition(5, 5, .guestShareHost, Endpoint(first, 0x8000_1000), Endpoint(.host, 0x4a00_0000), 1, 13),
    ]
    batch.transitionEnds = [end(3, 6, .completed, 0), end(4, 11, .refused, -1, failed: 10)]
    batch.entries = entries
    batch.changes = [
      Change(
        seq: SequenceNumber(5), ordinal: 0, space: .host, table: .vmemmap,
        pages: PageRange(first: PageFrame(0x48163), count: 2), oldLevel: 3, newLevel: 3, old: 0, new: 0x100_0000,
        oldState: .owned, newState: .sharedOwned, owner: nil, isInferred: false)
    ]
    return batch
  }

  private static var sites: [Site] {
    var call = Site(.activation)
    call.kernelFunction = "__pkvm_host_share_hyp"
    var inner = call
    inner.kernelFunction = "inner"
    var callEnd = call
    callEnd.kind = .activationEnd
    func site(_ kind: EntryKind, _ operation: PageOwnership.Operation) -> Site {
      var site = Site(kind)
      site.operation = operation
      site.kernelFunction = operation.kernelFunctions[0]
      return site
    }
    var check = site(.check, .hostShareHyp)
    check.condition = .sourceIsOwned
    check.kernelStep = "__host_check_page_state_range"
    check.sourceLine = 1462
    check.expected = .owned
    check.skipped = "target is unmapped: only checked with EL2 debugging"
    var apply = site(.apply, .hostShareHyp)
    apply.effect = .lend
    apply.newState = .sharedOwned
    var refused = site(.check, .hostDonateGuest)
    refused.condition = .sourceIsOwned
    refused.expected = .owned
    var last = site(.apply, .guestShareHost)
    last.effect = .lend
    return [
      call, inner, callEnd, site(.begin, .hostShareHyp), check, apply, site(.end, .hostShareHyp),
      site(.begin, .hostDonateGuest), refused, site(.end, .hostDonateGuest), site(.begin, .guestShareHost), last,
      Site(.mark),
    ]
  }

  private static var entries: [Entry] {
    // site, action, outcome, result
    let rows: [(Int32, Int64?, UInt8?, Int64?)] = [
      (1, 1, nil, nil), (2, 2, nil, nil), (4, 3, nil, nil), (5, 3, CheckOutcome.passed.rawValue, 0), (6, 3, nil, 0),
      (7, 3, TransitionOutcome.completed.rawValue, 0), (3, 2, nil, 0), (13, nil, nil, 0x4001), (8, 4, nil, nil),
      (9, 4, CheckOutcome.failed.rawValue, -1), (10, 4, TransitionOutcome.refused.rawValue, -1), (3, 1, nil, -1),
      (11, 5, nil, nil), (12, 5, nil, nil),
    ]
    return rows.enumerated().map { index, row in
      var entry = Entry(seq: SequenceNumber(Int64(index + 1)), site: SiteID(rawValue: row.0))
      entry.action = row.1.map { ActionID($0) }
      entry.outcome = row.2
      entry.result = row.3
      entry.cpu = row.1 == 5 ? 1 : 0
      if [5, 6, 9].contains(row.0) {
        entry.space = .host
        entry.page = PageFrame(row.0 == 9 ? 0x49000 : 0x48163)
        entry.pageCount = row.0 == 9 ? 1 : 2
      }
      if row.0 == 5 { entry.found = .owned }
      if row.0 == 9 { entry.found = .sharedOwned }
      if row.0 == 9 { entry.note = "hostile \u{1b}[2J\u{202e} note" }
      if index == 2 { entry.time = 18_085_400_000 }
      return entry
    }
  }

  private static func activation(
    _ id: Int64, _ parent: Int64?, _ kind: ActivationKind, _ function: String, _ seq: Int64
  ) -> Activation {
    Activation(
      id: ActionID(id), parent: parent.map { ActionID($0) }, kind: kind, kernelFunction: function, cpu: 0,
      firstSeq: SequenceNumber(seq), registers: [0x48163, .max], arguments: "")
  }

  private static func transition(
    _ id: Int64, _ parent: Int64, _ operation: PageOwnership.Operation, _ source: Endpoint, _ target: Endpoint,
    _ count: UInt64,
    _ seq: Int64
  ) -> Transition {
    Transition(
      id: ActionID(id), activation: ActionID(parent), operation: operation, source: source, target: target,
      pageCount: count, cpu: 0, firstSeq: SequenceNumber(seq), arguments: "pfn=0x48163")
  }

  private static func end(
    _ id: Int64, _ seq: Int64, _ outcome: TransitionOutcome?, _ result: Int64, failed: Int64? = nil
  ) -> ActionEnd {
    ActionEnd(
      id: ActionID(id), lastSeq: SequenceNumber(seq), outcome: outcome, result: result,
      failedSeq: failed.map { SequenceNumber($0) })
  }
}

/// The exit status of what a body throws; 0 if it throws nothing.
func status(_ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch {
    return CommandFailure(error).status
  }
}

/// The JSON of a text. Throws if it is none.
func json(_ text: some StringProtocol) throws -> Any {
  try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
}

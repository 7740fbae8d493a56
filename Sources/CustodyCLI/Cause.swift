// Why: "which transition made it so, and when" is asked by owner, history and why: one entry, told in words.

import Journal
import PageOwnership

/// What happened at one entry.
struct Cause {
  /// The entry.
  var seq: SequenceNumber
  /// The words of the entry.
  var site: Site
  /// The transition that the entry belongs to.
  var transition: Transition?
  /// Which phase of the transition it is, from 1; nil if it is none.
  var phase: Int?
  /// Nanoseconds of the last line up to the entry that tells.
  var time: Int64?
  /// The CPU.
  var cpu: Int32?
  /// The entry's own remark.
  var note: String?
  /// Whether the entry and what was before it were pruned.
  var isPruned = false

  /// `T5537.5`, else what kind of entry it was.
  var name: String {
    guard let transition else { return kindWords }
    return "T\(transition.id.rawValue)" + (phase.map { ".\($0)" } ?? "")
  }

  /// `T5537 host_donate_guest`, else what kind of entry it was.
  var title: String {
    guard let transition else { return kindWords }
    return "T\(transition.id.rawValue) \(transition.operation.rawValue)"
  }

  /// `entry 19986, 18.1499 s, cpu 0`.
  var when: String {
    var words = ["entry \(seq.rawValue)" + (isPruned ? " or before" : "")]
    if let time { words.append(HexText.seconds(time, decimals: 4) + " s") }
    if let cpu { words.append("cpu \(cpu)") }
    return words.joined(separator: ", ")
  }

  private var kindWords: String {
    if isPruned { return "pruned" }
    switch site.kind {
    case .snapshot: return "seen in a snapshot"
    case .lost: return "lines are missing"
    case .op: return "a mapping made at boot"
    case .activation, .activationEnd: return "a call" + (site.kernelFunction.map { " of " + $0 } ?? "")
    default: return site.kind.rawValue
    }
  }
}

/// Finds causes; each entry is read once.
final class CauseFinder {
  private let context: ShowContext
  private let anchor: Anchor?
  private var known: [SequenceNumber: Cause] = [:]
  /// Times that somebody read anyhow: of an entry, that of the last line up to it that tells.
  var times: [SequenceNumber: Int64] = [:]

  init(_ context: ShowContext) {
    self.context = context
    anchor = context.anchor
  }

  /// What happened at an entry; nil if there is no such entry. Of the anchor all that can be told is that it was so.
  func cause(at seq: SequenceNumber) throws -> Cause? {
    if let found = known[seq] { return found }
    if let anchor, seq <= anchor.seq {
      return Cause(seq: anchor.seq, site: Site(.snapshot), time: anchor.time, isPruned: true)
    }
    var entry: Entry?
    try context.reader.forEachEntry(from: seq, through: seq) { frame in
      entry = frame.entry
      return false
    }
    guard let entry, let site = context.sites[entry.site] else { return nil }
    var cause = Cause(seq: seq, site: site, cpu: entry.cpu, note: entry.note)
    cause.time = try times[seq] ?? context.reader.time(upTo: seq)
    if site.operation != nil, let action = entry.action {
      cause.transition = try context.reader.transition(action)?.0
      cause.phase = try phase(seq, site, action)
    }
    known[seq] = cause
    return cause
  }

  private func phase(_ seq: SequenceNumber, _ site: Site, _ action: ActionID) throws -> Int? {
    guard site.kind == .check || site.kind == .apply else { return nil }
    var count = 0
    try context.reader.forEachEntry(of: action) { frame in
      if let kind = context.sites[frame.entry.site]?.kind, kind == .check || kind == .apply { count += 1 }
      return frame.entry.seq < seq
    }
    return count
  }
}

/// The words of what spaces say.
struct HoldingWords {
  private let context: ShowContext

  init(_ context: ShowContext) { self.context = context }

  /// `NOPAGE, names guest:0x1000#4/0x4000f000`.
  ///
  /// - Parameter named: the guest page that the annotation means, if it names one that lived.
  func text(_ holding: Holding, named: (space: SpaceID, page: PageFrame)?) -> String {
    switch holding.annotation {
    case .none, .unknown: return holding.state.name
    case .locked: return holding.state.name + ", LOCKED (break-before-make)"
    case .guest(_, let gfn):
      let guest = named.map { place($0.space, $0.page) } ?? holding.annotation.name + "/" + HexText.hex(gfn.address)
      return "\(holding.state.name), names \(guest)"
    default: return "\(holding.state.name), names \(holding.annotation.name)"
    }
  }

  /// `guest:0x1000#4/0x4000f000`.
  func place(_ space: SpaceID, _ page: PageFrame) -> String { context.name(space) + "/" + HexText.hex(page.address) }
}

// Why: findings, blind spots and steps back in a page's life in words, the same for text and for programs.

import Analysis
import Journal
import PageOwnership
import PageTables

/// The words of what an inquiry found.
struct WhyWords {
  private let context: ShowContext
  private let transition: Transition
  private let holdings: HoldingWords
  private let guests: [VMHandle: SpaceID]

  init(_ why: WhyStory) throws {
    context = why.story.context
    transition = why.story.transition
    holdings = HoldingWords(context)
    let begin = why.story.transition.firstSeq
    let lives = try context.reader.spaces().filter { $0.bornSeq <= begin && ($0.diedSeq.map { $0 > begin } ?? true) }
    guests = Dictionary(lives.compactMap { life in life.space.handle.map { ($0, life.space.id) } }) { $1 }
  }

  /// `NOPAGE, names guest:0x1001#2/0x40004000`, or what else was found.
  func found(_ finding: Finding) -> String {
    switch finding {
    case .holding(_, _, let holding): return state(holding)
    case .pins(_, let count): return count == 1 ? "1 pin" : "\(count) pins"
    case .shareCount(_, let count): return "lent to \(count) guest\(count == 1 ? "" : "s")"
    case .guestLeaf(_, let leaf, let state): return guestLeaf(leaf, state)
    case .hostLeaf(_, let leaf, let annotation): return hostLeaf(leaf, annotation)
    case .deadGuest(_, let handle):
      return "names guest:\(HexText.hex(UInt64(handle.rawValue))), and no such guest lives"
    case .region(_, let kind): return kind.map { $0 == .memory ? "memory" : "\($0.rawValue)" } ?? "not memory"
    case .regionBorder(let page): return "the range leaves its region at \(HexText.hex(page.address))"
    case .frames(let first, let count, let limit):
      return "frames \(HexText.hex(first))\(HexText.times(count)), there are \(HexText.hex(limit))"
    case .size(let count, let isAligned):
      return count == 512
        ? (isAligned ? "an aligned block" : "512 pages, not aligned")
        : "\(count) page"
          + (count == 1 ? "" : "s")
    case .permissions(let bits, let allowed): return "\(HexText.hex(bits)), allowed are \(HexText.hex(allowed))"
    case .beyondGuest: return "beyond the guest's address space"
    }
  }

  /// What a space says of a page.
  func state(_ holding: Holding) -> String {
    guard case .guest(let handle, let gfn) = holding.annotation, let space = guests[handle] else {
      return holdings.text(holding, named: nil)
    }
    return holdings.text(holding, named: (space, gfn))
  }

  private func guestLeaf(_ leaf: LeafWord, _ state: PageState) -> String {
    if state == .poison { return "POISON" }
    guard leaf.raw & 1 == 1 else { return leaf.raw == 0 ? "nothing mapped" : "no mapping, \(HexText.hex(leaf.raw))" }
    return leaf.level == 3 ? state.name : "a block of \(MachineImage.pagesPerLeaf(leaf.level)) pages, \(state.name)"
  }

  private func hostLeaf(_ leaf: LeafWord, _ annotation: OwnerAnnotation) -> String {
    if leaf.raw == 0 { return "nothing mapped" }
    guard leaf.raw & 1 == 1 else { return state(Holding(.noPage, annotation)) }
    return "mapped already, L\(leaf.level) \(HexText.hex(leaf.raw))"
  }

  /// `host 0x48128000`, where the finding was made; empty if it is about no page.
  func place(_ finding: Finding) -> String {
    switch finding {
    case .holding(let space, let page, _):
      return space.isGuest ? holdings.place(space, page) : context.name(space) + " " + HexText.hex(page.address)
    case .pins(let page, _): return "hyp " + HexText.hex(page.address)
    case .shareCount(let page, _), .hostLeaf(let page, _, _), .deadGuest(let page, _), .region(let page, _):
      return "host " + HexText.hex(page.address)
    case .guestLeaf(let place, _, _), .beyondGuest(let place): return holdings.place(place.space, place.page)
    case .regionBorder, .frames, .size, .permissions: return ""
    }
  }

  /// `, page 2 of 4`, where a range was checked page by page.
  func ordinal(_ finding: Finding) -> String {
    guard transition.pageCount > 1 else { return "" }
    switch finding {
    case .holding(let space, let page, _):
      return ordinal(page, space.isGuest ? transition.guestPage?.page : transition.firstFrame)
    case .pins(let page, _), .shareCount(let page, _): return ordinal(page, transition.firstFrame)
    default: return ""
    }
  }

  private func ordinal(_ page: PageFrame, _ first: PageFrame?) -> String {
    guard let first, page >= first, page.rawValue - first.rawValue < transition.pageCount else { return "" }
    return ", page \(page.rawValue - first.rawValue + 1) of \(transition.pageCount)"
  }

  /// What a condition that nobody verified would have found.
  ///
  /// - Parameter isShown: Whether what was found stands beside it anyhow.
  func wouldHave(_ judgement: Judgement?, isShown: Bool = false) -> String {
    guard let judgement else { return "cannot be told" }
    let found =
      isShown
      ? nil : judgement.finding.map { [place($0), self.found($0)].filter { !$0.isEmpty }.joined(separator: " is ") }
    switch judgement.verdict {
    case .holds: return "it would have passed" + (found.map { ": " + $0 } ?? "")
    case .fails:
      let errno = judgement.result.map { " " + HexText.result($0) } ?? ""
      return "it would have FAILED\(errno)" + (found.map { ": " + $0 } ?? "")
    case .unknown(let why): return "what it would have found cannot be told: \(why.rawValue)"
    }
  }

  /// What explains a refusal that no phase accounts for.
  func unrecorded(_ cause: UnrecordedCause) -> String {
    switch cause {
    case .protectedGuest(let space): "\(context.name(space)) is protected: its mappings are not the host's to change"
    case .permissions(let bits, let allowed):
      "the permissions \(HexText.hex(bits)) have bits beyond \(HexText.hex(allowed))"
    case .notMemory(let page): "\(HexText.hex(page.address)) is not memory"
    }
  }

  /// `T6012.4 host_donate_guest, entry 21840, 20.4312 s, cpu 0`.
  func title(_ cause: Cause) -> String {
    let name = cause.transition.map { "\(cause.name) \($0.operation.rawValue)" } ?? cause.name
    return "\(name), \(cause.when)"
  }

  /// The sentence of an operation and what called it: the one-line why of an earlier transition.
  func sentence(_ cause: Cause) throws -> String? {
    guard let transition = cause.transition else { return nil }
    let called = try transition.activation.flatMap { try context.reader.activation($0)?.0 }
    let caller = called.map { ", for A\($0.id.rawValue) \(DisplayText.escaped($0.kernelFunction))" } ?? ""
    return transition.operation.sentence + caller
  }
}

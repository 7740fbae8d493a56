// Why: a transition that a journal ends inside leaves pages between two owners: owner, history and why say of each
// page what is done and what is not, in the same words.

import Analysis
import Journal
import PageOwnership

/// The words of half-done pages.
struct HalfDoneWords {
  private let context: ShowContext

  init(_ context: ShowContext) { self.context = context }

  /// What is half done of an open or fatal transition: a line a run of pages.
  func lines(_ why: WhyStory) throws -> [String] {
    let views = why.inquiry.views
    guard !why.ownEvents.isEmpty || why.story.entries.contains(where: { !$0.frame.changes.isEmpty }) else {
      return ["nothing: it had changed nothing yet"]
    }
    var runs: [(first: PageFrame, count: UInt64, text: String)] = []
    for view in views {
      let text = page(view, isMapped: why.inquiry.mappedByHyp.contains(view.page))
      if let last = runs.last, last.text == text {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((view.page, 1, text))
      }
    }
    guard views.count > 1, let start = views.first?.page.rawValue else { return runs.map(\.text) }
    return runs.map { run in
      let first = run.first.rawValue - start + 1
      let last = first + run.count - 1
      let name = run.count == 1 ? "page \(first) of \(views.count)" : "pages \(first) to \(last) of \(views.count)"
      let subject = run.count == views.count ? "all pages" : name
      return "\(subject), \(HexText.pages(run.first.address, run.count)): \(run.text)"
    }
  }

  /// `T4634 host_donate_hyp, after .4 "own": host and hyp both own it`, of a page that a transition is inside of at a
  /// moment; nil if the page looks whole, or no transition is at it.
  func inside(_ view: PageView, at seq: SequenceNumber) throws -> String? {
    guard looksHalfDone(view) else { return nil }
    var filter = LogFilter()
    filter.page = (nil, view.page)
    var found: ActionID?
    try TransitionLog(context.reader).forEach(filter) { line in
      let isOver = line.end.map { $0.lastSeq <= seq && $0.outcome != .fatal } ?? false
      if line.transition.firstSeq <= seq, !isOver { found = line.transition.id }
    }
    guard let found, let story = try TransitionStory(context, found) else { return nil }
    let last = story.entries.last { $0.phase != nil && $0.entry.seq <= seq }
    let what = last.flatMap { $0.site.effect?.rawValue ?? $0.site.condition?.rawValue ?? $0.site.kernelStep }
    let place = last.flatMap(\.phase).map { ", after .\($0) \"\(what ?? "")\"" } ?? ", before its first phase"
    return "T\(found.rawValue) \(story.transition.operation.rawValue)\(place): \(page(view))"
  }

  private func looksHalfDone(_ view: PageView) -> Bool {
    switch view.owner {
    case .two: return true
    case .nobody: return context.facts.isMemory(view.page) != false
    case .one, .unknown: break
    }
    if view.host.annotation == .locked { return true }
    return view.namedGuest.map { named in !view.guests.contains { $0.place == named } } ?? false
  }

  /// Who has the page, and what its tables say besides.
  ///
  /// - Parameter isMapped: Whether the hypervisor's own table maps it; nil if that was not looked at.
  func page(_ view: PageView, isMapped: Bool? = nil) -> String {
    var parts: [String] = [owner(view)]
    switch view.host.annotation {
    case .locked: parts.append("the host's leaf is LOCKED (break-before-make)")
    case .hyp where view.host.state.isOwning:
      parts.append("the host's leaf names hyp, its state is not written yet")
    default: break
    }
    if view.hyp.state == .owned, isMapped == false { parts.append("hyp does not map it yet") }
    return parts.joined(separator: "; ")
  }

  private func owner(_ view: PageView) -> String {
    switch view.owner {
    case .one(let space): "\(context.name(space)) owns it"
    case .nobody: nobody(view)
    case .two(let spaces): spaces.map(context.name).joined(separator: " and ") + " both own it"
    case .unknown: "its owner was not seen"
    }
  }

  // Given up and not yet taken: whoever is named does not have it.
  private func nobody(_ view: PageView) -> String {
    switch view.host.annotation {
    case .hyp: "nobody's table has it: the host's names hyp, and hyp's says \(view.hyp.state.name)"
    case .guest: "nobody's table has it: the host's names a guest, which does not map it"
    default: "nobody's table has it: host \(view.host.state.name), hyp \(view.hyp.state.name)"
    }
  }
}

// Why: one sentence for each way in which a transition can end, with what decided it.

import Analysis
import PageOwnership

/// The sentence that follows the outcome's word.
struct WhyVerdict {
  private let why: WhyStory
  private let words: WhyWords

  init(_ why: WhyStory, _ words: WhyWords) {
    self.why = why
    self.words = words
  }

  private var story: TransitionStory { why.story }

  /// ` -EPERM: .1 "source is owned" failed at host 0x48128000: NOPAGE, names …`
  var text: String {
    switch story.outcome {
    case .refused: return result + ": " + (decided ?? "no phase of the journal says why")
    case .noEffect: return ": " + (decided ?? "it has no result and changed nothing")
    case .completed: return result + (decided.map { ", though " + $0 } ?? "")
    case .open: return ": the journal ends inside" + lastStep
    case .fatal: return ": the hypervisor panicked inside" + lastStep
    }
  }

  private var result: String {
    guard let result = story.end?.result else { return ", no result" }
    return result < 0 ? " " + HexText.result(result) : ", result \(result)"
  }

  /// What decided, or failed though it did not decide.
  private var decided: String? {
    if let check = why.decided, check.outcome == .failed { return failed(check) }
    if let apply = why.failedApply, let result = apply.entry.result {
      let name = apply.site.effect?.rawValue ?? apply.site.kernelStep ?? "an apply"
      let place = apply.phase.map { ".\($0) " } ?? ""
      return "\(place)\"\(name)\" returned \(HexText.result(result)) and changed nothing" + nothingThere(result)
    }
    return why.unrecorded.map { words.unrecorded($0) + "; no phase records that" }
  }

  // Changing the attributes of a mapping that is not there.
  private func nothingThere(_ result: Int64) -> String {
    guard let view = why.inquiry.guestViews.first else { return "" }
    let place = HoldingWords(story.context).place(view.place.space, view.place.page)
    switch (result, view.holding.state) {
    case (-34, _): return ": \(place) lies beyond the guest's address space"
    case (-2, .noPage), (-11, .noPage): return ": nothing is mapped at \(place)"
    default: return ""
    }
  }

  private func failed(_ check: CheckReview) -> String {
    let name = ".\(check.phase) \"\(check.site.condition?.rawValue ?? check.site.kernelStep ?? "?")\""
    let errno = story.end?.result != check.entry.result ? check.entry.result.map { " " + HexText.result($0) } : nil
    var text = name + " failed" + (errno ?? "")
    if let finding = check.judgement?.finding, check.judgement?.verdict == .fails {
      let place = words.place(finding)
      text += (place.isEmpty ? "" : " at \(place)" + words.ordinal(finding)) + ": " + words.found(finding)
    } else if case .unknown(let blindness)? = check.judgement?.verdict {
      text += "; what it found cannot be told: " + blindness.rawValue
    }
    return text + (meaning(check).map { ". " + $0 } ?? "")
  }

  // What is not plain from the words of condition and errno.
  private func meaning(_ check: CheckReview) -> String? {
    guard let finding = check.judgement?.finding else { return nil }
    switch (story.transition.operation, finding) {
    case (.hostReclaimGuest, .guestLeaf(_, _, .poison)) where story.outcome == .completed:
      return "A poisoned address has no page left to take: reclaim answers 0"
    case (_, .guestLeaf(_, _, .poison)): return "The page was taken from the guest by force"
    case (.hostFault, .hostLeaf(_, let leaf, _)) where leaf.raw & 1 == 1:
      return "Somebody mapped it before this fault took the lock, so there was nothing left to do"
    case (.hostFault, .hostLeaf): return "The host touched a page that is not its own: it gets an abort"
    case (.guestShareHost, .guestLeaf(_, let leaf, _)) where leaf.raw & 1 == 0,
      (.guestUnshareHost, .guestLeaf(_, let leaf, _)) where leaf.raw & 1 == 0:
      return "The host has not given the guest a page for this address"
    default: return nil
    }
  }

  private var lastStep: String {
    guard let last = story.lastStep else { return ", before its first phase" }
    if last.site.kind == .torn {
      let before = story.entries.last { $0.phase != nil }
      let words = before.map {
        ", after .\($0.phase ?? 0) \"\($0.site.effect?.rawValue ?? $0.site.condition?.rawValue ?? "")\""
      }
      return (words ?? "") + ", in the middle of the next apply (entry \(last.entry.seq.rawValue))"
    }
    let name = last.phase.map { ".\($0)" } ?? "entry \(last.entry.seq.rawValue)"
    let what = last.site.condition?.rawValue ?? last.site.effect?.rawValue ?? last.site.kind.rawValue
    return ", after \(name) \"\(what)\"" + (story.isInDoubt(last) ? " (whether that was done is in doubt)" : "")
  }
}

/// What all spaces say of the pages that a transition left as they were.
struct WhyStates {
  private let why: WhyStory
  private let words: WhyWords

  init(_ why: WhyStory, _ words: WhyWords) {
    self.why = why
    self.words = words
  }

  /// A line a run of pages with equal states; the first four.
  var lines: [String] {
    var runs: [(first: PageFrame, count: UInt64, text: String)] = []
    for (index, view) in why.inquiry.views.enumerated() {
      var parts = ["host " + words.state(view.host), "hyp " + words.state(view.hyp)]
      if index < why.inquiry.guestViews.count { parts.append(guest(why.inquiry.guestViews[index])) }
      add(&runs, view.page, parts.joined(separator: "; "))
    }
    if runs.isEmpty {
      for view in why.inquiry.guestViews { add(&runs, view.place.page, guest(view)) }
    }
    let isOne = why.story.transition.pageCount <= 1
    let lines = runs.prefix(4).map { isOne ? $0.text : HexText.pages($0.first.address, $0.count) + "  " + $0.text }
    return runs.count > 4 ? lines + ["… \(runs.count - 4) more"] : lines
  }

  private func guest(_ view: GuestView) -> String {
    let gone = view.holding.state == .unknown ? "not seen" : view.holding.state.name
    return why.story.context.name(view.place.space) + " " + gone
  }

  private func add(_ runs: inout [(first: PageFrame, count: UInt64, text: String)], _ page: PageFrame, _ text: String) {
    if let last = runs.last, last.text == text, last.first.advanced(by: last.count) == page {
      runs[runs.count - 1].count += 1
    } else {
      runs.append((page, 1, text))
    }
  }
}

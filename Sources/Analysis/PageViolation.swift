// Why: recovery claims that its pages are whole again; this checks the claim by what must hold of one page
// between transitions (spec §10: I1, I2, I5 to I9), as far as tables tell. Not here: histories (audit).

package import PageOwnership
import PageTables

/// A page of which the tables say what cannot be.
package struct PageViolation: Hashable, Sendable {
  /// The transition whose page it is.
  package var transition: ActionID
  /// The physical page.
  package var page: PageFrame
  /// What does not hold, in words.
  package var message: String
}

extension PageViolation {
  /// Judges the physical pages of a transition on a machine.
  static func find(
    _ progress: TransitionProgress, _ image: MachineImage, _ evidence: ProgressEvidence
  ) -> [PageViolation] {
    let living = LivingGuests(evidence.spaces, in: image)
    return progress.pages.flatMap { run -> [PageViolation] in
      guard let first = run.page else { return [] }
      let pages = PageRange(first: first, count: run.pageCount)
      var mappings: [PageFrame: [GuestPage]] = [:]
      image.forEachGuestMapping(of: pages) { mappings[$1, default: []].append($0) }
      return pages.frames.flatMap { page in
        let view = image.view(of: page, mappings: mappings[page] ?? [], guests: living)
        let problems = PageRules(view, image, evidence, lendsToSecureWorld: progress.transition.lendsToSecureWorld)
          .problems
        return problems.map { PageViolation(transition: progress.transition.id, page: page, message: $0) }
      }
    }
  }
}

/// What must hold of one page.
private struct PageRules {
  let view: PageView
  let image: MachineImage
  let evidence: ProgressEvidence
  /// The borrower of such a page has no table of its own.
  let lendsToSecureWorld: Bool

  init(_ view: PageView, _ image: MachineImage, _ evidence: ProgressEvidence, lendsToSecureWorld: Bool) {
    self.view = view
    self.image = image
    self.evidence = evidence
    self.lendsToSecureWorld = lendsToSecureWorld
  }

  var problems: [String] {
    if view.host.annotation == .locked { return ["the host's descriptor is locked"] }
    if evidence.facts.isMemory(view.page) == false { return [] }
    return ownerProblems + hostProblems + hypProblems + guestProblems
  }

  private var ownerProblems: [String] {
    switch view.owner {
    case .nobody: ["nobody owns it"]
    case .two(let owners): ["\(owners.count) spaces own it"]
    case .one, .unknown: []
    }
  }

  private var borrowers: Int { view.guests.count { $0.holding.state == .sharedBorrowed } }

  private var hostProblems: [String] {
    var problems: [String] = []
    switch view.host.state {
    case .owned, .sharedOwned, .sharedBorrowed:
      if view.host.annotation != .none { problems.append("the host holds it and names \(view.host.annotation.name)") }
    case .noPage where view.host.annotation == .none: problems.append("the host does not hold it and names nobody")
    default: break
    }
    if view.host.state == .sharedOwned, view.hyp != .unknown, view.hyp.state != .sharedBorrowed, borrowers == 0,
      !lendsToSecureWorld
    {
      problems.append("the host lent it to nobody")
    }
    if let count = view.shareCount, Int(count) != borrowers, isCounted {
      problems.append("\(count) guests are said to borrow it, \(borrowers) do")
    }
    return problems
  }

  // Guests whose tables were never seen may borrow too.
  private var isCounted: Bool { image.isEveryGuestKnown }

  private var hypProblems: [String] {
    var problems: [String] = []
    let isNamed = view.host.annotation == .hyp
    if view.hyp.state == .owned, view.host.state == .noPage, !isNamed {
      problems.append("the hypervisor owns it and the host does not say so")
    }
    if isNamed, view.hyp.state != .unknown, view.hyp.state != .owned {
      problems.append("the host names the hypervisor, which does not own it")
    }
    if view.hyp.state == .sharedBorrowed, view.host.state != .sharedOwned, view.host.state != .unknown {
      problems.append("the hypervisor borrows it and the host did not lend it")
    }
    let leaf = image.leaf(.hypStage1, .hyp, at: view.page)
    if view.hyp.state == .owned, let leaf, leaf.raw & 1 == 0 { problems.append("the hypervisor's page is not mapped") }
    if view.hyp.state == .noPage, let leaf, leaf.raw & 1 == 1 { problems.append("the hypervisor maps it") }
    if let pins = view.pins, pins > 0, view.hyp.state == .noPage { problems.append("it is pinned") }
    return problems
  }

  private var guestProblems: [String] {
    var problems: [String] = []
    if let named = view.namedGuest, !view.guests.contains(where: { $0.place == named && $0.holding.state == .owned }) {
      problems.append("the host names a guest that does not own it")
    }
    for guest in view.guests {
      switch (guest.holding.state, view.host.state) {
      case (.owned, .noPage) where view.namedGuest == guest.place, (.owned, .unknown), (.sharedOwned, .unknown),
        (.sharedBorrowed, .unknown):
        break
      case (.owned, _): problems.append("a guest owns it and the host does not say so")
      case (.sharedOwned, .sharedBorrowed): break
      case (.sharedOwned, _): problems.append("a guest lent it and the host does not borrow it")
      case (.sharedBorrowed, .sharedOwned): break
      case (.sharedBorrowed, _): problems.append("a guest borrows it and the host did not lend it")
      default: break
      }
    }
    return problems
  }
}

extension Transition {
  fileprivate var lendsToSecureWorld: Bool { source.space == .ffa || target.space == .ffa }
}

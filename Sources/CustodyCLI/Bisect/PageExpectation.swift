// Why: what a page is expected to be, as typed, and whether it is so in a state. Not here: where states come from.

import Analysis
import ArgumentParser
import Journal
import PageOwnership

/// `OWNED`, `hyp=SHARED_BORROWED`, `guest:0x1000#1=OWNED`, `owner=guest:0x1000#1`, `pins=1`, `shares=0`.
enum PageExpectation: ExpressibleByArgument, Equatable {
  /// A space, by its name, holds the page in a state; without a space the one that the page was named in.
  case state(space: String?, PageState)
  /// Who owns the page; `nobody` if none does.
  case owner(String)
  case pins(UInt32)
  case shares(UInt32)

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    switch (parts.first, parts.count) {
    case (let word?, 1):
      guard let state = PageState(name: word.uppercased()) else { return nil }
      self = .state(space: nil, state)
    case ("owner"?, 2): self = .owner(parts[1])
    case ("pins"?, 2):
      guard let count = UInt32(parts[1]) else { return nil }
      self = .pins(count)
    case ("shares"?, 2):
      guard let count = UInt32(parts[1]) else { return nil }
      self = .shares(count)
    case (let space?, 2):
      guard let state = PageState(name: parts[1].uppercased()) else { return nil }
      self = .state(space: space, state)
    default: return nil
    }
  }
}

/// Expectations of one page of a journal.
struct PagePredicate {
  private let lives: [SpaceLife]
  private let place: GuestPage
  private let expectations: [PageExpectation]

  /// Throws a ``CommandFailure`` with status 2 for a space that the journal does not have.
  init(_ reader: JournalReader, _ place: GuestPage, _ expectations: [PageExpectation]) throws {
    lives = try reader.spaces()
    self.place = place
    self.expectations = expectations
    for case .state(let space?, _) in expectations where !lives.contains(where: { $0.space.name == space }) {
      throw CommandFailure(
        "\(reader.path) has no space \(DisplayText.escaped(space))",
        hint: "spaces are host, hyp, or as guest:0x1000#1; `custody sql \"SELECT name FROM space\"` lists them",
        status: ExitStatus.usage)
    }
  }

  /// Whether all expectations are met in a state; skip if that depends on something unknown.
  func verdict(_ state: OwnershipState) -> BisectVerdict {
    let answers = expectations.map { isMet($0, state) }
    if answers.contains(false) { return .good }
    return answers.contains(nil) ? .skip : .bad
  }

  private func isMet(_ expectation: PageExpectation, _ state: OwnershipState) -> Bool? {
    switch expectation {
    case .state(let name, let wanted):
      let space = name.flatMap { name in lives.first { $0.space.name == name }?.space.id } ?? place.space
      // A guest that does not live holds nothing.
      guard state.spaces.contains(space) else { return wanted == .noPage }
      let found = state.holding(space, place.page).state
      return found == .unknown ? nil : found == wanted
    case .owner(let wanted):
      switch state.owner(of: place.page, guest: { guest($0, state) }) {
      case .one(let space): return lives.first { $0.space.id == space }?.space.name == wanted
      case .nobody: return wanted == "nobody"
      case .two: return wanted == "two"
      case .unknown: return nil
      }
    case .pins(let wanted): return state.pins(place.page).map { $0 == wanted }
    case .shares(let wanted): return state.shareCount(place.page).map { $0 == wanted }
    }
  }

  // Handles are given away again: of those that live there is one.
  private func guest(_ host: Holding, _ state: OwnershipState) -> SpaceID? {
    guard case .guest(let handle, _) = host.annotation else { return nil }
    return lives.first { $0.space.handle == handle && state.spaces.contains($0.space.id) }?.space.id
  }
}

// Why: what changed of a page, in words that history and why share.

import Analysis
import PageOwnership

/// The words of changes.
struct EventWords {
  private let context: ShowContext
  private let words: HoldingWords

  init(_ context: ShowContext) {
    self.context = context
    words = HoldingWords(context)
  }

  /// `guest:0x1000#4/0x4000f000`.
  func place(_ place: GuestPage) -> String { words.place(place.space, place.page) }

  /// `host OWNED → NOPAGE, names guest:0x1000/0x4000f000`.
  func text(_ event: PageEvent) -> String {
    switch event.aspect {
    case .guest(let guest) where event.before == .gone: "\(place(guest)) \(value(event.after)) since the guest's birth"
    case .holding(let space): "\(context.name(space)) \(value(event.before)) → \(value(event.after))"
    case .guest(let guest): "\(place(guest)) \(value(event.before)) → \(value(event.after))"
    case .pins: "pins \(value(event.before)) → \(value(event.after))"
    case .shareCount: "lent to guests: \(value(event.before)) → \(value(event.after))"
    }
  }

  /// The state or count alone.
  func value(_ value: AspectValue) -> String {
    switch value {
    case .holding(let holding, let named, _): words.text(holding, named: named.map { ($0.space, $0.page) })
    case .count(let count): count.map { "\($0)" } ?? "unknown"
    case .gone: "no guest"
    }
  }

  /// Whether the page left the guest with this change.
  func endsThere(_ event: PageEvent) -> Bool {
    switch event.after {
    case .gone: true
    case .holding(_, _, let isMapped): !isMapped
    case .count: false
    }
  }

  /// What becomes poison or unknown is set off.
  func ink(_ event: PageEvent) -> Console.Ink? {
    guard case .holding(let holding, _, _) = event.after else { return nil }
    if holding.state == .poison { return .red }
    return holding.state == .unknown || holding.annotation == .locked ? .yellow : nil
  }

  /// `1.5464 s`, `12 min 3 s` never: seconds are what recordings count in.
  static func duration(_ nanoseconds: Int64) -> String { HexText.seconds(nanoseconds, decimals: 4) + " s" }
}

extension PageEvent {
  /// Whether a reader learns something: becoming known to be what everything is (an absent annotation of an unknown
  /// state, counts that were never known and are none now) is no news.
  var tells: Bool {
    if case .holding(let before, _, _) = before, case .holding(let after, _, _) = after {
      return before.state != .unknown || after.state != .unknown
    }
    return !(before == .count(nil) && after == .count(0))
  }
}

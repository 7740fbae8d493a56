// Why: what each apply step makes of a page's standing, in every generation; a step is done where the page
// stands as after it. Not here: the order of steps (TransitionRules) and raw words (RecoveryWords).

import PageOwnership
import PageTables
import TransitionRules

/// One thing that tables say of a page.
enum StandingField: CaseIterable {
  case hostState, hostOwner, hostMapping, hypState, hypMapping, guestState, pins, shareCount
}

extension PageStanding {
  /// The fields in which two standings differ.
  func fields(differingFrom other: PageStanding) -> [StandingField] {
    StandingField.allCases.filter { !agrees(with: other, in: $0) }
  }

  func agrees(with other: PageStanding, in field: StandingField) -> Bool {
    switch field {
    case .hostState: host.state == other.host.state
    case .hostOwner: host.annotation == other.host.annotation
    case .hostMapping: isMappedAtHost == other.isMappedAtHost
    case .hypState: hyp == other.hyp
    case .hypMapping: isMappedAtHyp == other.isMappedAtHyp
    case .guestState: guest == other.guest
    case .pins: pins == other.pins
    case .shareCount: shareCount == other.shareCount
    }
  }

  /// Whether a field was not seen.
  func isUnknown(_ field: StandingField) -> Bool {
    switch field {
    case .hostState: host.state == .unknown
    case .hostOwner: host.annotation == .unknown
    case .hostMapping: isMappedAtHost == nil
    case .hypState: hyp == .unknown
    case .hypMapping: isMappedAtHyp == nil
    case .guestState: guest == .unknown
    case .pins: pins == nil
    case .shareCount: shareCount == nil
    }
  }

  /// How the page stands after a step.
  ///
  /// - Parameter newOwner: whom the host's table names where the host gives the page away.
  func after(_ step: ApplyRule, _ generation: Generation, newOwner: OwnerAnnotation) -> PageStanding {
    var next = self
    guard isDue(step.occasion) else { return next }
    switch step.store {
    case .hostMapping, .hostOwner, .hostState, .hostStateAlone, .shareCount:
      next.changeHost(step, generation, newOwner)
    case .hypMapping, .hypUnmapping, .hypState, .references: next.changeHyp(step, TableEncoding(generation))
    case .guestMapping, .guestUnmapping, .guestPoison: next.guest = step.newState ?? guest
    case .guestPermissions, .guestWriteProtection, .guestAge, .guestYouth, .guestPoisonQuery, .contents, .nothing: break
    }
    return next
  }

  private func isDue(_ occasion: ApplyOccasion) -> Bool {
    switch occasion {
    case .always: true
    case .ifHostOwns: host.state == .owned
    case .ifGuest(let state): guest == state
    case .ifReferencedOnce: pins == 1
    case .ifNoGuestBorrows: shareCount == 0
    }
  }

  private mutating func changeHyp(_ step: ApplyRule, _ encoding: TableEncoding) {
    switch step.store {
    case .references(let count): pins = pins.map { UInt32(clamping: Int64($0) + Int64(count)) }
    case .hypState: hyp = step.newState ?? hyp
    default:
      isMappedAtHyp = step.store == .hypMapping
      if encoding.keepsHypStateInDescriptors { hyp = step.newState ?? hyp }
    }
  }

  private mutating func changeHost(_ step: ApplyRule, _ generation: Generation, _ newOwner: OwnerAnnotation) {
    switch step.store {
    case .shareCount(let count): shareCount = shareCount.map { UInt32(clamping: Int64($0) + Int64(count)) }
    case .hostStateAlone: host.state = step.newState ?? host.state
    case .hostOwner(.host):
      host = Holding(.owned)
      // Before 7.1 the host's table says nothing until the host touches the page.
      isMappedAtHost = generation == .linux7_1
    case .hostOwner:
      host = Holding(.noPage, newOwner)
      isMappedAtHost = false
    default:
      // Where only the state is written, pages without access are mapped first.
      if step.store == .hostMapping || host.state == .noPage {
        isMappedAtHost = true
        host.annotation = .none
      }
      host.state = step.newState ?? host.state
    }
  }
}

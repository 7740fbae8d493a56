// Why: one step of a scenario as a value, with the one table of what each step is called and takes: the names
// and the order of arguments are those of the conformance vectors. Not here: reading text (ScenarioText) and
// JSON (ScenarioReader), and performing (TransitionRules).

package import PageOwnership

/// What a step does.
package enum ScenarioAction: Hashable, Sendable {
  /// An attempt to change ownership, or an edit of a guest's mapping.
  case operation(Operation)
  /// Drops the host's mappings of device space. The corresponding kernel function is `host_stage2_unmap_dev_all`.
  case unmapDevices
  /// Takes a guest out of the table of VMs.
  case unpublish
  /// Destroys a guest's tables. The vectors' name is `vm_teardown_pgtable`.
  case destroyTables
}

/// An argument of a step.
package enum ScenarioArgument: Hashable, Sendable {
  /// A number.
  case number(UInt64)
  /// Permissions by letter: some of `r`, `w`, `x`, `d` (device), `n` (not cached) and `s` (a software bit).
  case permissions(String)
}

/// One step of a scenario.
package struct ScenarioStep: Hashable, Sendable {
  /// What it does.
  package var action: ScenarioAction
  /// Its arguments, as many and in the order of ``ScenarioAction/parameters``.
  package var arguments: [ScenarioArgument]
  /// The line that it stands in, from 1; 0 for none.
  package var line: Int

  /// Makes a step.
  package init(_ action: ScenarioAction, _ arguments: [ScenarioArgument], line: Int = 0) {
    self.action = action
    self.arguments = arguments
    self.line = line
  }

  /// The argument of a name as a number; nil if there is none, or if it is given by letters.
  package func number(_ parameter: ScenarioParameter) -> UInt64? {
    guard let place = action.parameters.firstIndex(of: parameter), arguments.indices.contains(place),
      case .number(let number) = arguments[place]
    else { return nil }
    return number
  }
}

/// The name of an argument, as in the vectors.
package enum ScenarioParameter: String, Hashable, Sendable, CaseIterable {
  /// The index of a guest in the machine.
  case vm
  /// A physical frame number.
  case pfn
  /// A guest frame number.
  case gfn
  /// A count of pages.
  case nr
  /// The permissions of a guest's mapping.
  case prot
  /// A physical byte address.
  case phys
  /// The first byte.
  case from
  /// The byte behind the last one.
  case to
  /// Whether the access flag is cleared.
  case mkold

  /// What stands for an argument that is left out at the end; nil if it must be given.
  var assumed: ScenarioArgument? {
    switch self {
    case .nr, .mkold: .number(1)
    case .prot: .permissions("rwx")
    default: nil
    }
  }
}

extension ScenarioAction {
  /// Every action.
  package static let all: [ScenarioAction] =
    Operation.allCases.filter { $0 != .bootFixup }.map { .operation($0) }
    + [.unmapDevices, .unpublish, .destroyTables]

  /// Its name in the vectors.
  package var name: String {
    switch self {
    case .operation(let operation): operation.rawValue
    case .unmapDevices: "host_unmap_dev_all"
    case .unpublish: "vm_unpublish"
    case .destroyTables: "vm_teardown_pgtable"
    }
  }

  /// The action of a name; nil if there is none.
  package init?(name: String) {
    guard let found = Self.byName[name] else { return nil }
    self = found
  }

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// What it takes, in order.
  package var parameters: [ScenarioParameter] {
    switch self {
    case .operation(let operation): Self.parameters(of: operation)
    case .unmapDevices: []
    case .unpublish, .destroyTables: [.vm]
    }
  }

  private static func parameters(of operation: Operation) -> [ScenarioParameter] {
    switch operation {
    case .hostShareHyp, .hostUnshareHyp: [.pfn]
    case .hostDonateHyp, .hypDonateHost, .hostShareFFA, .hostUnshareFFA: [.pfn, .nr]
    case .pin, .unpin: [.from, .to]
    case .hostShareGuest: [.vm, .pfn, .gfn, .nr, .prot]
    case .hostUnshareGuest, .guestWriteProtect: [.vm, .gfn, .nr]
    case .hostDonateGuest: [.vm, .pfn, .gfn]
    case .guestShareHost, .guestUnshareHost, .hostReclaimGuest, .guestMakeYoung, .vcpuInPoisonFault: [.vm, .gfn]
    case .hostForceReclaim, .hostFault: [.phys]
    case .guestRelaxPerms: [.vm, .gfn, .prot]
    case .guestTestClearYoung: [.vm, .gfn, .nr, .mkold]
    case .bootFixup: []
    }
  }

  /// What it takes when written by hand: pages by frame number throughout.
  package var writtenParameters: [ScenarioParameter] {
    switch self {
    case .operation(.pin), .operation(.unpin): [.pfn, .nr]
    case .operation(.hostForceReclaim), .operation(.hostFault): [.pfn]
    default: parameters
    }
  }
}

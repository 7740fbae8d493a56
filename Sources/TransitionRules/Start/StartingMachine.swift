// Why: a scenario begins on some machine. Its memory, its guests and what the hypervisor has at boot are data:
// by default those of the conformance vectors, so that one machine serves both. Not here: reading a machine
// from a file.

package import PageOwnership
import PageTables

/// A machine right after boot, with what does not change.
package struct StartingMachine: Sendable {
  /// What does not change.
  package let shape: MachineShape
  /// The state.
  package var machine: Machine

  /// A machine with this state.
  package init(shape: MachineShape, machine: Machine) {
    self.shape = shape
    self.machine = machine
  }

  /// The default machine of a generation.
  package init(_ generation: Generation) {
    self.init(BootLayout(generation))
  }

  init(_ layout: BootLayout) {
    let shape = MachineShape(regions: BootLayout.regions, hypOffset: BootLayout.hypOffset)
    let encoding = TableEncoding(layout.generation)
    var machine = Machine(
      shape: shape, hostTablePages: BootLayout.hostTablePages, hypTablePages: BootLayout.hypTablePages)
    var host: [(PageRange, Leaf)] = []
    var hyp: [(PageRange, Leaf)] = []
    for section in layout.sections {
      let linear = section.pages.first.rawValue &+ shape.hypOffset >> 12
      host.append((section.pages, Self.hostLeaf(section, encoding)))
      if let leaf = Self.hypLeaf(section, encoding, shape) {
        hyp.append((PageRange(first: PageFrame(linear), count: section.pages.count), leaf))
      }
      machine.updateFrames(section.pages) { Self.setFrame(&$0, section, encoding) }
    }
    _ = machine.host.fill(host)
    _ = machine.hyp.fill(hyp)
    for (index, isProtected) in (layout.hasGuests ? BootLayout.guestsAreProtected : []).enumerated() {
      machine.guests.append(
        GuestMachine(
          space: SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(index)),
          handle: VMHandle(rawValue: 0x1000 + UInt16(index)), isProtected: isProtected,
          memcache: BootLayout.memcachePages, shape: shape))
    }
    self.init(shape: shape, machine: machine)
  }

  private static func hostLeaf(_ section: BootSection, _ encoding: TableEncoding) -> Leaf {
    switch section.kind {
    case .sharedWithHost:
      let word = Leaf.stage2(read: true, write: true, execute: true, isDevice: false, state: .sharedBorrowed)
      return Leaf(word: word, level: 3)
    case .readableText:
      return Leaf(word: Leaf.stage2(read: true, write: false, execute: false, isDevice: false), level: 3)
    default: return Leaf(word: encoding.word(naming: .hyp) ?? 0, level: 3)
    }
  }

  // A page without a leaf in the linear map lies in the private range alone.
  private static func hypLeaf(_ section: BootSection, _ encoding: TableEncoding, _ shape: MachineShape) -> Leaf? {
    let distance = (0 &- shape.hypOffset >> 12) << 12 & Leaf.addressMask
    let state: PageState = section.kind == .sharedWithHost ? .sharedOwned : .owned
    switch section.kind {
    case .text, .readableText:
      return Leaf(word: Leaf.stage1(write: false, execute: true, state: state) | distance, level: 3)
    case .readOnly, .sharedWithHost:
      return Leaf(word: Leaf.stage1(write: false, execute: false, state: state) | distance, level: 3)
    case .data: return Leaf(word: Leaf.stage1(write: true, execute: false, state: state) | distance, level: 3)
    case .stack: return nil
    }
  }

  private static func setFrame(_ frame: inout FrameWord, _ section: BootSection, _ encoding: TableEncoding) {
    if !encoding.keepsHostStateInDescriptors { frame.host = .noPage }
    if !encoding.keepsHypStateInDescriptors { frame.hyp = .owned }
  }
}

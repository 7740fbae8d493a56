// Why: the logical view of a machine: what each space holds of a page, read as its generation keeps it.
// Not here: deciding anything by it (Engine).

package import PageOwnership
package import PageTables

/// A machine together with what one needs to read it.
package struct MachineView {
  /// The state.
  package let machine: Machine
  /// What does not change.
  package let shape: MachineShape
  /// Where this generation keeps what.
  package let encoding: TableEncoding

  /// Makes a view.
  package init(_ machine: Machine, shape: MachineShape, encoding: TableEncoding) {
    self.machine = machine
    self.shape = shape
    self.encoding = encoding
  }

  /// What the host holds of a page: state and whom its table names. NOPAGE outside memory, since 6.4.
  package func hostHolding(_ page: PageFrame) -> Holding {
    let isMemory = shape.stretch(at: page.address).kind == .memory
    let leaf = machine.host.leaf(at: page.rawValue).descriptor(at: page.rawValue)
    let meaning = encoding.hostMeaning(leaf, isMemory: isMemory)
    let state = meaning.state ?? (isMemory ? machine.frame(page).host : .noPage)
    return Holding(state, meaning.annotation)
  }

  /// What the hypervisor holds of a page.
  package func hypState(_ page: PageFrame) -> PageState {
    guard encoding.keepsHypStateInDescriptors else { return machine.frame(page).hyp }
    let linear = PageFrame(containing: page.address &+ shape.hypOffset)
    guard linear.rawValue < machine.hyp.pageEnd else { return .noPage }
    return encoding.hypState(machine.hyp.leaf(at: linear.rawValue).descriptor(at: linear.rawValue)) ?? .noPage
  }

  /// What a guest holds of one of its pages, and which page of memory that is.
  package func guestHolding(_ guest: GuestMachine, _ page: PageFrame) -> (state: PageState, target: PageFrame?) {
    guard guest.hasTable, page.rawValue < guest.table.pageEnd else { return (.noPage, nil) }
    let leaf = guest.table.leaf(at: page.rawValue)
    let state = encoding.guestState(leaf.descriptor(at: page.rawValue))
    return (state, leaf.isValid ? PageFrame(leaf.target(of: page.rawValue)) : nil)
  }
}

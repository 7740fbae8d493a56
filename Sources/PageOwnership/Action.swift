// Why: what entries belong to: calls into the hypervisor, and attempts to change ownership. What is known
// only at the end of one stands in a value of its own, because a journal is never written over.

/// The kind of an activation.
package enum ActivationKind: String, Hashable, Sendable {
  /// The host called the hypervisor.
  case hypercall
  /// The host faulted on its stage 2.
  case hostAbort = "host abort"
  /// A guest called the hypervisor.
  case guestCall = "guest call"
  /// The initialisation of the hypervisor; it never returns.
  case boot
  /// A hypervisor function inside another activation that the recorder marks.
  case function
}

/// A call into the hypervisor, with what it was given.
package struct Activation: Hashable, Sendable {
  /// Its number.
  package var id: ActionID
  /// The activation around it.
  package var parent: ActionID?
  /// Its kind.
  package var kind: ActivationKind
  /// The kernel function.
  package var kernelFunction: String
  /// The CPU.
  package var cpu: Int32?
  /// The entry that begins it.
  package var firstSeq: SequenceNumber
  /// x1…x6 as given, or as many as were recorded.
  package var registers: [UInt64]
  /// Arguments by name where the recorder decoded them (functions): `phys=0x7f000000 …`; empty for none.
  package var arguments: String

  /// Makes an activation.
  package init(
    id: ActionID, parent: ActionID?, kind: ActivationKind, kernelFunction: String, cpu: Int32?,
    firstSeq: SequenceNumber, registers: [UInt64], arguments: String
  ) {
    self.id = id
    self.parent = parent
    self.kind = kind
    self.kernelFunction = kernelFunction
    self.cpu = cpu
    self.firstSeq = firstSeq
    self.registers = registers
    self.arguments = arguments
  }
}

/// One attempt to change ownership, as known when it begins.
package struct Transition: Hashable, Sendable {
  /// Its number.
  package var id: ActionID
  /// The activation it serves.
  package var activation: ActionID?
  /// What it attempts.
  package var operation: Operation
  /// Who gives.
  package var source: Endpoint
  /// Who receives.
  package var target: Endpoint
  /// The first physical page; nil where none is known (a guest's address with nothing mapped).
  package var page: PageFrame?
  /// How many pages.
  package var pageCount: UInt64
  /// The CPU.
  package var cpu: Int32?
  /// The entry that begins it.
  package var firstSeq: SequenceNumber
  /// The raw arguments as recorded: `pfn=0x48163 gfn=0x80000 …`.
  package var arguments: String

  /// Makes a transition.
  package init(
    id: ActionID, activation: ActionID?, operation: Operation, source: Endpoint, target: Endpoint,
    page: PageFrame? = nil, pageCount: UInt64, cpu: Int32?, firstSeq: SequenceNumber, arguments: String
  ) {
    self.id = id
    self.activation = activation
    self.operation = operation
    self.source = source
    self.target = target
    self.page = page
    self.pageCount = pageCount
    self.cpu = cpu
    self.firstSeq = firstSeq
    self.arguments = arguments
  }
}

/// What is known of a transition or activation only at its end.
package struct ActionEnd: Hashable, Sendable {
  /// Whose end.
  package var id: ActionID
  /// The entry that ends it.
  package var lastSeq: SequenceNumber
  /// The outcome; nil for activations.
  package var outcome: TransitionOutcome?
  /// What was returned; nil for nothing.
  package var result: Int64?
  /// The phase that decided a refusal.
  package var failedSeq: SequenceNumber?

  /// Makes an end.
  package init(
    id: ActionID, lastSeq: SequenceNumber, outcome: TransitionOutcome?, result: Int64?, failedSeq: SequenceNumber?
  ) {
    self.id = id
    self.lastSeq = lastSeq
    self.outcome = outcome
    self.result = result
    self.failedSeq = failedSeq
  }
}

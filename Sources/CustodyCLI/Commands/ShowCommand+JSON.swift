// Why: a transition or an activation for programs: the words of the SQL views, addresses as `0x…`, times
// in nanoseconds.

import Journal
import PageOwnership

/// A transition as JSON.
struct TransitionJSON {
  private let story: TransitionStory

  init(_ story: TransitionStory) { self.story = story }

  /// One object with everything.
  var object: JSONTree { .object(header + [("entries", .array(story.entries.map { .object(entry($0)) }))]) }

  /// The transition, then each entry, told apart by `record`.
  var records: [JSONTree] {
    [.object([("record", .text("transition"))] + header)]
      + story.entries.map { .object([("record", .text("entry"))] + entry($0)) }
  }

  /// What is known of the transition itself.
  var header: [(String, JSONTree)] {
    let transition = story.transition
    let name = story.context.name
    return [
      ("id", .integer(transition.id.rawValue)), ("operation", .text(transition.operation.rawValue)),
      ("source", .endpoint(transition.source, name)), ("target", .endpoint(transition.target, name)),
      ("page", .word(transition.physicalAddress.map { $0 >> 12 })), ("page_count", .word(transition.pageCount)),
      ("arguments", JSONTree(transition.arguments.isEmpty ? nil : transition.arguments)),
      ("cpu", JSONTree(transition.cpu.map { Int64($0) })), ("time", JSONTree(story.time)),
      ("first_seq", .integer(transition.firstSeq.rawValue)), ("last_seq", JSONTree(story.end?.lastSeq.rawValue)),
      ("outcome", .text(story.outcome.name)), ("result", JSONTree(story.end?.result)),
      ("errno", JSONTree(story.end?.result.flatMap(Errno.name))),
      ("failed_seq", JSONTree(story.end?.failedSeq?.rawValue)),
      ("activations", .array(story.chain.map { .activation($0) })),
    ]
  }

  private func entry(_ told: ToldEntry) -> [(String, JSONTree)] {
    let entry = told.entry
    let site = told.site
    var fields: [(String, JSONTree)] = [
      ("seq", .integer(entry.seq.rawValue)), ("kind", .text(site.kind.rawValue)),
      ("phase", JSONTree(told.phase.map { Int64($0) })), ("condition", JSONTree(site.condition?.rawValue)),
      ("effect", JSONTree(site.effect?.rawValue)), ("skipped", JSONTree(site.skipped.isEmpty ? nil : site.skipped)),
      ("side", JSONTree(site.side?.rawValue)), ("space", JSONTree(entry.space.map(story.context.name))),
      ("address", JSONTree((entry.page?.address).map(HexText.hex))), ("page", .word(entry.page?.rawValue)),
      ("page_count", .word(entry.pageCount)), ("expected", JSONTree(site.expected?.name)),
      ("found", JSONTree(entry.found?.name)),
    ]
    if entry.found != nil { fields.append(("found_provenance", .text(Provenance.inferred.rawValue))) }
    return fields + [
      ("new_state", JSONTree(site.newState?.name)), ("outcome", JSONTree(outcome(told))),
      ("result", JSONTree(entry.result)), ("errno", JSONTree(entry.result.flatMap(Errno.name))),
      ("provenance", .text(site.resultProvenance.rawValue)), ("cpu", JSONTree(entry.cpu.map { Int64($0) })),
      ("time", JSONTree(entry.time)), ("source_index", JSONTree(entry.sourceIndex)),
      ("kernel_function", JSONTree(site.kernelFunction)), ("kernel_step", JSONTree(site.kernelStep)),
      ("source_line", JSONTree(site.sourceLine)), ("note", JSONTree(entry.note)),
      ("observations", .array(told.frame.observations.map(observation))),
      ("changes", .array(told.frame.changes.map(change))),
    ]
  }

  private func outcome(_ told: ToldEntry) -> String? {
    guard let code = told.entry.outcome else { return nil }
    return CheckOutcome(rawValue: code)?.name ?? TransitionOutcome(rawValue: code)?.name
  }

  private func change(_ change: Change) -> JSONTree {
    .object([
      ("ord", .integer(Int64(change.ordinal))), ("space", .text(story.context.name(change.space))),
      ("table", .text(change.table.name)), ("page", .word(change.pages.first.rawValue)),
      ("page_count", .word(change.pages.count)), ("old_level", .integer(Int64(change.oldLevel))),
      ("level", .integer(Int64(change.newLevel))), ("old", JSONTree(change.old.map(HexText.hex))),
      ("new", JSONTree(change.new.map(HexText.hex))), ("old_state", .text(change.oldState.name)),
      ("new_state", .text(change.newState.name)), ("owner", JSONTree(change.owner.map(story.context.name))),
      ("inferred", .bool(change.isInferred)),
    ])
  }

  private func observation(_ seen: Observation) -> JSONTree {
    .object([
      ("page", .word(seen.pages.first.rawValue)), ("page_count", .word(seen.pages.count)),
      ("unordered", .bool(seen.isUnordered)), ("frame", JSONTree(seen.frame.map(HexText.hex))),
      ("host", .leaf(seen.host)), ("hyp", .leaf(seen.hyp)),
      ("guest_space", JSONTree(seen.guestSpace.map(story.context.name))),
      ("guest_page", .word(seen.guestPage?.rawValue)), ("guest", .leaf(seen.guest)),
    ])
  }
}

/// An activation as JSON.
struct ActivationJSON {
  private let story: ActivationStory

  init(_ story: ActivationStory) { self.story = story }

  /// One object with everything.
  var object: JSONTree { .object(header + [("inside", .array(story.items.map { item($0.item) }))]) }

  /// The activation, then what is inside, told apart by `record`.
  var records: [JSONTree] {
    [.object([("record", .text("activation"))] + header)] + story.items.map { item($0.item) }
  }

  private var header: [(String, JSONTree)] {
    JSONTree.fields(story.subject) + [
      ("time", JSONTree(story.time)), ("activations", .array(story.chain.map { .activation($0) })),
    ]
  }

  private func item(_ item: ActivationStory.Item) -> JSONTree {
    switch item {
    case .activation(let called): return .object([("record", .text("activation"))] + JSONTree.fields(called))
    case .transition(let line):
      let transition = line.transition
      return .object([
        ("record", .text("transition")), ("id", .integer(transition.id.rawValue)),
        ("activation", JSONTree(transition.activation?.rawValue)), ("operation", .text(transition.operation.rawValue)),
        ("page", .word(transition.physicalAddress.map { $0 >> 12 })), ("page_count", .word(transition.pageCount)),
        ("first_seq", .integer(transition.firstSeq.rawValue)), ("last_seq", JSONTree(line.end?.lastSeq.rawValue)),
        ("outcome", .text(line.outcome.name)), ("result", JSONTree(line.end?.result)),
        ("errno", JSONTree(line.end?.result.flatMap(Errno.name))), ("failed_phase", JSONTree(line.decidedBy)),
      ])
    }
  }
}

extension JSONTree {
  /// A number of 64 bits without a sign, as SQL shows it.
  static func word(_ word: UInt64?) -> JSONTree { JSONTree(word.map { Int64(bitPattern: $0) }) }

  /// `{"space": "host", "address": "0x…"}`.
  static func endpoint(_ end: Endpoint, _ name: (SpaceID) -> String) -> JSONTree {
    .object([("space", .text(name(end.space))), ("address", JSONTree(end.address.map(HexText.hex)))])
  }

  /// `{"level": 3, "raw": "0x…"}`.
  static func leaf(_ leaf: LeafWord?) -> JSONTree {
    guard let leaf else { return .null }
    return .object([("level", .integer(Int64(leaf.level))), ("raw", .text(HexText.hex(leaf.raw)))])
  }

  /// An activation without what is inside.
  static func activation(_ called: CalledActivation) -> JSONTree { .object(fields(called)) }

  /// The fields of an activation.
  static func fields(_ called: CalledActivation) -> [(String, JSONTree)] {
    let activation = called.activation
    return [
      ("id", .integer(activation.id.rawValue)), ("parent", JSONTree(activation.parent?.rawValue)),
      ("kind", .text(activation.kind.rawValue)), ("function", .text(activation.kernelFunction)),
      ("cpu", JSONTree(activation.cpu.map { Int64($0) })),
      ("registers", .array(activation.registers.map { .text(HexText.hex($0)) })),
      ("arguments", JSONTree(activation.arguments.isEmpty ? nil : activation.arguments)),
      ("first_seq", .integer(activation.firstSeq.rawValue)), ("last_seq", JSONTree(called.end?.lastSeq.rawValue)),
      ("result", JSONTree(called.end?.result)), ("errno", JSONTree(called.end?.result.flatMap(Errno.name))),
    ]
  }
}

// Why: beside cases there are transition tables (one row for each state and operation) and lists of what the
// two builds do differently. Both are told as cases here: a set-up of which nothing was recorded, and one
// recorded operation. Not here: cases themselves (VectorReader).

import PageOwnership

extension VectorReader {
  /// The two cases of a row of `*_debug_diff`: with EL2 debugging and without. Throws ``InputError``.
  static func readDifference(_ value: JSONValue, _ line: Int) throws(InputError) -> [VectorCase] {
    guard let name = value["name"]?.makeString(), let list = value["setup"] else {
      throw malformed("a difference has `name` and `setup`", line)
    }
    let setUp = elements(list).map { words in
      let words = elements(words).map { $0.makeString() ?? "" }
      return VectorOperation(name: words.first ?? "", arguments: Array(words.dropFirst()))
    }
    var cases: [VectorCase] = []
    for (key, isDebug) in [("debug", true), ("nodebug", false)] as [(StaticString, Bool)] {
      guard let recorded = value[key] else { throw malformed("a difference has `debug` and `nodebug`", line) }
      let operations = setUp + [try readOperation(recorded, line)]
      cases.append(VectorCase(name: name, el2Debug: isDebug, operations: operations))
    }
    return cases
  }

  /// The case of a row of `*_transition_table`. Throws ``InputError``.
  static func readRow(_ value: JSONValue, _ line: Int) throws(InputError) -> VectorCase {
    guard let name = value["op"]?.makeString(), let debug = value["el2_debug"]?.int64, let start = TableState(value)
    else { throw malformed("a row has `op`, `el2_debug`, `host` and `hyp`", line) }
    var operation = TableState.call(name)
    operation.result = value["ret"]?.int64
    operation.fatal = value["fatal"]?.makeString()
    operation.warnings = value["warn"]?.int64 ?? 0
    if let failure = value["fail"], !failure.isNull { operation.failure = try readFailure(failure, line) }
    operation.phases = try readSteps(value, line)
    if let next = value["next"], !next.isNull {
      var changes = start.changes(to: elements(next), hasGuest: value["guest"] != nil)
      if let other = value["other"] { changes += try readDeltas(other, line) }
      operation.changes = changes
    }
    let rowName = "\(start.host).\(start.hyp).\(start.guest).s\(start.shares).r\(start.references)/\(name)"
    return VectorCase(name: rowName, el2Debug: debug != 0, operations: start.setUp + [operation])
  }

  private static func readSteps(_ value: JSONValue, _ line: Int) throws(InputError) -> [VectorPhase] {
    if let phases = value["phases"] { return try readPhases(phases, line) }
    var phases: [VectorPhase] = []
    for step in value["steps"].map(elements) ?? [] {
      let words = elements(step)
      guard words.count == 4, let component = words[0].makeString(), let did = words[1].makeString(),
        let wanted = words[2].makeString(), let result = words[3].int64
      else { throw malformed("a step is [component, step, wanted, result]", line) }
      phases.append(VectorPhase("direct", component, result, did, wanted))
    }
    return phases
  }
}

/// The state that a row begins with, and how the harness makes it: suite `a` works on one page.
private struct TableState {
  static let page = "0x41301"
  static let guestPage = "0x101"
  var host: String
  var hyp: String
  var guest = "N"
  var shares: UInt64 = 0
  var references: UInt64 = 0
  /// Whether the harness of 6.14 and later made it, whose pages may be borrowed without a mapping at EL2.
  var isLater = false

  init?(_ value: JSONValue) {
    guard let host = value["host"]?.makeString(), let hyp = value["hyp"]?.makeString() else { return nil }
    self.host = host
    self.hyp = hyp
    isLater = value["guest"] != nil
    guest = value["guest"]?.makeString() ?? "N"
    shares = value["shares"]?.uint64 ?? 0
    references = value["ref"]?.uint64 ?? 0
  }

  /// What the harness does to reach the state.
  var setUp: [VectorOperation] {
    var list: [VectorOperation] = []
    func add(_ name: String, _ arguments: String...) { list.append(VectorOperation(name: name, arguments: arguments)) }
    switch host {
    case "Oz": break
    case "Oblk": add("host_fault", Self.page + "000")
    case "Ov": add("poke_host", Self.page, "0x1", "O")
    case "N2": add("poke_host", Self.page, "0x1", "N2", "0", Self.guestPage)
    default: add("poke_host", Self.page, "0x1", host)
    }
    let isMapped = isLater && (hyp == "O" || hyp == "S" || hyp == "B" && references > 0)
    if hyp != "N" { add("poke_hyp", Self.page, "0x1", hyp + (isMapped ? "m" : "")) }
    if guest != "N" { add("poke_guest", "0", Self.guestPage, Self.page, guest) }
    if shares > 0 { add("poke_gsc", Self.page, "1", "0x" + String(shares, radix: 16)) }
    if references > 0 { add("poke_ref", Self.page, "0x1", "0x" + String(references, radix: 16)) }
    return list
  }

  /// The call that a row's name stands for.
  static func call(_ name: String) -> VectorOperation {
    let arguments: [String]
    switch name {
    case "host_share_hyp", "host_unshare_hyp": arguments = [page]
    case "host_donate_hyp", "hyp_donate_host", "host_share_ffa", "host_unshare_ffa": arguments = [page, "0x1"]
    case "pin", "unpin": arguments = ["0x41301000", "0x41302000"]
    case "host_fault", "host_force_reclaim": arguments = [page + "000"]
    case "host_share_guest": arguments = ["0", page, guestPage, "1", "rwx"]
    case "host_share_guest_other_gfn": arguments = ["0", page, "0x180", "1", "rw"]
    case "host_share_guest_other_vm": arguments = ["2", page, "0x201", "1", "rwx"]
    case "host_donate_guest": arguments = ["0", page, guestPage]
    case "host_donate_guest_other_vm": arguments = ["1", page, "0x301"]
    case "host_unshare_guest", "guest_wrprotect": arguments = ["0", guestPage, "1"]
    case "guest_relax_perms": arguments = ["0", guestPage, "rw"]
    case "guest_test_clear_young": arguments = ["0", guestPage, "1", "1"]
    default: arguments = ["0", guestPage]
    }
    let operation = name.hasPrefix("host_share_guest") ? "host_share_guest" : name
    let isDonation = name.hasPrefix("host_donate_guest")
    return VectorOperation(name: isDonation ? "host_donate_guest" : operation, arguments: arguments)
  }

  /// What changes from this state to the row's next one: host, hypervisor, from 6.14 on guest and shares, references.
  func changes(to next: [JSONValue], hasGuest: Bool) -> [VectorDelta] {
    guard next.count == (hasGuest ? 5 : 3) else { return [] }
    let words = next.map { $0.makeString() ?? $0.uint64.map(String.init) ?? "" }
    let pageNumber: UInt64 = 0x41301
    var list: [VectorDelta] = []
    func add(_ table: String, _ first: UInt64, _ old: String, _ new: String) {
      guard old != new else { return }
      list.append(VectorDelta(table: table, first: first, count: 1, old: old, new: new))
    }
    add("host", pageNumber, host.hasPrefix("O") ? "O" : host, words[0])
    add("hyp", pageNumber, hyp, words[1])
    if hasGuest {
      add("g0", 0x101, Self.mapped(guest), Self.mapped(words[2]))
      add("gsc", pageNumber, String(shares), words[3])
    }
    add("ref", pageNumber, String(references), words[words.count - 1])
    return list
  }

  private static func mapped(_ state: String) -> String { state == "N" || state == "P" ? state : state + "@" + page }
}

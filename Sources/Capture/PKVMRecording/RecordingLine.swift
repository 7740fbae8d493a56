// Why: one line of `events.jsonl` with its fields picked out, so that nothing walks a line twice.
// Not here: what the fields mean together (RecordingImporter).

import PageOwnership

/// The phases that a recorder writes.
enum RecordedPhase: UInt8, Hashable {
  case hypercall, hypercallReturn, call, locked, check, apply, end, op, enter, leave, mark, store, lost

  init?(_ text: StringView) {
    switch text {
    case "check": self = .check
    case "apply": self = .apply
    case "call": self = .call
    case "return": self = .end
    case "hypercall": self = .hypercall
    case "hypercall-return": self = .hypercallReturn
    case "op": self = .op
    case "enter": self = .enter
    case "leave": self = .leave
    case "store": self = .store
    case "mark": self = .mark
    case "locked": self = .locked
    case "lost": self = .lost
    default: return nil
    }
  }
}

/// The fields of one line; valid as long as the parsed line is.
struct RecordingLine {
  /// The line's number and the offset where it begins, for messages.
  var number: Int
  var offset: Int64

  var index: Int64 = -1
  var phase = RecordedPhase.lost
  var action: Int64?
  var cpu: Int32?
  var time: Int64?
  var function: StringView?
  var step: StringView?
  var sourceLine: Int64?
  var wanted: StringView?
  var resultBy: StringView?
  var result: JSONValue?
  var hypercall: Int64?
  var under: StringView?
  var arguments: JSONValue?
  var state: JSONValue?
  var calls: JSONValue?
  var changes: JSONValue?
  var changesSeen: JSONValue?
  var isWhole = false
  var transaction: JSONValue?
  var registers: JSONValue?
  var mark: StringView?
  /// The whole line, for the fields that only one phase has.
  var value: JSONValue

  /// Picks the fields out of a parsed line. Throws ``InputError/Code/malformed``.
  init(_ value: JSONValue, number: Int, offset: Int64) throws(InputError) {
    self.number = number
    self.offset = offset
    self.value = value
    guard value.kind == .object else { throw error("the line is not a JSON object") }
    var phaseText: StringView?
    try value.forEachField { (key: StringView, field: JSONValue) throws(InputError) in
      switch key {
      case "i": index = try integer(field, "i", 0...(1 << 53))
      case "phase": phaseText = try text(field, "phase")
      case "act": action = field.isNull ? nil : try integer(field, "act", 0...(1 << 53))
      case "cpu": cpu = Int32(try integer(field, "cpu", 0...65535))
      case "t": time = try nanoseconds(field)
      case "fn": function = try text(field, "fn")
      case "step": step = field.isNull ? nil : try text(field, "step")
      case "line": sourceLine = try integer(field, "line", 0...(1 << 31))
      case "want", "set": wanted = try text(field, "want")
      case "result", "ret": result = field
      case "result_by": resultBy = try text(field, "result_by")
      case "hc": hypercall = try integer(field, "hc", 0...(1 << 53))
      case "under": under = try text(field, "under")
      case "args": arguments = try object(field, "args")
      case "state": state = try object(field, "state")
      case "calls": calls = try array(field, "calls")
      case "changes": changes = try array(field, "changes")
      case "changes_seen": changesSeen = try array(field, "changes_seen")
      case "whole": isWhole = field.bool ?? false
      case "tx": transaction = field
      case "regs": registers = try array(field, "regs")
      case "mark": mark = try text(field, "mark")
      default: break
      }
    }
    guard index >= 0 else { throw error("the line has no index `i`") }
    guard let phaseText else { throw error("the line has no `phase`") }
    guard let phase = RecordedPhase(phaseText) else { throw error("unknown phase `\(phaseText.makeString())`") }
    self.phase = phase
  }

  /// An error about this line.
  func error(_ message: String) -> InputError {
    InputError(.malformed, message, line: number, offset: offset)
  }

  /// The action that the line must name.
  func requiredAction() throws(InputError) -> ActionID {
    guard let action else { throw error("the line has no `act`") }
    return ActionID(action)
  }

  /// The function that the line must name.
  func requiredFunction() throws(InputError) -> StringView {
    guard let function else { throw error("the line has no `fn`") }
    return function
  }

  /// The result: nil for `null` or none. Throws if it is no 64-bit integer.
  func resultValue() throws(InputError) -> Int64? {
    guard let result, !result.isNull else { return nil }
    guard let number = result.int64 else { throw error("`result` is not a 64-bit integer") }
    return number
  }

  /// Whether memory changed under this line.
  var hasChanges: Bool {
    if changes?.count ?? 0 > 0 { return true }
    var found = false
    calls?.forEachElement { if $0["changes"]?.count ?? 0 > 0 { found = true } }
    return found
  }

  private func integer(_ value: JSONValue, _ name: StaticString, _ range: ClosedRange<Int64>) throws(InputError)
    -> Int64
  {
    guard let number = value.int64, range.contains(number) else {
      throw error("`\(name)` is not an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private func nanoseconds(_ value: JSONValue) throws(InputError) -> Int64 {
    guard let seconds = value.double, seconds.isFinite, seconds >= 0, seconds < 1e9 else {
      throw error("`t` is not a time in seconds")
    }
    return Int64((seconds * 1e9).rounded())
  }

  private func text(_ value: JSONValue, _ name: StaticString) throws(InputError) -> StringView {
    guard let text = value.string, text.bytes.count <= 256 else {
      throw error("`\(name)` is not a short text")
    }
    return text
  }

  private func object(_ value: JSONValue, _ name: StaticString) throws(InputError) -> JSONValue {
    guard value.kind == .object else { throw error("`\(name)` is not an object") }
    return value
  }

  private func array(_ value: JSONValue, _ name: StaticString) throws(InputError) -> JSONValue {
    guard value.kind == .array else { throw error("`\(name)` is not an array") }
    return value
  }
}

// Why: conformance vectors are JSON lines, one case a line; this turns lines into values. Unknown fields are
// left alone, wrong types are errors with their line. Not here: tables (+Tables), judging (TransitionRules).

package import PageOwnership

/// Reads the cases of a vector file.
package final class VectorReader {
  private let lines: LineReader
  private let parser: JSONParser
  private let file: String
  private var pending: [VectorCase] = []

  /// Reads a file, `.gz` or plain. Throws ``InputError``.
  package init(path: String) throws(InputError) {
    lines = LineReader(try ByteSource(path: path))
    parser = try JSONParser()
    file = path
  }

  /// The next case; nil at the end. Throws ``InputError`` with the line for what is no case.
  package func next() throws(InputError) -> VectorCase? {
    if !pending.isEmpty { return pending.removeFirst() }
    do throws(InputError) {
      guard let line = try lines.next() else { return nil }
      let value = try parser.parse(line)
      if value["ops"] != nil { return try Self.readCase(value, lines.lineNumber) }
      if value["setup"] == nil { return try Self.readRow(value, lines.lineNumber) }
      pending = try Self.readDifference(value, lines.lineNumber)
      return pending.removeFirst()
    } catch {
      var located = error
      located.file = file
      throw located
    }
  }

  private static func readCase(_ value: JSONValue, _ line: Int) throws(InputError) -> VectorCase {
    guard let name = value["name"]?.makeString(), let debug = value["el2_debug"]?.int64, let list = value["ops"] else {
      throw malformed("a case has `name`, `el2_debug` and `ops`", line)
    }
    var read = VectorCase(name: name, el2Debug: debug != 0, operations: [])
    try list.forEachElement { (element) throws(InputError) in
      read.operations.append(try readOperation(element, line))
    }
    if let final = value["final"], !final.isNull { read.final = try readRanges(final, line) }
    if let free = value["pool_free"], !free.isNull { read.freeTables = integers(free) }
    return read
  }

  static func readOperation(_ value: JSONValue, _ line: Int) throws(InputError) -> VectorOperation {
    guard let name = value["op"]?.makeString(), let list = value["args"] else {
      throw malformed("an operation has `op` and `args`", line)
    }
    var arguments: [String] = []
    list.forEachElement { arguments.append($0.makeString() ?? "") }
    var operation = VectorOperation(name: name, arguments: arguments)
    operation.result = value["ret"]?.int64
    operation.fatal = value["fatal"]?.makeString()
    operation.warnings = value["warn"]?.int64 ?? 0
    operation.omittedPhases = value["ph_more"]?.int64 ?? 0
    if let changes = value["d"] { operation.changes = try readDeltas(changes, line) }
    if let changes = value["pd"] { operation.physicalChanges = try readDeltas(changes, line) }
    if let phases = value["ph"] { operation.phases = try readPhases(phases, line) }
    if let failure = value["fail"], !failure.isNull { operation.failure = try readFailure(failure, line) }
    if operation.physicalChanges != nil { operation.tablePages = value["pt"].map(integers) ?? [0, 0] }
    return operation
  }

  static func readDeltas(_ value: JSONValue, _ line: Int) throws(InputError) -> [VectorDelta] {
    var deltas: [VectorDelta] = []
    try value.forEachElement { (element) throws(InputError) in
      let words = elements(element)
      guard words.count == 5, let table = words[0].makeString(), let first = words[1].hex, let count = words[2].hex,
        let old = words[3].makeString(), let new = words[4].makeString()
      else { throw malformed("a change is [table, first page, pages, old, new]", line) }
      deltas.append(VectorDelta(table: table, first: first, count: count, old: old, new: new))
    }
    return deltas
  }

  static func readPhases(_ value: JSONValue, _ line: Int) throws(InputError) -> [VectorPhase] {
    var phases: [VectorPhase] = []
    try value.forEachElement { (element) throws(InputError) in
      let words = elements(element)
      guard words.count == 5, let phase = words[0].makeString(), let component = words[1].makeString(),
        let result = words[2].int64, let step = words[3].makeString(), let wanted = words[4].makeString()
      else { throw malformed("a phase is [phase, component, result, step, wanted]", line) }
      phases.append(VectorPhase(phase, component, result, step, wanted))
    }
    return phases
  }

  static func readFailure(_ value: JSONValue, _ line: Int) throws(InputError) -> VectorFailure {
    guard let table = value["t"]?.makeString(), let page = value["pfn"]?.hex, let level = value["level"]?.int64,
      let found = value["found"]?.makeString(), let wanted = value["want"]?.makeString()
    else { throw malformed("a failing page has `t`, `pfn`, `level`, `found` and `want`", line) }
    return VectorFailure(table: table, page: page, level: level, found: found, wanted: wanted)
  }

  static func readRanges(_ value: JSONValue, _ line: Int) throws(InputError) -> [VectorRange] {
    var ranges: [VectorRange] = []
    try value.forEachElement { (element) throws(InputError) in
      let words = elements(element)
      guard words.count == 4, let table = words[0].makeString(), let first = words[1].hex, let count = words[2].hex,
        let state = words[3].makeString()
      else { throw malformed("a range is [table, first page, pages, state]", line) }
      ranges.append(VectorRange(table: table, first: first, count: count, state: state))
    }
    return ranges
  }

  static func elements(_ value: JSONValue) -> [JSONValue] {
    var list: [JSONValue] = []
    value.forEachElement { list.append($0) }
    return list
  }

  static func integers(_ value: JSONValue) -> [Int64] { elements(value).map { $0.int64 ?? 0 } }

  static func malformed(_ what: String, _ line: Int) -> InputError { InputError(.malformed, what, line: line) }
}

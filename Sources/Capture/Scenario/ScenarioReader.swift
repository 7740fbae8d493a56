// Why: a scenario as a file: lines by hand, JSON lines as the vectors have them, or both. It is read whole
// before anything is performed, so that a slip in its last line leaves no journal half written.

/// Reads scenarios.
package enum ScenarioReader {
  /// A scenario has at most this many steps.
  package static let stepLimit = 1_000_000

  /// Reads all steps of a source.
  ///
  /// - Throws: ``InputError``: what cannot be read, with file and line.
  package static func read(_ source: ByteSource) throws(InputError) -> [ScenarioStep] {
    let reader = LineReader(source, maximumLineBytes: 1 << 20)
    let parser = try JSONParser()
    var steps: [ScenarioStep] = []
    while let line = try next(reader, source) {
      do throws(InputError) {
        steps += try Self.steps(of: line, parser)
      } catch {
        throw located(error, source, line.number)
      }
      guard steps.count <= stepLimit else {
        throw located(InputError(.lineTooLong, "more than \(stepLimit) steps"), source, line.number)
      }
    }
    return steps
  }

  private static func next(_ reader: LineReader, _ source: ByteSource) throws(InputError) -> Line? {
    do throws(InputError) {
      return try reader.next()
    } catch {
      throw located(error, source, error.line ?? reader.lineNumber)
    }
  }

  private static func located(_ error: InputError, _ source: ByteSource, _ line: Int) -> InputError {
    var error = error
    error.file = source.name
    error.line = line
    return error
  }

  private static func steps(of line: Line, _ parser: JSONParser) throws(InputError) -> [ScenarioStep] {
    let first = line.bytes.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
    if first == UInt8(ascii: "{") { return try steps(of: try parser.parse(line), line.number) }
    guard let text = String(validating: line.bytes, as: UTF8.self) else {
      throw InputError(.malformed, "the line is not UTF-8 text")
    }
    return try ScenarioText.steps(text, line: line.number)
  }

  // `{"op":…,"args":[…]}`, or a whole case of the vectors: `{…,"ops":[…]}`.
  private static func steps(of value: JSONValue, _ line: Int) throws(InputError) -> [ScenarioStep] {
    guard let operations = value["ops"] else { return [try step(of: value, line)] }
    guard operations.kind == .array else { throw InputError(.malformed, "`ops` is no array") }
    var steps: [ScenarioStep] = []
    try operations.forEachElement { (operation: JSONValue) throws(InputError) in
      steps.append(try step(of: operation, line))
    }
    return steps
  }

  private static func step(of value: JSONValue, _ line: Int) throws(InputError) -> ScenarioStep {
    guard let name = value["op"]?.makeString() else { throw InputError(.malformed, "the object has no `op`") }
    guard let action = ScenarioAction(name: name) else { throw ScenarioText.unknown(name) }
    let parameters = action.parameters
    var arguments: [ScenarioArgument] = []
    if let list = value["args"] {
      guard list.kind == .array else { throw InputError(.malformed, "`args` is no array") }
      try list.forEachElement { (element: JSONValue) throws(InputError) in
        guard arguments.count < parameters.count else {
          throw InputError(.malformed, "`\(name)` takes \(parameters.count) arguments")
        }
        arguments.append(try argument(element, parameters[arguments.count]))
      }
    }
    for parameter in parameters.dropFirst(arguments.count) {
      guard let assumed = parameter.assumed else {
        throw InputError(.malformed, "`\(name)`: argument `\(parameter.rawValue)` is missing")
      }
      arguments.append(assumed)
    }
    return ScenarioStep(action, arguments, line: line)
  }

  private static func argument(
    _ value: JSONValue, _ parameter: ScenarioParameter
  ) throws(InputError) -> ScenarioArgument {
    if let number = value.uint64 { return .number(number) }
    guard let text = value.makeString() else {
      throw InputError(.malformed, "`\(parameter.rawValue)` is neither a text nor a number that is not negative")
    }
    return try ScenarioText.argument(Substring(text), parameter)
  }
}

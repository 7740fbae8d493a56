// Why: the form of a scenario that people write: `host donate hyp 0x41300 4  # comment`. Not here: files and
// the JSON form (ScenarioReader).

/// Reads and writes steps as text.
///
/// A line holds steps separated by `;`, and a comment from `#` on. A step is the name of its action with blanks or
/// underscores between the words, then its arguments in order or by name (`nr=4`): numbers in decimal or `0x…`, pages
/// by frame number, guests by index, permissions by letter (`rw`) or number. Trailing counts are 1 and trailing
/// permissions `rwx` if left out. Byte addresses, where the hypervisor takes them, can be given by name: `from=`, `to=`
/// and `phys=`.
package enum ScenarioText {
  /// The steps of one line.
  ///
  /// - Throws: ``InputError/Code/malformed`` without a place: the caller knows it.
  package static func steps(_ text: some StringProtocol, line: Int = 0) throws(InputError) -> [ScenarioStep] {
    let code = Substring(text).prefix { $0 != "#" }
    var steps: [ScenarioStep] = []
    for part in code.split(separator: ";", omittingEmptySubsequences: true) {
      let words = part.split(whereSeparator: { " \t\r".contains($0) }).map(String.init)
      if words.isEmpty { continue }
      steps.append(try step(words, line))
    }
    return steps
  }

  private static func step(_ words: [String], _ line: Int) throws(InputError) -> ScenarioStep {
    let nameWords = words.prefix { $0.utf8.allSatisfy(isNameByte) }
    // The first word may be a permission or a name, so the longest name that exists counts.
    for count in stride(from: nameWords.count, to: 0, by: -1) {
      guard let action = ScenarioAction(name: words.prefix(count).joined(separator: "_")) else { continue }
      let arguments = try arguments(Array(words.dropFirst(count)), of: action)
      return ScenarioStep(action, arguments, line: line)
    }
    let name = nameWords.isEmpty ? words[0] : nameWords.joined(separator: " ")
    throw unknown(name)
  }

  /// The error for a name that no action has.
  static func unknown(_ name: String) -> InputError {
    let isForced = ["poke", "hog", "set"].contains { name.hasPrefix($0) }
    return InputError(
      .malformed, "`\(name.prefix(60))` is no operation",
      hint: isForced
        ? "states and pools cannot be forced: a scenario reaches them by operations, from the machine of --machine"
        : "custody rules --names lists the operations")
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "_")
  }

  private static func arguments(_ words: [String], of action: ScenarioAction) throws(InputError) -> [ScenarioArgument] {
    let parameters = action.writtenParameters
    var given: [ScenarioParameter: ScenarioArgument] = [:]
    var position = 0
    for word in words {
      let parameter: ScenarioParameter
      var value = Substring(word)
      if let equals = word.firstIndex(of: "=") {
        guard let named = ScenarioParameter(rawValue: String(word[..<equals])),
          parameters.contains(named) || action.parameters.contains(named)
        else { throw InputError(.malformed, "\(action.words) has no argument `\(word[..<equals].prefix(60))`") }
        parameter = named
        value = word[word.index(after: equals)...]
      } else {
        guard position < parameters.count else { throw tooMany(action) }
        parameter = parameters[position]
        position += 1
      }
      guard given.updateValue(try argument(value, parameter), forKey: parameter) == nil else {
        throw InputError(.malformed, "\(action.words): `\(parameter.rawValue)` is given twice")
      }
    }
    return try inOrder(given, action)
  }

  private static func tooMany(_ action: ScenarioAction) -> InputError {
    InputError(.malformed, "\(action.words) has too many arguments", hint: "it takes: \(action.usage)")
  }

  /// Reads one argument.
  static func argument(_ text: Substring, _ parameter: ScenarioParameter) throws(InputError) -> ScenarioArgument {
    if let number = number(text) { return .number(number) }
    let isLetters = !text.isEmpty && text.utf8.count <= 8 && text.utf8.allSatisfy { "rwxdns".utf8.contains($0) }
    guard parameter == .prot, isLetters else {
      throw InputError(
        .malformed, "`\(text.prefix(60))` is no \(parameter == .prot ? "permission" : "number of 64 bits")",
        hint: parameter == .prot ? "write some of rwx, or a number" : "write 41300 or 0x41300")
    }
    return .permissions(String(text))
  }

  private static func number(_ text: Substring) -> UInt64? {
    let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text
    guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
    return UInt64(digits, radix: text.hasPrefix("0x") ? 16 : 10)
  }

  // What was written by frame number becomes bytes where the hypervisor takes bytes.
  private static func inOrder(
    _ given: [ScenarioParameter: ScenarioArgument], _ action: ScenarioAction
  ) throws(InputError) -> [ScenarioArgument] {
    var given = given
    let hasBytes = [.phys, .from, .to].contains { given[$0] != nil }
    if hasBytes, given[.pfn] != nil || action.writtenParameters == [.pfn, .nr] && given[.nr] != nil {
      throw InputError(.malformed, "\(action.words): give pages or bytes, not both")
    }
    if action.parameters != action.writtenParameters, case .number(let page)? = given[.pfn] {
      var count: UInt64 = 1
      if case .number(let number)? = given[.nr] { count = number }
      given[.phys] = .number(page << 12)
      given[.from] = .number(page << 12)
      given[.to] = .number((page &+ count) << 12)
    }
    var arguments: [ScenarioArgument] = []
    for parameter in action.parameters {
      guard let value = given[parameter] ?? parameter.assumed else {
        throw InputError(
          .malformed, "\(action.words): `\(parameter.rawValue)` is missing", hint: "it takes: \(action.usage)")
      }
      arguments.append(value)
    }
    return arguments
  }
}

extension ScenarioAction {
  /// Its name as it is written by hand.
  package var words: String { String(name.map { $0 == "_" ? " " : $0 }) }

  /// Its name and arguments as they are written by hand, for help and errors.
  package var usage: String {
    let arguments = writtenParameters.map {
      $0.assumed == nil ? $0.rawValue.uppercased() : "[\($0.rawValue.uppercased())]"
    }
    return ([words] + arguments).joined(separator: " ")
  }
}

extension ScenarioStep {
  /// The step as it is written by hand: read again, it gives the same step.
  package var text: String {
    var words = [action.words]
    let bytes = [ScenarioParameter.from, .to, .phys].compactMap { number($0) }
    let isWhole = bytes.allSatisfy { $0 & 0xfff == 0 }
    if let from = number(.from), let to = number(.to), isWhole, to >= from {
      words += [Self.hex(from >> 12), "\((to - from) >> 12)"]
    } else if let phys = number(.phys), isWhole {
      words.append(Self.hex(phys >> 12))
    } else {
      let isNamed = action.parameters != action.writtenParameters
      for (parameter, argument) in zip(action.parameters, arguments) {
        words.append((isNamed ? parameter.rawValue + "=" : "") + Self.text(argument, parameter))
      }
    }
    return words.joined(separator: " ")
  }

  private static func text(_ argument: ScenarioArgument, _ parameter: ScenarioParameter) -> String {
    switch argument {
    case .permissions(let letters): letters
    case .number(let number): [.vm, .nr, .mkold].contains(parameter) ? "\(number)" : hex(number)
    }
  }

  private static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}

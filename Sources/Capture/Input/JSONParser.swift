// Why: one parsed line at a time, in buffers that are used again: after the first lines nothing is
// allocated. Not here: reading the tape (JSONValue).

import CSimdJSON

/// Parses JSON text, one document after another.
package final class JSONParser {
  /// How deep values may nest unless the caller says otherwise; recordings need 5.
  package static let defaultMaximumDepth = 32

  /// The longest document unless the caller says otherwise: 8 MiB. simdjson takes up to 15 bytes of memory
  /// for each byte of the longest document it met; lines of recordings have 1,400 bytes.
  package static let defaultMaximumBytes = 8 << 20

  private let parser: OpaquePointer
  private let maximumBytes: Int

  /// Makes a parser that refuses deeper or longer documents. Throws ``InputError/Code/outOfMemory``.
  package init(
    maximumDepth: Int = JSONParser.defaultMaximumDepth, maximumBytes: Int = JSONParser.defaultMaximumBytes
  ) throws(InputError) {
    self.maximumBytes = maximumBytes
    guard let made = custody_json_parser_new(max(1, maximumDepth), max(1, maximumBytes)) else {
      throw InputError(.outOfMemory, "no memory for the JSON parser")
    }
    parser = made
  }

  deinit { custody_json_parser_free(parser) }

  /// Parses text that ``LineReader/paddingBytes`` readable bytes follow. Throws
  /// ``InputError/Code/malformed`` or ``InputError/Code/lineTooLong``. The value is valid until the next call.
  package func parse(padded bytes: UnsafeRawBufferPointer) throws(InputError) -> JSONValue {
    guard let text = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), !bytes.isEmpty else {
      throw InputError(.malformed, "the line is empty")
    }
    guard bytes.count <= maximumBytes else {
      throw InputError(.lineTooLong, "the JSON text is longer than \(maximumBytes) bytes")
    }
    var tape: UnsafePointer<UInt64>?
    var strings: UnsafePointer<UInt8>?
    let code = custody_json_parse(parser, text, bytes.count, &tape, &strings)
    guard code == 0, let tape, let strings else { throw Self.error(code) }
    // Word 0 is the root's; the document's value follows it.
    return JSONValue(tape: tape, strings: strings, index: 1)
  }

  /// Parses a line; its number and offset go into the error.
  package func parse(_ line: Line) throws(InputError) -> JSONValue {
    do throws(InputError) {
      return try parse(padded: line.bytes)
    } catch {
      var located = error
      located.line = line.number
      located.offset = line.offset
      throw located
    }
  }

  private static func error(_ code: Int32) -> InputError {
    let text = String(cString: custody_json_error_text(code))
    return InputError(.malformed, "not valid JSON: \(text)")
  }
}

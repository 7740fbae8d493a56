// Why: zlib's stream as a Swift object that lives at one address (zlib keeps a pointer to it). It
// decompresses one gzip member after another. Not here: where the bytes come from and what to do when
// they end (ByteSource).

import CZlib

/// Decompresses gzip members, a piece at a time.
final class GzipInflater {
  /// What one call did.
  struct Step {
    /// Bytes taken from the input.
    var consumed: Int
    /// Bytes written to the output.
    var produced: Int
    /// Whether the member's trailer was read and fits.
    var isMemberDone: Bool
  }

  private let stream: UnsafeMutablePointer<z_stream>
  /// 15 is the largest window; 16 asks for the gzip wrapper and nothing else.
  private static let windowBits: Int32 = 15 + 16

  init() throws(InputError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit2_(stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    // After a failed init `inflateEnd` (in deinit) only says that there is nothing to free.
    guard status == Z_OK else { throw InputError(.outOfMemory, "zlib could not start") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Makes ready for the next member.
  func reset() { inflateReset(stream) }

  /// Decompresses from `input` to `output`, as far as either reaches.
  func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(InputError) -> Step {
    let given = UInt32(clamping: input.count)
    let room = UInt32(clamping: output.count)
    let source = input.baseAddress?.assumingMemoryBound(to: Bytef.self)
    stream.pointee.next_in = UnsafeMutablePointer(mutating: source)
    stream.pointee.avail_in = given
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_out = room
    let status = CZlib.inflate(stream, Z_NO_FLUSH)
    let step = Step(
      consumed: Int(given - stream.pointee.avail_in), produced: Int(room - stream.pointee.avail_out),
      isMemberDone: status == Z_STREAM_END)
    // What came out before the damage is good; the next call reports the damage.
    if step.produced > 0 { return step }
    switch status {
    case Z_OK, Z_STREAM_END, Z_BUF_ERROR: return step
    case Z_MEM_ERROR: throw InputError(.outOfMemory, "no memory to decompress")
    default: throw InputError(.compressedDataCorrupt, "the compressed data is damaged: \(reason)")
    }
  }

  private var reason: String {
    guard let text = stream.pointee.msg else { return "invalid data" }
    return String(cString: text)
  }
}

// Why: everything that can go wrong between a path and a parsed line, as one type: what happened, where
// in the input, and the way out. Not here: what a line means (each importer has its own errors) and exit
// statuses (CustodyCLI).

/// Why input could not be read or understood.
package struct InputError: Error, Hashable, Sendable {
  /// The kinds of failure that a caller may tell apart.
  package enum Code: String, Hashable, Sendable {
    /// Nothing exists at the path.
    case notFound = "not found"
    /// The file exists and may not be read.
    case permissionDenied = "permission denied"
    /// The path names a directory.
    case isDirectory = "is a directory"
    /// The file could not be opened for another reason.
    case cannotOpen = "cannot open"
    /// A read failed after the file was open.
    case readFailed = "read failed"
    /// A gzip member ends before its trailer.
    case compressedDataCut = "compressed data cut"
    /// The gzip data is damaged: a wrong header, code or checksum.
    case compressedDataCorrupt = "compressed data corrupt"
    /// A line is longer than the reader's limit.
    case lineTooLong = "line too long"
    /// A line is not the text that was asked for (JSON, UTF-8, numbers, depth).
    case malformed = "malformed"
    /// The system gave no memory.
    case outOfMemory = "out of memory"
  }

  /// What kind of failure it is.
  package var code: Code
  /// What went wrong, as a sentence without a full stop.
  package var message: String
  /// The path as the user gave it; nil where the failing part does not know it.
  package var file: String?
  /// The line it happened in, from 1.
  package var line: Int?
  /// The byte in the uncompressed text where that line begins, or where the readable text ends.
  package var offset: Int64?
  /// The way out, where there is one.
  package var hint: String?

  /// Makes an error; place and hint are set as known.
  package init(
    _ code: Code, _ message: String, file: String? = nil, line: Int? = nil, offset: Int64? = nil, hint: String? = nil
  ) {
    self.code = code
    self.message = message
    self.file = file
    self.line = line
    self.offset = offset
    self.hint = hint
  }

  /// Whether the content is at fault (exit status 3) and not the way to it (exit status 4).
  package var concernsContent: Bool {
    switch code {
    case .compressedDataCut, .compressedDataCorrupt, .lineTooLong, .malformed: true
    case .notFound, .permissionDenied, .isDirectory, .cannotOpen, .readFailed, .outOfMemory: false
    }
  }
}

extension InputError: CustomStringConvertible {
  /// `file:line: message (byte offset)`; the hint is left to the caller.
  package var description: String {
    var place = file ?? ""
    if let line { place += place.isEmpty ? "line \(line)" : ":\(line)" }
    let start = place.isEmpty ? message : "\(place): \(message)"
    guard let offset else { return start }
    return "\(start) (byte \(offset))"
  }
}

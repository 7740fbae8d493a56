// Why: the one place where an errno of the system becomes a sentence and a hint.

import SystemPackage

extension InputError {
  /// The error for a failed open.
  static func opening(_ path: String, _ cause: any Error) -> InputError {
    guard let errno = cause as? SystemPackage.Errno else {
      return InputError(.cannotOpen, "cannot open: \(cause)", file: path)
    }
    switch errno {
    case .noSuchFileOrDirectory, .notDirectory:
      return InputError(.notFound, "no such file", file: path, hint: "check the path; `-` reads standard input")
    case .permissionDenied, .notPermitted:
      return InputError(.permissionDenied, "the file may not be read", file: path, hint: "check its permissions")
    default:
      return InputError(.cannotOpen, "cannot open: \(errno)", file: path)
    }
  }

  /// The error for a directory where a file was meant.
  static func directory(_ path: String) -> InputError {
    InputError(.isDirectory, "is a directory", file: path, hint: "name the recording's file in it")
  }

  /// The error for a failed read.
  static func reading(_ path: String, _ cause: any Error) -> InputError {
    if let errno = cause as? SystemPackage.Errno, errno == .isDirectory { return directory(path) }
    return InputError(.readFailed, "cannot read: \(cause)", file: path)
  }
}

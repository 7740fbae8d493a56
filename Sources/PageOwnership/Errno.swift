// Why: errnos are stored as the kernel returned them (negative); people read them by name.

/// The names of the error numbers that hypervisor calls return (spec, conventions).
package enum Errno {
  private static let names: [Int64: String] = [
    1: "EPERM", 2: "ENOENT", 5: "EIO", 7: "E2BIG", 11: "EAGAIN", 12: "ENOMEM", 14: "EFAULT", 16: "EBUSY",
    17: "EEXIST", 19: "ENODEV", 22: "EINVAL", 34: "ERANGE", 38: "ENOSYS", 95: "EOPNOTSUPP", 133: "EHWPOISON",
  ]

  /// Not permitted: the state is not the one asked for.
  package static let notPermitted: Int64 = -1
  /// No such entry: nothing is mapped.
  package static let noEntry: Int64 = -2
  /// The leaf is too big, or not of the size asked for.
  package static let tooBig: Int64 = -7
  /// Try again: somebody else has mapped it, or nothing would change.
  package static let tryAgain: Int64 = -11
  /// No page for a table.
  package static let noMemory: Int64 = -12
  /// Bad address.
  package static let badAddress: Int64 = -14
  /// Pinned, referenced, or a counter is full.
  package static let busy: Int64 = -16
  /// Mapped already.
  package static let exists: Int64 = -17
  /// Invalid argument.
  package static let invalid: Int64 = -22
  /// Beyond the table.
  package static let outOfRange: Int64 = -34
  /// The guest's page was poisoned.
  package static let poisoned: Int64 = -133

  /// The value of a name: -1 for `EPERM` and `-EPERM`; nil for names that we do not know.
  package static func value(named name: some StringProtocol) -> Int64? {
    let bare = name.hasPrefix("-") ? name.dropFirst() : name[...]
    return names.first { $0.value == bare }.map { -$0.key }
  }

  /// The name of a returned value: `-EPERM` for -1, nil for values that are no error we know.
  package static func name(_ result: Int64) -> String? {
    guard result < 0, result > Int64.min, let name = names[-result] else { return nil }
    return "-" + name
  }
}

// Why: errnos are stored as the kernel returned them (negative); people read them by name.

/// The names of the error numbers that hypervisor calls return (spec, conventions).
package enum Errno {
  private static let names: [Int64: String] = [
    1: "EPERM", 2: "ENOENT", 5: "EIO", 7: "E2BIG", 11: "EAGAIN", 12: "ENOMEM", 14: "EFAULT", 16: "EBUSY",
    17: "EEXIST", 19: "ENODEV", 22: "EINVAL", 34: "ERANGE", 38: "ENOSYS", 95: "EOPNOTSUPP", 133: "EHWPOISON",
  ]

  /// The name of a returned value: `-EPERM` for -1, nil for values that are no error we know.
  package static func name(_ result: Int64) -> String? {
    guard result < 0, result > Int64.min, let name = names[-result] else { return nil }
    return "-" + name
  }
}

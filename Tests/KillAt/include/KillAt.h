// Why: a program is to die at a chosen system call, however fast the machine: it is traced and killed there.
// Not here: what it leaves (KillTests.swift).
#ifndef CUSTODY_KILLAT_H
#define CUSTODY_KILLAT_H

#include <stdint.h>

/// How a traced program ended.
struct kill_result {
  /// Calls that change files: writes, syncs, truncations, removals, renames.
  int64_t calls;
  /// The exit status; -1 if a signal ended it.
  int status;
  /// The signal; 0 if it exited. -1 if it could not be traced.
  int signal;
};

/// Runs a program to its end, or kills it when it enters its `at`-th such call (from 0); a negative number never.
/// Standard input, output and errors are /dev/null, `folder` is where it works.
struct kill_result kill_at(const char *program, char *const arguments[], const char *folder, int64_t at);

#endif

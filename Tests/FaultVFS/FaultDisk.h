// Why: what the files of this target share. Not for others.
#ifndef CUSTODY_FAULTDISK_H
#define CUSTODY_FAULTDISK_H

#include "FaultVFS.h"

/// What an operation meets.
struct fault_verdict {
  bool fails;
  enum fault_mode mode;
};

/// The folder that a file lies in, and the file's name in it; NULL if it is not watched.
struct fault_disk *fault_find(const char *path, const char **name);

/// Counts an operation and tells whether it is to fail.
struct fault_verdict fault_meet(struct fault_disk *disk, enum fault_kind kind);

/// Records an operation; the bytes are copied.
void fault_log(struct fault_disk *disk, struct fault_operation operation);

/// The errno that a verdict stands for.
int fault_errno(struct fault_verdict verdict);

/// Puts the VFS before SQLite's own.
void fault_register(void);

#endif

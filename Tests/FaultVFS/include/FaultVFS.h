// Why: what tests need to see and to break every operation by which the store reaches the disk, and every
// allocation of SQLite: a VFS over SQLite's own, link-time wrappers round the few calls that the store
// makes itself, a malloc hook. Not here: which operations are lost in a power cut (PowerCut.swift).
#ifndef CUSTODY_FAULTVFS_H
#define CUSTODY_FAULTVFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;

/// What is done to a file. Those up to FAULT_NOTE change what a power cut leaves and are recorded; all can be failed.
enum fault_kind {
  FAULT_CREATE,
  FAULT_WRITE,
  FAULT_TRUNCATE,
  FAULT_SYNC,
  FAULT_FOLDER_SYNC,
  FAULT_DELETE,
  FAULT_RENAME,
  FAULT_NOTE,
  FAULT_OPEN,
  FAULT_READ,
  FAULT_SIZE,
  FAULT_ACCESS,
  FAULT_LOCK,
  FAULT_MAP,
};

/// How an operation fails.
enum fault_mode {
  /// The device reports an error (EIO) and nothing was done.
  FAULT_IO_ERROR,
  /// There is no space (ENOSPC); half of a write was done.
  FAULT_NO_SPACE,
  /// The device reports an error after it did the first half of a write.
  FAULT_HALF,
  /// The system call is interrupted once and then moves half of the bytes: no error at all.
  FAULT_SHORT,
};

/// One recorded operation.
struct fault_operation {
  /// A fault_kind.
  int32_t kind;
  /// Whether it was made to fail; what it left is then uncertain.
  bool failed;
  /// The file's name, relative to the folder.
  const char *name;
  /// The new name of FAULT_RENAME.
  const char *new_name;
  /// Where a write begins; the size after a truncation; the number of a note.
  int64_t offset;
  /// The bytes of a write.
  const uint8_t *bytes;
  int64_t count;
};

/// A folder whose files are watched.
struct fault_disk;

/// Watches a folder, given by its absolute path without links; NULL if too many are watched.
struct fault_disk *fault_mount(const char *folder);

/// Ends that; no file in the folder may be open.
void fault_unmount(struct fault_disk *disk);

/// Forgets what was recorded and begins or ends recording.
void fault_record(struct fault_disk *disk, bool on);

/// Holds recording and faults back, or lets them go on.
void fault_pause(struct fault_disk *disk, bool on);

/// Records a note.
void fault_note(struct fault_disk *disk, int64_t number);

/// What was recorded; valid until fault_record() or fault_unmount().
const struct fault_operation *fault_operations(struct fault_disk *disk, size_t *count);

/// Fails the `at`-th operation (from 0) of those whose kinds are in `kinds` (bits), and with `forever` all after it.
void fault_arm(struct fault_disk *disk, uint32_t kinds, int64_t at, bool forever, enum fault_mode mode);

/// Ends that; returns how many operations were of those kinds, and in `fired` how many failed.
int64_t fault_disarm(struct fault_disk *disk, int64_t *fired);

/// Fails the `at`-th allocation (from 0) that SQLite makes on this thread, and with `forever` all after it.
void fault_arm_memory(int64_t at, bool forever);

/// Ends that; returns how many allocations there were, and in `fired` how many failed.
int64_t fault_disarm_memory(int64_t *fired);

/// Lets allocations on this thread pass uncounted, or ends that.
void fault_pause_memory(bool on);

/// A hash of bytes.
uint64_t fault_hash(const void *bytes, size_t count, uint64_t seed);

/// A hash of every row of every table and of the schema; 0 if they cannot be read. `except` names tables to leave out,
/// each with a blank before and behind it.
uint64_t fault_dump_hash(struct sqlite3 *database, const char *except);

/// A hash of all pages as the connection sees them, those in the log included; 0 if they cannot be read.
uint64_t fault_page_hash(struct sqlite3 *database);

/// Runs `body` in a copy of this process; returns its exit status, or -1 if it did not end by itself.
int fault_in_fork(int (*body)(void *context), void *context);

#endif

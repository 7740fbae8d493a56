// Why: the store makes a few calls by itself: a rename, a folder's sync, the removal of leftovers, the lock, a key.
// The linker sends those calls here (--wrap in Package.swift); SQLite's own calls do not pass.

#include "FaultDisk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_fsync(int descriptor);
int __real_flock(int descriptor, int operation);
ssize_t __real_pwrite(int descriptor, const void *bytes, size_t count, off_t offset);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_fsync(int descriptor);
int __wrap_flock(int descriptor, int operation);
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t count, off_t offset);

/// Whether a call fails; errno is set then.
static bool fails(struct fault_disk *disk, enum fault_kind kind)
{
  struct fault_verdict verdict = fault_meet(disk, kind);
  if (!verdict.fails || verdict.mode == FAULT_SHORT) {
    return false;
  }
  errno = fault_errno(verdict);
  return true;
}

/// The folder of an open file, and its name in it.
static struct fault_disk *find_open(int descriptor, char *path, size_t size, const char **name)
{
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) {
    return NULL;
  }
  path[length] = 0;
  return fault_find(path, name);
}

int __wrap_rename(const char *from, const char *to)
{
  const char *name = NULL, *new_name = NULL;
  struct fault_disk *disk = fault_find(from, &name);
  if (disk == NULL || fault_find(to, &new_name) != disk) {
    return __real_rename(from, to);
  }
  if (fails(disk, FAULT_RENAME)) {
    return -1;
  }
  int code = __real_rename(from, to);
  if (code == 0) {
    fault_log(disk, (struct fault_operation){.kind = FAULT_RENAME, .name = name, .new_name = new_name});
  }
  return code;
}

int __wrap_unlink(const char *path)
{
  const char *name = NULL;
  struct fault_disk *disk = fault_find(path, &name);
  if (disk == NULL) {
    return __real_unlink(path);
  }
  if (fails(disk, FAULT_DELETE)) {
    return -1;
  }
  int code = __real_unlink(path);
  if (code == 0) {
    fault_log(disk, (struct fault_operation){.kind = FAULT_DELETE, .name = name});
  }
  return code;
}

int __wrap_fsync(int descriptor)
{
  char path[4096];
  const char *name = NULL;
  struct fault_disk *disk = find_open(descriptor, path, sizeof path, &name);
  if (disk == NULL) {
    return __real_fsync(descriptor);
  }
  enum fault_kind kind = *name == 0 ? FAULT_FOLDER_SYNC : FAULT_SYNC;
  bool failed = fails(disk, kind);
  fault_log(disk, (struct fault_operation){.kind = kind, .failed = failed, .name = name});
  return failed ? -1 : __real_fsync(descriptor);
}

int __wrap_flock(int descriptor, int operation)
{
  char path[4096];
  const char *name = NULL;
  struct fault_disk *disk = find_open(descriptor, path, sizeof path, &name);
  return disk != NULL && fails(disk, FAULT_LOCK) ? -1 : __real_flock(descriptor, operation);
}

/// What stands in a lock outlives nobody: its holder's name is no operation.
static bool is_lock(const char *name)
{
  size_t length = strlen(name);
  return length >= 5 && strcmp(name + length - 5, "-lock") == 0;
}

// A key lies in one sector: all of it is written, or nothing.
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
  char path[4096];
  const char *name = NULL;
  struct fault_disk *disk = find_open(descriptor, path, sizeof path, &name);
  if (disk == NULL || is_lock(name)) {
    return __real_pwrite(descriptor, bytes, count, offset);
  }
  if (fails(disk, FAULT_WRITE)) {
    return -1;
  }
  ssize_t written = __real_pwrite(descriptor, bytes, count, offset);
  if (written > 0) {
    fault_log(
        disk,
        (struct fault_operation){
            .kind = FAULT_WRITE, .name = name, .offset = offset, .bytes = bytes, .count = written});
  }
  return written;
}

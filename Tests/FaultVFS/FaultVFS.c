// Why: the VFS: SQLite's own, with each operation of a watched folder counted, failed or recorded. Files
// elsewhere get SQLite's own methods, so other tests of the process are not touched.

#include "FaultDisk.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// A watched file; SQLite's own follows it in memory.
struct file {
  sqlite3_file base;
  struct fault_disk *disk;
  /// Relative to the folder.
  char *name;
  /// The first sync of a new journal or log syncs the folder too.
  bool syncs_folder;
};

static sqlite3_vfs *unix_vfs;
static sqlite3_vfs fault_vfs;
static _Thread_local int last_errno;
static _Thread_local int short_calls;

static sqlite3_file *own(sqlite3_file *file) { return (sqlite3_file *)((struct file *)file + 1); }
static struct fault_disk *disk_of(sqlite3_file *file) { return ((struct file *)file)->disk; }
static const char *name_of(sqlite3_file *file) { return ((struct file *)file)->name; }

/// The code of a failed operation.
static int failure(struct fault_verdict verdict, int code)
{
  last_errno = fault_errno(verdict);
  return verdict.mode == FAULT_NO_SPACE && code == SQLITE_IOERR_WRITE ? SQLITE_FULL : code;
}

/// Whether an operation fails; a short one is told to the system calls instead.
static bool fails(sqlite3_file *file, enum fault_kind kind, struct fault_verdict *verdict)
{
  *verdict = fault_meet(disk_of(file), kind);
  if (verdict->fails && verdict->mode == FAULT_SHORT) {
    short_calls = 2;
    return false;
  }
  return verdict->fails;
}

// System calls ----------------------------------------------------------------------------------------------------

typedef ssize_t (*read_call)(int, void *, size_t, off_t);
typedef ssize_t (*write_call)(int, const void *, size_t, off_t);
static read_call system_read;
static write_call system_write;

/// The bytes that a call may move: first none, interrupted, then half of them, then all.
static bool interrupts(size_t *count)
{
  if (short_calls == 0) {
    return false;
  }
  if (short_calls-- == 2) {
    errno = EINTR;
    return true;
  }
  *count = *count > 1 ? *count / 2 : *count;
  return false;
}

static ssize_t short_read(int descriptor, void *bytes, size_t count, off_t offset)
{
  return interrupts(&count) ? -1 : system_read(descriptor, bytes, count, offset);
}

static ssize_t short_write(int descriptor, const void *bytes, size_t count, off_t offset)
{
  return interrupts(&count) ? -1 : system_write(descriptor, bytes, count, offset);
}

// Files -----------------------------------------------------------------------------------------------------------

static int file_close(sqlite3_file *file)
{
  int code = own(file)->pMethods->xClose(own(file));
  free(((struct file *)file)->name);
  return code;
}

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset)
{
  struct fault_verdict verdict;
  if (fails(file, FAULT_READ, &verdict)) {
    return failure(verdict, SQLITE_IOERR_READ);
  }
  int code = own(file)->pMethods->xRead(own(file), bytes, count, offset);
  short_calls = 0;
  return code;
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
  struct fault_verdict verdict;
  bool failed = fails(file, FAULT_WRITE, &verdict);
  int kept = failed ? (verdict.mode == FAULT_IO_ERROR ? 0 : count / 2) : count;
  int code = SQLITE_OK;
  if (kept > 0) {
    fault_log(
        disk_of(file),
        (struct fault_operation){
            .kind = FAULT_WRITE, .failed = failed, .name = name_of(file), .offset = offset, .bytes = bytes,
            .count = kept});
    code = own(file)->pMethods->xWrite(own(file), bytes, kept, offset);
    short_calls = 0;
  }
  return failed ? failure(verdict, SQLITE_IOERR_WRITE) : code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  struct fault_verdict verdict;
  if (fails(file, FAULT_TRUNCATE, &verdict)) {
    return failure(verdict, SQLITE_IOERR_TRUNCATE);
  }
  fault_log(disk_of(file), (struct fault_operation){.kind = FAULT_TRUNCATE, .name = name_of(file), .offset = size});
  return own(file)->pMethods->xTruncate(own(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
  struct fault_verdict verdict;
  bool failed = fails(file, FAULT_SYNC, &verdict);
  fault_log(disk_of(file), (struct fault_operation){.kind = FAULT_SYNC, .failed = failed, .name = name_of(file)});
  if (failed) {
    return failure(verdict, SQLITE_IOERR_FSYNC);
  }
  if (((struct file *)file)->syncs_folder) {
    ((struct file *)file)->syncs_folder = false;
    if (fails(file, FAULT_FOLDER_SYNC, &verdict)) {
      // SQLite's own VFS does not tell of it either.
      return own(file)->pMethods->xSync(own(file), flags);
    }
    fault_log(disk_of(file), (struct fault_operation){.kind = FAULT_FOLDER_SYNC, .name = ""});
  }
  return own(file)->pMethods->xSync(own(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
  struct fault_verdict verdict;
  if (fails(file, FAULT_SIZE, &verdict)) {
    return failure(verdict, SQLITE_IOERR_FSTAT);
  }
  return own(file)->pMethods->xFileSize(own(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
  struct fault_verdict verdict;
  if (fails(file, FAULT_LOCK, &verdict)) {
    return failure(verdict, SQLITE_IOERR_LOCK);
  }
  return own(file)->pMethods->xLock(own(file), level);
}

static int file_unlock(sqlite3_file *file, int level) { return own(file)->pMethods->xUnlock(own(file), level); }

static int file_check_lock(sqlite3_file *file, int *held)
{
  return own(file)->pMethods->xCheckReservedLock(own(file), held);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
  return own(file)->pMethods->xFileControl(own(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file) { return own(file)->pMethods->xSectorSize(own(file)); }

static int file_characteristics(sqlite3_file *file)
{
  return own(file)->pMethods->xDeviceCharacteristics(own(file));
}

static int file_map(sqlite3_file *file, int region, int size, int extend, void volatile **memory)
{
  struct fault_verdict verdict;
  if (fails(file, FAULT_MAP, &verdict)) {
    return failure(verdict, verdict.mode == FAULT_NO_SPACE ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP);
  }
  return own(file)->pMethods->xShmMap(own(file), region, size, extend, memory);
}

static int file_lock_map(sqlite3_file *file, int offset, int count, int flags)
{
  struct fault_verdict verdict;
  if ((flags & SQLITE_SHM_LOCK) != 0 && fails(file, FAULT_LOCK, &verdict)) {
    return failure(verdict, SQLITE_IOERR_SHMLOCK);
  }
  return own(file)->pMethods->xShmLock(own(file), offset, count, flags);
}

static void file_barrier(sqlite3_file *file) { own(file)->pMethods->xShmBarrier(own(file)); }

static int file_unmap(sqlite3_file *file, int deletes) { return own(file)->pMethods->xShmUnmap(own(file), deletes); }

static const sqlite3_io_methods methods = {
    2,           file_close,      file_read,        file_write,   file_truncate,    file_sync,
    file_size,   file_lock,       file_unlock,      file_check_lock, file_control,  file_sector_size,
    file_characteristics, file_map, file_lock_map,  file_barrier, file_unmap,       NULL,
    NULL,
};

// The file system -------------------------------------------------------------------------------------------------

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *given)
{
  (void)vfs;
  const char *name = NULL;
  struct fault_disk *disk = fault_find(path, &name);
  if (disk == NULL) {
    return unix_vfs->xOpen(unix_vfs, path, file, flags, given);
  }
  struct file *opened = (struct file *)file;
  memset(opened, 0, sizeof *opened);
  bool creates = (flags & SQLITE_OPEN_CREATE) != 0 && access(path, F_OK) != 0;
  struct fault_verdict verdict = fault_meet(disk, creates ? FAULT_CREATE : FAULT_OPEN);
  if (verdict.fails && verdict.mode != FAULT_SHORT) {
    return failure(verdict, SQLITE_CANTOPEN);
  }
  int code = unix_vfs->xOpen(unix_vfs, path, own(file), flags, given);
  if (code != SQLITE_OK) {
    return code;
  }
  if (creates) {
    fault_log(disk, (struct fault_operation){.kind = FAULT_CREATE, .name = name});
  }
  opened->disk = disk;
  opened->name = strdup(name);
  opened->syncs_folder =
      creates && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  file->pMethods = &methods;
  return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int syncs_folder)
{
  (void)vfs;
  const char *name = NULL;
  struct fault_disk *disk = fault_find(path, &name);
  if (disk == NULL) {
    return unix_vfs->xDelete(unix_vfs, path, syncs_folder);
  }
  struct fault_verdict verdict = fault_meet(disk, FAULT_DELETE);
  if (verdict.fails) {
    return failure(verdict, SQLITE_IOERR_DELETE);
  }
  int code = unix_vfs->xDelete(unix_vfs, path, 0);
  if (code != SQLITE_OK) {
    return code;
  }
  fault_log(disk, (struct fault_operation){.kind = FAULT_DELETE, .name = name});
  if (syncs_folder != 0) {
    verdict = fault_meet(disk, FAULT_FOLDER_SYNC);
    if (verdict.fails) {
      return failure(verdict, SQLITE_IOERR_DIR_FSYNC);
    }
    fault_log(disk, (struct fault_operation){.kind = FAULT_FOLDER_SYNC, .name = ""});
  }
  return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
  (void)vfs;
  const char *name = NULL;
  struct fault_disk *disk = fault_find(path, &name);
  if (disk != NULL) {
    struct fault_verdict verdict = fault_meet(disk, FAULT_ACCESS);
    if (verdict.fails) {
      return failure(verdict, SQLITE_IOERR_ACCESS);
    }
  }
  return unix_vfs->xAccess(unix_vfs, path, flags, result);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
  (void)vfs;
  return unix_vfs->xFullPathname(unix_vfs, path, size, out);
}

static int vfs_last_error(sqlite3_vfs *vfs, int count, char *out)
{
  (void)vfs;
  int number = last_errno;
  last_errno = 0;
  return number != 0 ? number : unix_vfs->xGetLastError(unix_vfs, count, out);
}

static void put_before(void)
{
  unix_vfs = sqlite3_vfs_find("unix");
  system_read = (read_call)unix_vfs->xGetSystemCall(unix_vfs, "pread64");
  system_write = (write_call)unix_vfs->xGetSystemCall(unix_vfs, "pwrite64");
  unix_vfs->xSetSystemCall(unix_vfs, "pread64", (sqlite3_syscall_ptr)short_read);
  unix_vfs->xSetSystemCall(unix_vfs, "pwrite64", (sqlite3_syscall_ptr)short_write);
  // Whatever is not about files stays SQLite's own.
  fault_vfs = *unix_vfs;
  fault_vfs.pNext = NULL;
  fault_vfs.zName = "custody-fault";
  fault_vfs.szOsFile = (int)sizeof(struct file) + unix_vfs->szOsFile;
  fault_vfs.xOpen = vfs_open;
  fault_vfs.xDelete = vfs_delete;
  fault_vfs.xAccess = vfs_access;
  fault_vfs.xFullPathname = vfs_full_pathname;
  fault_vfs.xGetLastError = vfs_last_error;
  sqlite3_vfs_register(&fault_vfs, 1);
}

void fault_register(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, put_before);
}

// Why: the folders that are watched, what was done in them, and which operation is to fail. A folder is used
// by one thread at a time; folders themselves come and go on any.

#include "FaultDisk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_DISKS = 64 };

struct fault_disk {
  char *folder;
  size_t folder_length;
  bool records;
  bool paused;
  struct fault_operation *operations;
  size_t count, capacity;
  bool armed;
  uint32_t kinds;
  int64_t at, seen, fired;
  bool forever;
  enum fault_mode mode;
};

static struct fault_disk *disks[MOST_DISKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct fault_disk *fault_mount(const char *folder)
{
  fault_register();
  struct fault_disk *disk = calloc(1, sizeof *disk);
  disk->folder = strdup(folder);
  disk->folder_length = strlen(folder);
  bool found = false;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < MOST_DISKS && !found; i++) {
    if (disks[i] == NULL) {
      disks[i] = disk;
      found = true;
    }
  }
  pthread_mutex_unlock(&lock);
  if (found) {
    return disk;
  }
  free(disk->folder);
  free(disk);
  return NULL;
}

static void forget(struct fault_disk *disk)
{
  for (size_t i = 0; i < disk->count; i++) {
    free((void *)disk->operations[i].name);
    free((void *)disk->operations[i].new_name);
    free((void *)disk->operations[i].bytes);
  }
  disk->count = 0;
}

void fault_unmount(struct fault_disk *disk)
{
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < MOST_DISKS; i++) {
    if (disks[i] == disk) {
      disks[i] = NULL;
    }
  }
  pthread_mutex_unlock(&lock);
  forget(disk);
  free(disk->operations);
  free(disk->folder);
  free(disk);
}

struct fault_disk *fault_find(const char *path, const char **name)
{
  struct fault_disk *found = NULL;
  if (path == NULL) {
    return NULL;
  }
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < MOST_DISKS && found == NULL; i++) {
    struct fault_disk *disk = disks[i];
    if (disk != NULL && strncmp(path, disk->folder, disk->folder_length) == 0) {
      const char *rest = path + disk->folder_length;
      if (*rest == '/' || *rest == 0) {
        *name = *rest == '/' ? rest + 1 : rest;
        found = disk;
      }
    }
  }
  pthread_mutex_unlock(&lock);
  return found;
}

void fault_record(struct fault_disk *disk, bool on)
{
  if (on) {
    forget(disk);
  }
  disk->records = on;
}

void fault_pause(struct fault_disk *disk, bool on) { disk->paused = on; }

void fault_note(struct fault_disk *disk, int64_t number)
{
  fault_log(disk, (struct fault_operation){.kind = FAULT_NOTE, .name = "", .offset = number});
}

const struct fault_operation *fault_operations(struct fault_disk *disk, size_t *count)
{
  *count = disk->count;
  return disk->operations;
}

void fault_arm(struct fault_disk *disk, uint32_t kinds, int64_t at, bool forever, enum fault_mode mode)
{
  disk->kinds = kinds;
  disk->at = at;
  disk->forever = forever;
  disk->mode = mode;
  disk->seen = disk->fired = 0;
  disk->armed = true;
}

int64_t fault_disarm(struct fault_disk *disk, int64_t *fired)
{
  disk->armed = false;
  *fired = disk->fired;
  return disk->seen;
}

struct fault_verdict fault_meet(struct fault_disk *disk, enum fault_kind kind)
{
  struct fault_verdict verdict = {.fails = false, .mode = disk->mode};
  if (!disk->armed || disk->paused || (disk->kinds >> kind & 1) == 0) {
    return verdict;
  }
  int64_t number = disk->seen++;
  verdict.fails = disk->forever ? number >= disk->at : number == disk->at;
  disk->fired += verdict.fails;
  return verdict;
}

int fault_errno(struct fault_verdict verdict) { return verdict.mode == FAULT_NO_SPACE ? ENOSPC : EIO; }

void fault_log(struct fault_disk *disk, struct fault_operation operation)
{
  if (!disk->records || disk->paused) {
    return;
  }
  if (disk->count == disk->capacity) {
    disk->capacity = disk->capacity == 0 ? 1024 : disk->capacity * 2;
    disk->operations = realloc(disk->operations, disk->capacity * sizeof *disk->operations);
  }
  operation.name = strdup(operation.name);
  operation.new_name = operation.new_name == NULL ? NULL : strdup(operation.new_name);
  if (operation.bytes != NULL) {
    uint8_t *copy = malloc((size_t)operation.count);
    memcpy(copy, operation.bytes, (size_t)operation.count);
    operation.bytes = copy;
  }
  disk->operations[disk->count++] = operation;
}

int fault_in_fork(int (*body)(void *context), void *context)
{
  pid_t child = fork();
  if (child < 0) {
    return -1;
  }
  if (child == 0) {
    // A lock that another thread held at the fork would never be let go.
    alarm(30);
    _exit(body(context));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

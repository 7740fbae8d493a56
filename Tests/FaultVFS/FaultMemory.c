// Why: SQLite lets its allocator be replaced only before it is first used, so the hook is laid when the
// process is loaded. It fails allocations on the thread that asked for it and nowhere else.

#include "FaultVFS.h"

#include <sqlite3.h>

static sqlite3_mem_methods usual;
static _Thread_local bool armed;
static _Thread_local bool forever, paused;
static _Thread_local int64_t at, seen, fired;

static bool fails(void)
{
  if (!armed || paused) {
    return false;
  }
  int64_t number = seen++;
  bool failed = forever ? number >= at : number == at;
  fired += failed;
  return failed;
}

static void *hooked_malloc(int count) { return fails() ? NULL : usual.xMalloc(count); }
static void *hooked_realloc(void *old, int count) { return fails() ? NULL : usual.xRealloc(old, count); }

__attribute__((constructor)) static void lay_hook(void)
{
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) != SQLITE_OK) {
    return;
  }
  sqlite3_mem_methods hooked = usual;
  hooked.xMalloc = hooked_malloc;
  hooked.xRealloc = hooked_realloc;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked);
  // Nobody asks for statistics, and threads wait for each other over them.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

void fault_arm_memory(int64_t number, bool all)
{
  at = number;
  forever = all;
  seen = fired = 0;
  armed = true;
}

void fault_pause_memory(bool on) { paused = on; }

int64_t fault_disarm_memory(int64_t *count)
{
  armed = false;
  *count = fired;
  return seen;
}

// The library that opens journals takes a failure of these two for a mistake of its own and ends the process.

typedef void (*call)(sqlite3_context *, int, sqlite3_value **);
int __real_sqlite3_create_function_v2(
    sqlite3 *, const char *, int, int, void *, call, call, void (*)(sqlite3_context *), void (*)(void *));
int __real_sqlite3_create_collation_v2(
    sqlite3 *, const char *, int, void *, int (*)(void *, int, const void *, int, const void *), void (*)(void *));
int __wrap_sqlite3_create_function_v2(
    sqlite3 *, const char *, int, int, void *, call, call, void (*)(sqlite3_context *), void (*)(void *));
int __wrap_sqlite3_create_collation_v2(
    sqlite3 *, const char *, int, void *, int (*)(void *, int, const void *, int, const void *), void (*)(void *));

int __wrap_sqlite3_create_function_v2(
    sqlite3 *database, const char *name, int count, int encoding, void *context, call function, call step,
    void (*final)(sqlite3_context *), void (*destroy)(void *))
{
  bool was_paused = paused;
  paused = true;
  int code = __real_sqlite3_create_function_v2(
      database, name, count, encoding, context, function, step, final, destroy);
  paused = was_paused;
  return code;
}

int __wrap_sqlite3_create_collation_v2(
    sqlite3 *database, const char *name, int encoding, void *context,
    int (*compare)(void *, int, const void *, int, const void *), void (*destroy)(void *))
{
  bool was_paused = paused;
  paused = true;
  int code = __real_sqlite3_create_collation_v2(database, name, encoding, context, compare, destroy);
  paused = was_paused;
  return code;
}

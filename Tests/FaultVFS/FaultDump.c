// Why: tens of thousands of journals are compared by what is in them, and that must be quick.

#include "FaultVFS.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t word)
{
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

uint64_t fault_hash(const void *bytes, size_t count, uint64_t seed)
{
  const uint8_t *next = bytes;
  uint64_t lanes[4] = {seed, ~seed, seed + 1, seed ^ count};
  for (; count >= 32; count -= 32, next += 32) {
    uint64_t words[4];
    memcpy(words, next, sizeof words);
    for (int i = 0; i < 4; i++) {
      lanes[i] = mix(lanes[i], words[i]);
    }
  }
  uint64_t hash = mix(mix(mix(lanes[0], lanes[1]), lanes[2]), lanes[3]);
  for (; count > 0; count--, next++) {
    hash = mix(hash, *next);
  }
  return mix(hash, seed);
}

/// Mixes all rows of a statement into `hash`; false if reading failed.
static bool dump(sqlite3 *database, const char *sql, uint64_t *hash)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) {
    return false;
  }
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    for (int column = 0; column < sqlite3_column_count(statement); column++) {
      int type = sqlite3_column_type(statement, column);
      if (type == SQLITE_INTEGER) {
        *hash = mix(*hash, (uint64_t)sqlite3_column_int64(statement, column));
      } else if (type != SQLITE_NULL) {
        const void *bytes = sqlite3_column_blob(statement, column);
        *hash = fault_hash(bytes, (size_t)sqlite3_column_bytes(statement, column), *hash);
      }
      *hash = mix(*hash, (uint64_t)type);
    }
  }
  return sqlite3_finalize(statement) == SQLITE_OK && code == SQLITE_DONE;
}

uint64_t fault_dump_hash(sqlite3 *database, const char *except)
{
  uint64_t hash = 1;
  bool good = dump(database, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name", &hash);
  sqlite3_stmt *tables = NULL;
  const char *sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
  good = good && sqlite3_prepare_v2(database, sql, -1, &tables, NULL) == SQLITE_OK;
  int code = SQLITE_DONE;
  while (good && (code = sqlite3_step(tables)) == SQLITE_ROW) {
    char text[256];
    const char *name = (const char *)sqlite3_column_text(tables, 0);
    if (name == NULL) {
      continue;
    }
    snprintf(text, sizeof text, " %s ", name);
    if (strstr(except, text) != NULL) {
      continue;
    }
    snprintf(text, sizeof text, "SELECT * FROM \"%s\"", name);
    good = dump(database, text, &hash);
  }
  good = sqlite3_finalize(tables) == SQLITE_OK && good && code == SQLITE_DONE;
  return good ? hash | 1 : 0;
}

uint64_t fault_page_hash(sqlite3 *database)
{
  sqlite3_int64 size = 0;
  unsigned char *pages = sqlite3_serialize(database, "main", &size, 0);
  uint64_t hash = pages == NULL ? 0 : fault_hash(pages, (size_t)size, 3) | 1;
  sqlite3_free(pages);
  return hash;
}

// Why: the C half of the append benchmark; the header tells what it is measured against.

#include "CAppendBaseline.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_TABLES = 16, CHECKPOINT_PAGES = 4096 };

struct custody_baseline {
  sqlite3 *db;
  sqlite3_stmt *statements[MAX_TABLES];
  int columns[MAX_TABLES];
  int count;
  int log_pages;
};

static int count_pages(void *base, sqlite3 *db, const char *name, int pages)
{
  (void)db;
  (void)name;
  ((custody_baseline *)base)->log_pages = pages;
  return SQLITE_OK;
}

custody_baseline *custody_baseline_open(const char *path)
{
  custody_baseline *base = calloc(1, sizeof *base);
  if (!base)
    return NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const char *settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
                         "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;";
  if (sqlite3_open_v2(path, &base->db, flags, NULL) || sqlite3_exec(base->db, settings, NULL, NULL, NULL)) {
    sqlite3_close(base->db);
    free(base);
    return NULL;
  }
  sqlite3_wal_hook(base->db, count_pages, base);
  return base;
}

int custody_baseline_table(custody_baseline *base, const char *name, int columns)
{
  char sql[256];
  if (base->count == MAX_TABLES)
    return -1;
  int length = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", name);
  for (int i = 1; i < columns; i++)
    length += snprintf(sql + length, sizeof sql - (size_t)length, ", ?");
  snprintf(sql + length, sizeof sql - (size_t)length, ")");
  if (sqlite3_prepare_v3(base->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &base->statements[base->count], NULL))
    return -1;
  base->columns[base->count] = columns;
  return base->count++;
}

int custody_baseline_begin(custody_baseline *base)
{
  return sqlite3_exec(base->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
}

int custody_baseline_append(custody_baseline *base, int table, const custody_baseline_row *rows, int64_t count)
{
  sqlite3_stmt *statement = base->statements[table];
  int columns = base->columns[table];
  for (int64_t r = 0; r < count; r++) {
    const custody_baseline_row *row = &rows[r];
    int numbers = row->text ? columns - 1 : columns;
    for (int i = 0; i < numbers; i++) {
      if (row->nulls >> i & 1)
        sqlite3_bind_null(statement, i + 1);
      else
        sqlite3_bind_int64(statement, i + 1, row->values[i]);
    }
    if (row->text)
      sqlite3_bind_text(statement, columns, row->text, row->text_bytes, SQLITE_STATIC);
    if (sqlite3_step(statement) != SQLITE_DONE)
      return 1;
    sqlite3_reset(statement);
  }
  return 0;
}

int custody_baseline_commit(custody_baseline *base)
{
  if (sqlite3_exec(base->db, "COMMIT", NULL, NULL, NULL))
    return 1;
  if (base->log_pages < CHECKPOINT_PAGES)
    return 0;
  return sqlite3_wal_checkpoint_v2(base->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int custody_baseline_close(custody_baseline *base)
{
  for (int i = 0; i < base->count; i++)
    sqlite3_finalize(base->statements[i]);
  sqlite3_exec(base->db, "UPDATE writer_state SET clean = 1", NULL, NULL, NULL);
  int code = sqlite3_exec(base->db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
  code |= sqlite3_close(base->db);
  free(base);
  return code;
}

int64_t custody_baseline_scan(const char *path, const char *sql, uint64_t *hash)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  int64_t count = -1;
  if (!sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL)
      && !sqlite3_prepare_v2(db, sql, -1, &statement, NULL)) {
    int columns = sqlite3_column_count(statement);
    int code;
    for (count = 0; (code = sqlite3_step(statement)) == SQLITE_ROW; count++)
      for (int i = 0; i < columns; i++)
        *hash = (*hash ^ (uint64_t)sqlite3_column_int64(statement, i)) * 1099511628211u;
    if (code != SQLITE_DONE)
      count = -1;
  }
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return count;
}

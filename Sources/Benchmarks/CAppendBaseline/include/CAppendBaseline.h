// Why: the yardstick of the append path: a plain C program that inserts the same rows into the same
// schema, with the same settings and groups. Not here: making the rows, measuring.
#ifndef CUSTODY_CAPPENDBASELINE_H
#define CUSTODY_CAPPENDBASELINE_H

#include <stdint.h>

/// The columns of a row as numbers; bit i of `nulls` says that column i is NULL. The last column is the
/// text, if there is one.
typedef struct {
  int64_t values[12];
  uint32_t nulls;
  int32_t text_bytes;
  const char *text;
} custody_baseline_row;

typedef struct custody_baseline custody_baseline;

/// Opens a journal; NULL on failure.
custody_baseline *custody_baseline_open(const char *path);
/// Prepares an INSERT of so many columns; returns the table's number, or -1.
int custody_baseline_table(custody_baseline *base, const char *name, int columns);
/// Begins a group; 0 on success, as below.
int custody_baseline_begin(custody_baseline *base);
/// Inserts rows.
int custody_baseline_append(custody_baseline *base, int table, const custody_baseline_row *rows, int64_t count);
/// Ends a group: one commit, and a checkpoint when the log has grown to 16 MiB.
int custody_baseline_commit(custody_baseline *base);
/// Checkpoints, leaves DELETE mode and closes.
int custody_baseline_close(custody_baseline *base);

/// Reads all rows of a query, folding the numbers into a hash; returns how many rows there are, -1 on failure.
int64_t custody_baseline_scan(const char *path, const char *sql, uint64_t *hash);

#endif

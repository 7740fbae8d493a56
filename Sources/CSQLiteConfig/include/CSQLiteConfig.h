// Why: sqlite3_db_config() is variadic in C, so Swift cannot call it. Not here: which settings a
// connection wants (Journal decides).
#ifndef CUSTODY_CSQLITECONFIG_H
#define CUSTODY_CSQLITECONFIG_H

struct sqlite3;

/// Switches one on/off setting of a connection (an SQLITE_DBCONFIG_ number); returns SQLite's code.
int custody_sqlite_configure(struct sqlite3 *connection, int setting, int value);

#endif

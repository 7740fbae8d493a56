// Why: the one variadic call that Swift cannot make.

#include "CSQLiteConfig.h"

#include <sqlite3.h>
#include <stddef.h>

int custody_sqlite_configure(struct sqlite3 *connection, int setting, int value)
{
  return sqlite3_db_config(connection, setting, value, (int *)NULL);
}

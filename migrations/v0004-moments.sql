-- Names that users give to moments. Not history: a name may be moved or taken away.
CREATE TABLE bookmark (
  name   TEXT PRIMARY KEY,
  seq    INTEGER NOT NULL, -- the moment is right after this entry; 0 is before the first
  digest BLOB NOT NULL     -- SHA-256 of both: the chain does not cover names, a flipped bit is found by this
) STRICT, WITHOUT ROWID;

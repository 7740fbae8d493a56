-- Moments get names, and the state at any moment is found without reading what came long before.

-- Names that users give to moments. Not history: a name may be moved or taken away.
CREATE TABLE bookmark (
  name   TEXT PRIMARY KEY,
  seq    INTEGER NOT NULL, -- the moment is right after this entry; 0 is before the first
  digest BLOB NOT NULL     -- SHA-256 of both: the chain does not cover names, a flipped bit is found by this
) STRICT, WITHOUT ROWID;

-- The newest image of each node up to a moment.
CREATE INDEX snapshot_leaf_node ON snapshot_leaf (space, field, level, leaf, seq);

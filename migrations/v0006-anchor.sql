-- A journal whose beginning was dropped (`custody prune`) begins behind the entry that stands here. What its machine
-- was there stands in snapshot_leaf, at that entry, and in the own snapshot that is named here. What else was kept
-- from before, and why, stands in the documentation (Prune).

CREATE TABLE anchor (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  seq        INTEGER NOT NULL,  -- the last entry that was dropped; the seal at it was kept
  time       INTEGER,           -- nanoseconds of the last dropped entry that told any
  snapshot   INTEGER NOT NULL,  -- the own snapshot with the raw words of all tables there; raw 0: nobody knows
  known      INTEGER NOT NULL,  -- of the tables: 0 only what calls saw, 1 what a snapshot had shown, 2 every page
  last_space INTEGER NOT NULL,  -- dropped entries have named no space behind this one,
  loose      TEXT NOT NULL,     -- nor these, with blanks between
  digest     TEXT NOT NULL,     -- SHA-256 of all this, of the seal, and of every row that was kept from before
  epoch      INTEGER,           -- as in seal
  tag        TEXT
) STRICT;

CREATE TRIGGER anchor_no_update BEFORE UPDATE ON anchor
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER anchor_no_delete BEFORE DELETE ON anchor
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;

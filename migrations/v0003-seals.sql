-- Seals: a hash chain over the history, so that a row that was changed, lost or exchanged is found by name.
-- What is hashed, byte by byte, stands in the documentation (Seals). All hashes are lower-case hexadecimal.

CREATE TABLE seal (
  seq        INTEGER PRIMARY KEY,  -- 0 (the facts), then every 1024th entry, wherever the commits fell
  head       TEXT NOT NULL,        -- SHA-256 of everything up to this entry
  state_hash TEXT,                 -- of the state right after it; NULL: sealed later, or by a writer without a state
  epoch      INTEGER,              -- which key of the ratchet made the tag; NULL: sealed without a key
  tag        TEXT,                 -- HMAC-SHA-256 of seq, head and state_hash
  marks      BLOB NOT NULL         -- a byte for each entry since the seal before: where to look if the head is wrong
) STRICT;

-- Where the chain stands at the last commit, as a seal would: the entries behind the last seal are covered too.
CREATE TABLE seal_tail (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  seq        INTEGER NOT NULL,     -- the last entry
  head       TEXT NOT NULL,
  state_hash TEXT,
  -- SHA-256 of what no entry covers: the sites, the spaces in loose, import_state and writer_state.
  rest       TEXT NOT NULL,
  loose      TEXT NOT NULL,        -- spaces that no entry up to the last seal has named, with blanks between
  epoch      INTEGER,
  tag        TEXT,
  marks      BLOB NOT NULL
) STRICT;

-- What an entry ended or showed is found without reading the whole table.
CREATE INDEX space_end_died ON space_end (died_seq);
CREATE INDEX snapshot_seq ON snapshot (seq);

CREATE TRIGGER seal_no_update BEFORE UPDATE ON seal
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER seal_no_delete BEFORE DELETE ON seal
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;

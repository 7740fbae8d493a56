-- What the last audit found: derived from the entries, written by `custody audit --save` as a whole, compared by
-- `custody verify`.

-- The audit went up to this entry; 0: none was saved.
CREATE TABLE audit_run (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
INSERT INTO audit_run VALUES (1, 0);

CREATE TABLE violation (
  id           INTEGER PRIMARY KEY,  -- in the order in which they became certain, from 1
  rule         TEXT NOT NULL,
  severity     TEXT NOT NULL,        -- error, warning or note
  seq          INTEGER NOT NULL,     -- the entry at which it is certain
  phase_seq    INTEGER,              -- the entry that made it so; NULL: that one
  "transition" INTEGER,              -- or the call; NULL: none
  operation    TEXT,
  step         TEXT,                 -- the kernel's
  space        INTEGER,              -- whose pages they are
  page         INTEGER,              -- pfn, or gfn in a guest; NULL: no page is concerned
  page_count   INTEGER,
  expected     TEXT NOT NULL,
  found        TEXT NOT NULL,
  racy         INTEGER NOT NULL      -- 1: another CPU explains it
) STRICT;

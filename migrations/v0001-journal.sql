-- The journal of one machine: what was checked, what was done, and what memory did.
--
-- Primary tables are append-only: triggers refuse UPDATE and DELETE. What is known of a transition only
-- at its end stands in a row of its own. A word that a join gives cheaply is not stored twice: the
-- operation, kernel function and CPU of an action are those of its begin entry. Raw 64-bit words are
-- stored as the signed integer with the same bits. NULL stands for the common case where a comment says so.

PRAGMA application_id = 1131770740;  -- 'Cust'

-- Words ---------------------------------------------------------------------------------------------------

CREATE TABLE state_word (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO state_word VALUES
  (0, 'OWNED'), (1, 'SHARED_OWNED'), (2, 'SHARED_BORROWED'), (3, 'NOPAGE'), (4, 'POISON'), (5, 'RESERVED'),
  (7, 'UNKNOWN');

-- 1 to 15: of a check; from 16: of a transition.
CREATE TABLE outcome_word (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO outcome_word VALUES
  (1, 'passed'), (2, 'failed'), (3, 'skipped'), (4, 'unknown'),
  (16, 'completed'), (17, 'refused'), (18, 'no effect'), (19, 'fatal'), (20, 'open');

CREATE TABLE table_word (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO table_word VALUES (0, 'host_s2'), (1, 'hyp_s1'), (2, 'guest_s2'), (3, 'vmemmap');

CREATE TABLE activation_word (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO activation_word VALUES
  (0, 'hypercall'), (1, 'function'), (2, 'host abort'), (3, 'guest call'), (4, 'boot');

-- The machine ---------------------------------------------------------------------------------------------

-- provenance: recorded, inferred or unknown (then value is NULL).
CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT, provenance TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE region (
  id         INTEGER PRIMARY KEY,
  start_page INTEGER NOT NULL,
  page_count INTEGER NOT NULL,
  kind       TEXT NOT NULL
) STRICT;

-- 0 host, 1 hyp, 2 ffa, then guest incarnations in order of birth.
CREATE TABLE space_row (
  id          INTEGER PRIMARY KEY,
  kind        TEXT NOT NULL,
  handle      INTEGER,
  incarnation INTEGER NOT NULL,
  protected   INTEGER,  -- NULL: nothing said so
  born_seq    INTEGER NOT NULL,
  name        TEXT AS (iif(handle IS NULL, kind, printf('guest:0x%x#%d', handle, incarnation))) VIRTUAL
) STRICT;

CREATE TABLE space_end (space INTEGER PRIMARY KEY, died_seq INTEGER NOT NULL) STRICT;

-- Entries -------------------------------------------------------------------------------------------------

-- The words that many entries share.
CREATE TABLE site (
  id              INTEGER PRIMARY KEY,
  kind            TEXT NOT NULL,
  operation       TEXT,
  kernel_function TEXT,
  kernel_step     TEXT,
  source_line     INTEGER,
  condition       TEXT,
  skipped         TEXT NOT NULL,  -- conditions that this build leaves out, with the reason; '' for none
  effect          TEXT,
  side            TEXT,
  expected        TEXT,
  new_state       TEXT,
  provenance      TEXT NOT NULL   -- of the result
) STRICT;

CREATE TABLE entry_row (
  seq        INTEGER PRIMARY KEY,  -- dense, from 1
  site       INTEGER NOT NULL,
  action     INTEGER,              -- the transition or activation it belongs to
  space      INTEGER,
  page       INTEGER,              -- pfn, or gfn in a guest
  page_count INTEGER,              -- NULL beside a page: 1
  cpu        INTEGER,
  found      INTEGER,              -- state_word
  outcome    INTEGER,              -- outcome_word
  result     INTEGER,              -- errnos negative
  time       INTEGER               -- nanoseconds since the start of the recording
) STRICT;

CREATE TABLE entry_note (seq INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;

-- Where a source's own numbering of lines starts anew: entry first_seq + n has index first_index + n, up
-- to the next row; NULL: these entries have no line of their own.
CREATE TABLE source_run (first_seq INTEGER PRIMARY KEY, first_index INTEGER) STRICT;

-- A hole: the entry says "lost".
CREATE TABLE gap (seq INTEGER PRIMARY KEY, missing INTEGER, first_index INTEGER, why TEXT NOT NULL) STRICT;

-- What memory did under an entry. flags: table 0-1, old state 2-4, new state 5-7, inferred 8 (bits).
CREATE TABLE change_row (
  seq        INTEGER NOT NULL,
  ord        INTEGER NOT NULL,
  space      INTEGER NOT NULL,
  page       INTEGER NOT NULL,
  page_count INTEGER,           -- NULL: 1
  levels     INTEGER,           -- old level << 8 | new level, a byte each; NULL: both 3
  old        INTEGER,           -- raw word; NULL: not recorded
  new        INTEGER,           -- raw word; NULL: written, but not recorded
  flags      INTEGER NOT NULL,
  owner      INTEGER,           -- the space that the table names afterwards
  PRIMARY KEY (seq, ord)
) STRICT, WITHOUT ROWID;

-- What a begin entry saw before anything happened. flags: 1 = the pages stand in no known order.
CREATE TABLE observation_row (
  seq         INTEGER NOT NULL,
  ord         INTEGER NOT NULL,
  page        INTEGER NOT NULL,
  page_count  INTEGER,          -- NULL: 1
  frame       INTEGER,          -- struct hyp_page, raw
  host        INTEGER,          -- raw leaf of the host's stage 2
  hyp         INTEGER,          -- raw leaf of the hypervisor's stage 1
  guest_space INTEGER,
  guest_page  INTEGER,
  guest       INTEGER,          -- raw leaf of the guest's stage 2
  levels      INTEGER,          -- host << 16 | hyp << 8 | guest, a byte each; NULL: all 3
  flags       INTEGER NOT NULL,
  PRIMARY KEY (seq, ord)
) STRICT, WITHOUT ROWID;

-- Actions: calls into the hypervisor, and attempts to change ownership; both count in one series -----------

CREATE TABLE activation_row (
  id        INTEGER PRIMARY KEY,
  parent    INTEGER,
  kind      INTEGER NOT NULL,   -- activation_word
  first_seq INTEGER NOT NULL,
  x1 INTEGER, x2 INTEGER, x3 INTEGER, x4 INTEGER, x5 INTEGER, x6 INTEGER,  -- as many as were recorded
  arguments TEXT                -- NULL: none were decoded
) STRICT;

CREATE TABLE activation_end (id INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, result INTEGER) STRICT;

CREATE TABLE transition_row (
  id             INTEGER PRIMARY KEY,
  activation     INTEGER,
  source_space   INTEGER NOT NULL,
  source_address INTEGER,
  target_space   INTEGER NOT NULL,
  target_address INTEGER,
  page_count     INTEGER NOT NULL,
  first_seq      INTEGER NOT NULL,
  arguments      TEXT           -- as recorded; NULL: none
) STRICT;

CREATE TABLE transition_end (
  id         INTEGER PRIMARY KEY,
  last_seq   INTEGER NOT NULL,
  outcome    INTEGER NOT NULL,  -- outcome_word
  result     INTEGER,
  failed_seq INTEGER            -- the phase that decided a refusal
) STRICT;

-- Snapshots -----------------------------------------------------------------------------------------------

-- origin: observed (came with a recording: primary) or derived (taken by the writer: may be deleted).
CREATE TABLE snapshot (
  id        INTEGER PRIMARY KEY,
  seq       INTEGER NOT NULL,
  origin    TEXT NOT NULL,
  why       TEXT NOT NULL,
  registers TEXT NOT NULL,
  busy_cpus TEXT NOT NULL,      -- numbers with blanks between
  guests    TEXT NOT NULL       -- space numbers with blanks between
) STRICT;

CREATE TABLE snapshot_range (
  snapshot   INTEGER NOT NULL,
  ord        INTEGER NOT NULL,
  space      INTEGER NOT NULL,
  kind       INTEGER NOT NULL,  -- table_word
  page       INTEGER NOT NULL,
  page_count INTEGER NOT NULL,
  level      INTEGER NOT NULL,
  raw        INTEGER NOT NULL,
  PRIMARY KEY (snapshot, ord)
) STRICT, WITHOUT ROWID;

-- Derived: the leaves of the writer's own state that changed since its previous own snapshot.
CREATE TABLE snapshot_leaf (
  id    INTEGER PRIMARY KEY,
  seq   INTEGER NOT NULL,
  space INTEGER NOT NULL,
  field INTEGER NOT NULL,
  level INTEGER NOT NULL,
  leaf  INTEGER NOT NULL,
  body  BLOB NOT NULL
) STRICT;
CREATE INDEX snapshot_leaf_order ON snapshot_leaf (seq, level DESC);

-- The writer's own notes: not history, so they may change ----------------------------------------------------

-- Where an import stands, in the importer's words (JSON).
CREATE TABLE import_state (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  complete INTEGER NOT NULL,
  body     TEXT NOT NULL
) STRICT;

-- clean is 1 only from an orderly close to the next commit.
CREATE TABLE writer_state (one INTEGER PRIMARY KEY CHECK (one = 1), clean INTEGER NOT NULL) STRICT;
INSERT INTO writer_state VALUES (1, 0);

-- Views: the names are decoded, addresses also as text -------------------------------------------------------

CREATE VIEW space AS
SELECT s.id, s.name, s.kind, s.handle, s.incarnation, s.protected, s.born_seq, e.died_seq
FROM space_row s LEFT JOIN space_end e ON e.space = s.id;

CREATE VIEW activation AS
SELECT
  a.id, a.parent, w.name AS kind, s.kernel_function AS function, b.cpu, b.time, a.first_seq, e.last_seq, e.result,
  rtrim(
    iif(a.x1 IS NULL, '', printf('0x%x ', a.x1)) || iif(a.x2 IS NULL, '', printf('0x%x ', a.x2)) ||
    iif(a.x3 IS NULL, '', printf('0x%x ', a.x3)) || iif(a.x4 IS NULL, '', printf('0x%x ', a.x4)) ||
    iif(a.x5 IS NULL, '', printf('0x%x ', a.x5)) || iif(a.x6 IS NULL, '', printf('0x%x ', a.x6))) AS registers,
  a.arguments, a.x1, a.x2, a.x3, a.x4, a.x5, a.x6
FROM activation_row a
LEFT JOIN activation_word w ON w.id = a.kind
LEFT JOIN entry_row b ON b.seq = a.first_seq
LEFT JOIN site s ON s.id = b.site
LEFT JOIN activation_end e ON e.id = a.id;

-- page is the physical frame: the host's end of the transition. time and cpu are those of the begin entry.
CREATE VIEW "transition" AS
SELECT
  t.id, t.activation, s.operation,
  source.name AS source_space, iif(t.source_address IS NULL, NULL, printf('0x%x', t.source_address)) AS source_address,
  target.name AS target_space, iif(t.target_address IS NULL, NULL, printf('0x%x', t.target_address)) AS target_address,
  CASE 0
    WHEN t.source_space THEN t.source_address >> 12 & 0xfffffffffffff
    WHEN t.target_space THEN t.target_address >> 12 & 0xfffffffffffff
  END AS page,
  t.page_count, b.cpu, b.time, t.first_seq, e.last_seq,
  iif(e.id IS NULL, 'open', (SELECT name FROM outcome_word WHERE id = e.outcome)) AS outcome,
  e.result, e.failed_seq, t.arguments,
  t.source_address AS source_number, t.target_address AS target_number
FROM transition_row t
LEFT JOIN entry_row b ON b.seq = t.first_seq
LEFT JOIN site s ON s.id = b.site
LEFT JOIN space_row source ON source.id = t.source_space
LEFT JOIN space_row target ON target.id = t.target_space
LEFT JOIN transition_end e ON e.id = t.id;

CREATE VIEW change AS
SELECT
  c.seq, c.ord, s.name AS space,
  (SELECT name FROM table_word WHERE id = c.flags & 3) AS "table",
  c.page, ifnull(c.page_count, 1) AS page_count,
  -- a byte that is negative stands for a level above 0
  (ifnull(c.levels, 771) & 255) - ((ifnull(c.levels, 771) & 128) << 1) AS level,
  iif(c.old IS NULL, NULL, printf('0x%016x', c.old)) AS old, iif(c.new IS NULL, NULL, printf('0x%016x', c.new)) AS new,
  c.old AS old_number, c.new AS new_number,
  (SELECT name FROM state_word WHERE id = c.flags >> 2 & 7) AS old_state,
  (SELECT name FROM state_word WHERE id = c.flags >> 5 & 7) AS new_state,
  o.name AS owner,
  c.new IS NOT NULL AS complete,
  c.flags >> 8 & 1 AS inferred
FROM change_row c
LEFT JOIN space_row s ON s.id = c.space
LEFT JOIN space_row o ON o.id = c.owner;

-- The subqueries run only where a column is asked for: counting by kind reads entry_row and site alone.
-- old_state and new_state: what the entry's own changes did in the entry's space, else what its site says.
CREATE VIEW entry AS
SELECT
  e.seq, s.kind,
  iif(s.operation IS NULL, NULL, e.action) AS "transition",
  iif(s.operation IS NULL, e.action, (SELECT activation FROM transition_row WHERE id = e.action)) AS activation,
  s.operation, s.condition, s.effect, s.skipped,
  (SELECT name FROM space_row WHERE id = e.space) AS space,
  iif(e.page IS NULL, NULL, printf('0x%x', e.page << 12)) AS address,
  e.page, iif(e.page IS NULL, e.page_count, ifnull(e.page_count, 1)) AS page_count,
  s.expected,
  (SELECT name FROM state_word WHERE id = e.found) AS found,
  (SELECT w.name FROM change_row c JOIN state_word w ON w.id = c.flags >> 2 & 7
    WHERE c.seq = e.seq AND c.space = e.space ORDER BY c.ord LIMIT 1) AS old_state,
  ifnull(s.new_state, (SELECT w.name FROM change_row c JOIN state_word w ON w.id = c.flags >> 5 & 7
    WHERE c.seq = e.seq AND c.space = e.space ORDER BY c.ord LIMIT 1)) AS new_state,
  (SELECT name FROM outcome_word WHERE id = e.outcome) AS outcome,
  e.result, e.cpu, e.time, s.kernel_step, s.source_line, s.provenance,
  (SELECT count(*) FROM change_row c WHERE c.seq = e.seq) AS change_count,
  (SELECT r.first_index + (e.seq - r.first_seq) FROM source_run r
    WHERE r.first_seq <= e.seq ORDER BY r.first_seq DESC LIMIT 1) AS source_index,
  (SELECT text FROM entry_note WHERE seq = e.seq) AS note
FROM entry_row e
LEFT JOIN site s ON s.id = e.site;

-- Append-only ---------------------------------------------------------------------------------------------

CREATE TRIGGER state_word_no_update BEFORE UPDATE ON state_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER state_word_no_delete BEFORE DELETE ON state_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER outcome_word_no_update BEFORE UPDATE ON outcome_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER outcome_word_no_delete BEFORE DELETE ON outcome_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER table_word_no_update BEFORE UPDATE ON table_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER table_word_no_delete BEFORE DELETE ON table_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER activation_word_no_update BEFORE UPDATE ON activation_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER activation_word_no_delete BEFORE DELETE ON activation_word
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER region_no_update BEFORE UPDATE ON region
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER region_no_delete BEFORE DELETE ON region
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER space_row_no_update BEFORE UPDATE ON space_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER space_row_no_delete BEFORE DELETE ON space_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER space_end_no_update BEFORE UPDATE ON space_end
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER space_end_no_delete BEFORE DELETE ON space_end
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER site_no_update BEFORE UPDATE ON site
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER site_no_delete BEFORE DELETE ON site
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER entry_row_no_update BEFORE UPDATE ON entry_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER entry_row_no_delete BEFORE DELETE ON entry_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER entry_note_no_update BEFORE UPDATE ON entry_note
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER entry_note_no_delete BEFORE DELETE ON entry_note
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER source_run_no_update BEFORE UPDATE ON source_run
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER source_run_no_delete BEFORE DELETE ON source_run
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER gap_no_update BEFORE UPDATE ON gap
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER gap_no_delete BEFORE DELETE ON gap
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER change_row_no_update BEFORE UPDATE ON change_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER change_row_no_delete BEFORE DELETE ON change_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER observation_row_no_update BEFORE UPDATE ON observation_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER observation_row_no_delete BEFORE DELETE ON observation_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER activation_row_no_update BEFORE UPDATE ON activation_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER activation_row_no_delete BEFORE DELETE ON activation_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER activation_end_no_update BEFORE UPDATE ON activation_end
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER activation_end_no_delete BEFORE DELETE ON activation_end
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER transition_row_no_update BEFORE UPDATE ON transition_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER transition_row_no_delete BEFORE DELETE ON transition_row
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER transition_end_no_update BEFORE UPDATE ON transition_end
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER transition_end_no_delete BEFORE DELETE ON transition_end
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER snapshot_range_no_update BEFORE UPDATE ON snapshot_range
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER snapshot_range_no_delete BEFORE DELETE ON snapshot_range
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER snapshot_no_update BEFORE UPDATE ON snapshot WHEN OLD.origin = 'observed'
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;
CREATE TRIGGER snapshot_no_delete BEFORE DELETE ON snapshot WHEN OLD.origin = 'observed'
BEGIN SELECT raise(ABORT, 'custody: a journal is append-only'); END;

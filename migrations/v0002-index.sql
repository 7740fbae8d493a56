-- The index: who holds which page after which entry. Everything here is derived from the entries, written
-- late in batches sorted by key, and rebuilt by `custody index`; nothing of it is believed beyond the
-- entry that ownership_index names.

-- The index is valid up to this entry; 0: there is none, or it is being written.
CREATE TABLE ownership_index (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
INSERT INTO ownership_index VALUES (1, 0);

-- Who holds what as disjoint rectangles of pages and entries: so from from_seq on, until to_seq changed it.
-- A page that changed alone has a row of its own; a run has one if it came from a block below.
CREATE TABLE ownership_span_row (
  space      INTEGER NOT NULL,
  first_page INTEGER NOT NULL,  -- pfn, or gfn in a guest
  from_seq   INTEGER NOT NULL,  -- 0: before the first entry
  page_count INTEGER,           -- NULL: 1
  state      INTEGER NOT NULL,  -- state_word, 7 where nobody saw it
  owner      INTEGER,           -- whom the space's own table names: a space; NULL: nobody; negative: see ownership_span
  owner_page INTEGER,           -- the gfn that it names, of the first page
  frame      INTEGER,           -- the pfn behind a guest's first page; NULL: none
  to_seq     INTEGER,           -- NULL: still so where the index ends
  PRIMARY KEY (space, first_page, from_seq)
) STRICT, WITHOUT ROWID;

-- What was done to whole blocks: from seq on the 1 << level pages from `page` on (a multiple of 1 << level)
-- are held so, except where a later row says otherwise, or a finer one of the same seq. Levels are 9, 18, 27,
-- 36, 45 and 52 (the whole space).
CREATE TABLE ownership_block (
  space      INTEGER NOT NULL,
  level      INTEGER NOT NULL,
  page       INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  state      INTEGER,           -- NULL: the guest is gone
  owner      INTEGER,
  owner_page INTEGER,
  frame      INTEGER,
  PRIMARY KEY (space, level, page, seq)
) STRICT, WITHOUT ROWID;

-- Which guests map a page.
CREATE INDEX ownership_span_frame ON ownership_span_row (frame, space) WHERE frame IS NOT NULL;
CREATE INDEX ownership_block_frame ON ownership_block (level, frame, space) WHERE frame IS NOT NULL;

-- The index of single pages and blocks in one: "who held P at S" is one seek a level, and the largest seq wins.
CREATE VIEW ownership_change AS
SELECT space, 0 AS level, first_page AS page, from_seq AS seq, state, owner, owner_page, frame FROM ownership_span_row
UNION ALL
SELECT space, level, page, seq, state, owner, owner_page, frame FROM ownership_block;

-- The same of the counters of a page's metadata, from level 0 on: field 1 pins, 2 to how many guests the host
-- lent the page. No row, or a count of NULL: unknown.
CREATE TABLE ownership_count (
  field INTEGER NOT NULL,
  level INTEGER NOT NULL,
  page  INTEGER NOT NULL,
  seq   INTEGER NOT NULL,
  count INTEGER,
  PRIMARY KEY (field, level, page, seq)
) STRICT, WITHOUT ROWID;

-- Negative owners: -1 unknown, -2 locked (break-before-make), -16 - n an owner number n without a meaning,
-- -65536 - h a guest of handle h that nobody saw live.
CREATE VIEW ownership_span AS
SELECT
  s.name AS space, r.first_page, ifnull(r.page_count, 1) AS page_count, printf('0x%x', r.first_page << 12) AS address,
  (SELECT name FROM state_word WHERE id = r.state) AS state,
  CASE
    WHEN r.owner >= 0 THEN (SELECT name FROM space_row WHERE id = r.owner)
    WHEN r.owner = -1 THEN 'unknown'
    WHEN r.owner = -2 THEN 'locked'
    WHEN r.owner > -65536 THEN 'owner ' || (-16 - r.owner)
    WHEN r.owner IS NOT NULL THEN printf('guest:0x%x', -65536 - r.owner)
  END AS owner,
  r.owner_page, r.frame, r.from_seq, r.to_seq,
  (SELECT e.action FROM entry_row e JOIN site w ON w.id = e.site WHERE e.seq = r.from_seq AND w.operation IS NOT NULL)
    AS "transition"
FROM ownership_span_row r
LEFT JOIN space_row s ON s.id = r.space;

-- Who holds what where the index ends.
CREATE VIEW ownership AS SELECT * FROM ownership_span WHERE to_seq IS NULL;

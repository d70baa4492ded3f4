-- Records that were made one, records that may be the same, and files that become
-- records.

-- +goose Up
-- Records taken into another (survivor_no). body: what that changed, JSON.
CREATE TABLE record_merges (
  no           INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  workspace_id TEXT NOT NULL,
  survivor_no  BIGINT NOT NULL,
  by_user      TEXT NOT NULL,
  at           BIGINT NOT NULL,
  undone_at    BIGINT,
  undone_by    TEXT NOT NULL DEFAULT '',
  body         TEXT NOT NULL
);
CREATE INDEX record_merges_survivor ON record_merges (survivor_no, no);
CREATE INDEX record_merges_workspace ON record_merges (workspace_id, no);

-- The records of a merge; gone: it was taken into the other.
CREATE TABLE merged_records (
  record_no BIGINT NOT NULL,
  merge_no  BIGINT NOT NULL,
  gone      BOOLEAN NOT NULL,
  PRIMARY KEY (record_no, merge_no)
) WITHOUT ROWID;

-- Two records that may be the same, a_no < b_no. rank: score in thousandths. reasons:
-- JSON. dismissed: somebody said that they are not.
CREATE TABLE duplicates (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL,
  list_no      BIGINT NOT NULL,
  a_no         BIGINT NOT NULL,
  b_no         BIGINT NOT NULL,
  rank         BIGINT NOT NULL,
  reasons      TEXT NOT NULL,
  dismissed    BOOLEAN NOT NULL DEFAULT FALSE,
  decided_by   TEXT NOT NULL DEFAULT '',
  found_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX duplicates_pair ON duplicates (a_no, b_no);
CREATE INDEX duplicates_other ON duplicates (b_no);
CREATE INDEX duplicates_rank ON duplicates (list_no, rank, id) WHERE NOT dismissed;
CREATE INDEX duplicates_all ON duplicates (workspace_id, rank, id) WHERE NOT dismissed;

-- What names have in common that may be the same: those of people within a company,
-- those of companies.
CREATE TABLE record_likenesses (
  list_no   BIGINT NOT NULL,
  key       TEXT NOT NULL,
  record_no BIGINT NOT NULL,
  PRIMARY KEY (list_no, key, record_no)
) WITHOUT ROWID;
CREATE INDEX record_likenesses_record ON record_likenesses (record_no);

-- Records to be compared with others; turn counts how often that was noted.
CREATE TABLE duplicate_queue (
  workspace_id TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  turn         BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, record_no)
) WITHOUT ROWID;

-- How far the records of a workspace that were there before have been noted.
CREATE TABLE duplicate_walks (
  workspace_id TEXT PRIMARY KEY NOT NULL,
  above        BIGINT NOT NULL,
  ended        BOOLEAN NOT NULL
);

-- Files that become records. columns, mapping, counts, preview: JSON. rows: of the
-- file; done: how many of them are through; piece: the next one.
CREATE TABLE imports (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL,
  user_id      TEXT NOT NULL,
  key_id       TEXT NOT NULL,
  type         TEXT NOT NULL,
  format       TEXT NOT NULL,
  name         TEXT NOT NULL,
  state        TEXT NOT NULL,
  columns      TEXT NOT NULL,
  on_match     TEXT NOT NULL,
  overwrite    BOOLEAN NOT NULL,
  rows         BIGINT NOT NULL,
  pieces       BIGINT NOT NULL,
  done         BIGINT NOT NULL,
  piece        BIGINT NOT NULL,
  counts       TEXT NOT NULL,
  preview      TEXT NOT NULL,
  trouble      TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  began_at     BIGINT,
  ended_at     BIGINT
);
CREATE INDEX imports_workspace ON imports (workspace_id, created_at, id);

CREATE TABLE import_pieces (
  import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  piece     BIGINT NOT NULL,
  first_row BIGINT NOT NULL,
  data      TEXT NOT NULL,
  PRIMARY KEY (import_id, piece)
);

CREATE TABLE import_mistakes (
  import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  row_no    BIGINT NOT NULL,
  name      TEXT NOT NULL,
  why       TEXT NOT NULL,
  PRIMARY KEY (import_id, row_no)
);

-- What an import made and changed: what a record was before, and its version after.
CREATE TABLE import_records (
  import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  record_no BIGINT NOT NULL,
  made      BOOLEAN NOT NULL,
  before    TEXT NOT NULL,
  version   BIGINT NOT NULL,
  PRIMARY KEY (import_id, record_no)
);

-- +goose Down
DROP TABLE import_records;
DROP TABLE import_mistakes;
DROP TABLE import_pieces;
DROP TABLE imports;
DROP TABLE duplicate_walks;
DROP TABLE duplicate_queue;
DROP TABLE record_likenesses;
DROP TABLE duplicates;
DROP TABLE merged_records;
DROP TABLE record_merges;

-- Tags hold what lists are ordered by, so that the records of a tag are read in each
-- order without looking at those that do not have it.

-- +goose Up
CREATE TABLE ordered_tags (
  tag_no     BIGINT NOT NULL,
  record_no  BIGINT NOT NULL,
  list_no    BIGINT NOT NULL,
  name_key   TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_at    BIGINT NOT NULL,
  deleted_at BIGINT,
  PRIMARY KEY (tag_no, record_no)
) WITHOUT ROWID;
INSERT INTO ordered_tags SELECT x.tag_no, r.no, r.list_no, r.name_key, r.created_at, r.updated_at, r.last_at, r.deleted_at
  FROM record_tags x JOIN records r ON r.no = x.record_no ORDER BY x.tag_no, x.record_no;
DROP TABLE record_tags;
ALTER TABLE ordered_tags RENAME TO record_tags;
CREATE INDEX record_tags_record ON record_tags (record_no, tag_no);
CREATE INDEX record_tags_name ON record_tags (tag_no, list_no, name_key, record_no, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX record_tags_created ON record_tags (tag_no, list_no, created_at, record_no, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX record_tags_updated ON record_tags (tag_no, list_no, updated_at, record_no, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX record_tags_last ON record_tags (tag_no, list_no, last_at, record_no, deleted_at) WHERE deleted_at IS NULL;

-- +goose StatementBegin
CREATE TRIGGER record_tags_follow AFTER UPDATE OF name_key, created_at, updated_at, last_at, deleted_at ON records
WHEN (old.name_key, old.created_at, old.updated_at, old.last_at, old.deleted_at)
  IS NOT (new.name_key, new.created_at, new.updated_at, new.last_at, new.deleted_at)
BEGIN
  UPDATE record_tags SET name_key = new.name_key, created_at = new.created_at, updated_at = new.updated_at,
    last_at = new.last_at, deleted_at = new.deleted_at WHERE record_no = new.no;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER record_tags_follow;
DROP INDEX record_tags_last;
DROP INDEX record_tags_updated;
DROP INDEX record_tags_created;
DROP INDEX record_tags_name;
ALTER TABLE record_tags DROP COLUMN deleted_at;
ALTER TABLE record_tags DROP COLUMN last_at;
ALTER TABLE record_tags DROP COLUMN updated_at;
ALTER TABLE record_tags DROP COLUMN created_at;
ALTER TABLE record_tags DROP COLUMN name_key;
ALTER TABLE record_tags DROP COLUMN list_no;

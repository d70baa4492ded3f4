-- Tags hold what lists are ordered by, so that the records of a tag are read in each
-- order without looking at those that do not have it.

-- +goose Up
ALTER TABLE record_tags ADD COLUMN list_no BIGINT NOT NULL DEFAULT 0;
ALTER TABLE record_tags ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE record_tags ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE record_tags ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE record_tags ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE record_tags ADD COLUMN deleted_at BIGINT;
UPDATE record_tags AS x SET list_no = r.list_no, name_key = r.name_key, created_at = r.created_at,
  updated_at = r.updated_at, last_at = r.last_at, deleted_at = r.deleted_at FROM records r WHERE r.no = x.record_no;
ALTER TABLE record_tags ALTER COLUMN list_no DROP DEFAULT, ALTER COLUMN name_key DROP DEFAULT,
  ALTER COLUMN created_at DROP DEFAULT, ALTER COLUMN updated_at DROP DEFAULT, ALTER COLUMN last_at DROP DEFAULT;
CREATE INDEX record_tags_name ON record_tags (tag_no, list_no, name_key, record_no) WHERE deleted_at IS NULL;
CREATE INDEX record_tags_created ON record_tags (tag_no, list_no, created_at, record_no) WHERE deleted_at IS NULL;
CREATE INDEX record_tags_updated ON record_tags (tag_no, list_no, updated_at, record_no) WHERE deleted_at IS NULL;
CREATE INDEX record_tags_last ON record_tags (tag_no, list_no, last_at, record_no) WHERE deleted_at IS NULL;

-- +goose StatementBegin
CREATE FUNCTION record_tags_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE record_tags SET name_key = new.name_key, created_at = new.created_at, updated_at = new.updated_at,
    last_at = new.last_at, deleted_at = new.deleted_at WHERE record_no = new.no;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER record_tags_follow AFTER UPDATE OF name_key, created_at, updated_at, last_at, deleted_at ON records
  FOR EACH ROW WHEN ((old.name_key, old.created_at, old.updated_at, old.last_at, old.deleted_at)
    IS DISTINCT FROM (new.name_key, new.created_at, new.updated_at, new.last_at, new.deleted_at))
  EXECUTE FUNCTION record_tags_follow();

-- +goose Down
DROP TRIGGER record_tags_follow ON records;
DROP FUNCTION record_tags_follow();
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

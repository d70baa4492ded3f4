-- turn counts how often it was said that a message waits: what is said while it is
-- being considered, because a record was made meanwhile, is not lost.

-- +goose Up
ALTER TABLE enrich_queue ADD COLUMN turn BIGINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE enrich_queue DROP COLUMN turn;

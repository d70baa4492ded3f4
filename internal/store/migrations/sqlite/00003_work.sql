-- What has happened (the outbox), what is to be done, and what is shared by
-- processes.

-- +goose Up
CREATE TABLE facts (
  seq            INTEGER PRIMARY KEY AUTOINCREMENT,
  kind           TEXT NOT NULL,
  workspace_id   TEXT NOT NULL,
  integration_id TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  at             BIGINT NOT NULL,
  data           TEXT NOT NULL
);
CREATE INDEX facts_age ON facts (at);

-- How far each reader of the outbox has come, and who reads for it just now.
CREATE TABLE fact_readers (
  name        TEXT PRIMARY KEY NOT NULL,
  seq         BIGINT NOT NULL,
  holder      TEXT NOT NULL,
  lease_until BIGINT NOT NULL
);

-- again_at: asked for once more while running. every: microseconds.
CREATE TABLE jobs (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL,
  subject     TEXT NOT NULL,
  job_group   TEXT NOT NULL,
  due_at      BIGINT NOT NULL,
  priority    BIGINT NOT NULL,
  every       BIGINT NOT NULL,
  attempts    BIGINT NOT NULL DEFAULT 0,
  holder      TEXT NOT NULL DEFAULT '',
  lease_until BIGINT,
  again_at    BIGINT,
  last_error  TEXT NOT NULL DEFAULT '',
  created_at  BIGINT NOT NULL,
  UNIQUE (kind, subject)
);
CREATE INDEX jobs_due ON jobs (priority DESC, due_at) WHERE lease_until IS NULL;
CREATE INDEX jobs_next ON jobs (due_at) WHERE lease_until IS NULL;
CREATE INDEX jobs_running ON jobs (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX jobs_group ON jobs (job_group) WHERE lease_until IS NOT NULL;

CREATE TABLE quota_buckets (
  key        TEXT PRIMARY KEY NOT NULL,
  level      DOUBLE PRECISION NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
  scope       TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  answer      BLOB,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE quota_buckets;
DROP TABLE jobs;
DROP TABLE fact_readers;
DROP TABLE facts;

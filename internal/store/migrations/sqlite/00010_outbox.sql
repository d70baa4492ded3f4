-- What is sent.

-- +goose Up
CREATE TABLE outgoing (
  id             TEXT PRIMARY KEY NOT NULL,
  workspace_id   TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  user_id        TEXT NOT NULL,
  key_id         TEXT NOT NULL,
  once_key       TEXT NOT NULL, -- Idempotency-Key of whoever asked, '' for none
  fingerprint    BLOB NOT NULL, -- of the request
  state          TEXT NOT NULL,
  from_email     TEXT NOT NULL,
  from_name      TEXT NOT NULL,
  to_emails      TEXT NOT NULL,
  cc             TEXT NOT NULL,
  bcc            TEXT NOT NULL,
  subject        TEXT NOT NULL,
  thread_id      TEXT NOT NULL,
  answers        TEXT NOT NULL,
  draft_id       TEXT NOT NULL,
  message_id     TEXT NOT NULL,
  size           BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  send_at        BIGINT NOT NULL,
  sent_at        BIGINT,
  gmail_id       TEXT NOT NULL,
  attempts       BIGINT NOT NULL,
  next_try_at    BIGINT NOT NULL,
  error          TEXT NOT NULL,
  next_step      TEXT NOT NULL,
  -- an attempt of which nobody knows what came of it
  began_at       BIGINT NOT NULL,
  mark           BIGINT NOT NULL,
  settles_at     BIGINT NOT NULL
);
CREATE INDEX outgoing_of ON outgoing (workspace_id, user_id, created_at, id);
CREATE UNIQUE INDEX outgoing_once ON outgoing (workspace_id, user_id, key_id, once_key) WHERE once_key <> '';
-- A draft is sent once.
CREATE UNIQUE INDEX outgoing_draft ON outgoing (integration_id, draft_id) WHERE draft_id <> '' AND state NOT IN ('failed', 'cancelled');
CREATE INDEX outgoing_waiting ON outgoing (next_try_at) WHERE state IN ('queued', 'sending', 'retry');

-- The messages, until they are sent.
CREATE TABLE outgoing_messages (
  id  TEXT PRIMARY KEY NOT NULL REFERENCES outgoing (id) ON DELETE CASCADE,
  raw BLOB NOT NULL
);

-- +goose Down
DROP TABLE outgoing_messages;
DROP TABLE outgoing;

-- Mail as synced from Gmail, where each stream stands, and its ledger.

-- +goose Up
-- pos is connection number, second and a tie-breaker in one number: the table is
-- clustered by connection and date, a list page is one range of it.
CREATE TABLE synced_emails (
  pos               BIGINT PRIMARY KEY NOT NULL,
  id                TEXT NOT NULL UNIQUE,
  workspace_id      TEXT NOT NULL,
  integration_id    TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  gmail_id          TEXT NOT NULL,
  gmail_thread_id   TEXT NOT NULL,
  rfc822_message_id TEXT NOT NULL,
  in_reply_to       TEXT NOT NULL,
  reference_ids     TEXT NOT NULL,
  subject           TEXT NOT NULL,
  from_email        TEXT NOT NULL,
  from_name         TEXT NOT NULL,
  to_emails         TEXT NOT NULL,
  cc                TEXT NOT NULL,
  bcc               TEXT NOT NULL,
  reply_to          TEXT NOT NULL,
  snippet           TEXT NOT NULL,
  labels            TEXT NOT NULL,
  is_read           BOOLEAN NOT NULL,
  is_starred        BOOLEAN NOT NULL,
  has_attachments   BOOLEAN NOT NULL,
  bulk              BOOLEAN NOT NULL,
  gmail_date        BIGINT NOT NULL,
  size              BIGINT NOT NULL,
  visibility        TEXT NOT NULL DEFAULT '',
  history_id        BIGINT NOT NULL,
  shown             BOOLEAN NOT NULL,
  deleted_at        BIGINT,
  created_at        BIGINT NOT NULL,
  updated_at        BIGINT NOT NULL,
  UNIQUE (integration_id, gmail_id)
);
CREATE INDEX synced_emails_thread ON synced_emails (gmail_thread_id, pos);
CREATE INDEX synced_emails_message_id ON synced_emails (rfc822_message_id) WHERE rfc822_message_id <> '';
CREATE INDEX synced_emails_shown ON synced_emails (pos) WHERE shown;

CREATE TABLE email_bodies (
  pos       BIGINT PRIMARY KEY NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  body_text TEXT NOT NULL,
  body_html TEXT NOT NULL
);

CREATE TABLE email_raw (
  pos BIGINT PRIMARY KEY NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  raw BYTEA NOT NULL
);

CREATE TABLE email_attachments (
  id         TEXT PRIMARY KEY NOT NULL,
  pos        BIGINT NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  part_id    TEXT NOT NULL,
  name       TEXT NOT NULL,
  type       TEXT NOT NULL,
  size       BIGINT NOT NULL,
  content_id TEXT NOT NULL,
  inline     BOOLEAN NOT NULL,
  hash       TEXT NOT NULL DEFAULT '',
  UNIQUE (pos, part_id)
);

-- Only messages that are there: a tombstone has no rows here. The label
-- '*attachment' is ours, for has:attachment.
CREATE TABLE email_labels (
  label TEXT NOT NULL,
  pos   BIGINT NOT NULL,
  PRIMARY KEY (label, pos)
);

-- Full text: folded words, so both databases find the same (see fold.go).
CREATE TABLE email_index (
  pos BIGINT PRIMARY KEY NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  doc TSVECTOR NOT NULL
);
-- Every search reads the entries that wait to be sorted in, so few may wait.
CREATE INDEX email_index_doc ON email_index USING gin (doc) WITH (gin_pending_list_limit = 512);

-- Messages whose row is newer than their index entry; turn counts how often
-- that was noted, so that nothing noted while indexing is forgotten.
CREATE TABLE email_index_queue (
  pos  BIGINT PRIMARY KEY NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  turn BIGINT NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION synced_emails_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM email_labels WHERE pos = old.pos
    AND (label = '*attachment' OR label IN (SELECT json_array_elements_text(old.labels::json)));
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER synced_emails_gone AFTER DELETE ON synced_emails
  FOR EACH ROW EXECUTE FUNCTION synced_emails_gone();

-- The message with its bodies, for reading by hand.
CREATE VIEW synced_emails_with_bodies AS
  SELECT e.*, b.body_text, b.body_html FROM synced_emails e LEFT JOIN email_bodies b ON b.pos = e.pos;

CREATE TABLE gmail_labels (
  integration_id   TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  id               TEXT NOT NULL,
  name             TEXT NOT NULL,
  type             TEXT NOT NULL,
  text_color       TEXT NOT NULL,
  background_color TEXT NOT NULL,
  PRIMARY KEY (integration_id, id)
);

-- Numbers kept up in the transaction that changes them; label '' is the whole
-- mailbox without spam, trash and drafts.
CREATE TABLE mailbox_counts (
  mailbox BIGINT NOT NULL REFERENCES google_integrations (no) ON DELETE CASCADE,
  label   TEXT NOT NULL,
  total   BIGINT NOT NULL,
  unread  BIGINT NOT NULL,
  threads BIGINT NOT NULL,
  PRIMARY KEY (mailbox, label)
);

CREATE TABLE sync_streams (
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  stream         TEXT NOT NULL,
  mark           TEXT NOT NULL,
  page           TEXT NOT NULL,
  held           TEXT NOT NULL,
  full_pass      BOOLEAN NOT NULL,
  pass           BIGINT NOT NULL,
  done           BOOLEAN NOT NULL,
  updated_at     BIGINT NOT NULL,
  PRIMARY KEY (integration_id, stream)
);

CREATE TABLE sync_runs (
  id             TEXT PRIMARY KEY NOT NULL,
  workspace_id   TEXT NOT NULL,
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  stream         TEXT NOT NULL,
  state          TEXT NOT NULL,
  seen           BIGINT NOT NULL DEFAULT 0,
  added          BIGINT NOT NULL DEFAULT 0,
  updated        BIGINT NOT NULL DEFAULT 0,
  deleted        BIGINT NOT NULL DEFAULT 0,
  failed         BIGINT NOT NULL DEFAULT 0,
  skipped        BIGINT NOT NULL DEFAULT 0,
  units          BIGINT NOT NULL DEFAULT 0,
  total          BIGINT NOT NULL DEFAULT 0,
  error          TEXT NOT NULL,
  next_step      TEXT NOT NULL,
  started_at     BIGINT NOT NULL,
  finished_at    BIGINT
);
CREATE UNIQUE INDEX sync_runs_going_on ON sync_runs (integration_id, stream) WHERE finished_at IS NULL;
CREATE INDEX sync_runs_list ON sync_runs (integration_id, started_at, id);

CREATE TABLE sync_failures (
  id             TEXT PRIMARY KEY NOT NULL,
  workspace_id   TEXT NOT NULL,
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  stream         TEXT NOT NULL,
  item_id        TEXT NOT NULL,
  thread_id      TEXT NOT NULL,
  reason         TEXT NOT NULL,
  attempts       BIGINT NOT NULL,
  next_try_at    BIGINT NOT NULL,
  parked         BOOLEAN NOT NULL,
  created_at     BIGINT NOT NULL,
  UNIQUE (integration_id, item_id)
);
CREATE INDEX sync_failures_due ON sync_failures (integration_id, next_try_at) WHERE NOT parked;

CREATE TABLE completeness_checks (
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  checked_at     BIGINT NOT NULL,
  google_count   BIGINT NOT NULL,
  rapport_count  BIGINT NOT NULL,
  missing        BIGINT NOT NULL,
  extra          BIGINT NOT NULL,
  relabelled     BIGINT NOT NULL,
  healed         BIGINT NOT NULL,
  unexplained    BIGINT NOT NULL,
  PRIMARY KEY (integration_id, checked_at)
);

CREATE TABLE attachments_cache (
  hash    TEXT PRIMARY KEY NOT NULL,
  size    BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  data    BYTEA NOT NULL
);
CREATE INDEX attachments_cache_use ON attachments_cache (used_at);

-- +goose Down
DROP TABLE attachments_cache;
DROP TABLE completeness_checks;
DROP TABLE sync_failures;
DROP TABLE sync_runs;
DROP TABLE sync_streams;
DROP TABLE mailbox_counts;
DROP TABLE gmail_labels;
DROP VIEW synced_emails_with_bodies;
DROP TABLE email_index_queue;
DROP TABLE email_index;
DROP TABLE email_labels;
DROP TABLE email_attachments;
DROP TABLE email_raw;
DROP TABLE email_bodies;
DROP TABLE synced_emails;
DROP FUNCTION synced_emails_gone;

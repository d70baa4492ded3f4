-- What was seen of people in their mail, what waits to be looked at, and what a
-- workspace has decided about models.

-- +goose Up
-- A value for a field of a record that was seen in a message. value_key: what two ways
-- of writing it have in common. state: what became of it.
CREATE TABLE sightings (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  field        TEXT NOT NULL,
  value_key    TEXT NOT NULL,
  value        TEXT NOT NULL,
  label        TEXT NOT NULL,
  ext          TEXT NOT NULL,
  raw          TEXT NOT NULL,
  line         TEXT NOT NULL,
  pos          BIGINT NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  email_id     TEXT NOT NULL,
  seen_at      BIGINT NOT NULL,
  engine       TEXT NOT NULL,
  confidence   DOUBLE PRECISION NOT NULL,
  state        TEXT NOT NULL,
  note         TEXT NOT NULL,
  domain       TEXT NOT NULL,
  website      TEXT NOT NULL,
  decided_by   TEXT NOT NULL,
  decided_at   BIGINT
);
CREATE UNIQUE INDEX sightings_once ON sightings (record_no, field, value_key, pos);
CREATE INDEX sightings_email ON sightings (pos);
CREATE INDEX sightings_state ON sightings (workspace_id, state, seen_at, id);
CREATE INDEX sightings_record ON sightings (record_no, state, seen_at, id);

-- Messages that were considered for a record, and by what.
CREATE TABLE enriched_emails (
  pos       BIGINT NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  record_no BIGINT NOT NULL,
  engine    TEXT NOT NULL,
  PRIMARY KEY (pos, record_no)
) WITHOUT ROWID;

-- Messages that wait to be considered.
CREATE TABLE enrich_queue (
  pos INTEGER PRIMARY KEY NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE
);

-- Mailboxes of which all mail is looked through; below: how far down that is, the
-- newest first.
CREATE TABLE enrich_walks (
  mailbox INTEGER PRIMARY KEY NOT NULL REFERENCES google_integrations (no) ON DELETE CASCADE,
  engine  TEXT NOT NULL,
  below   BIGINT NOT NULL
);

-- People of whom there may be news in the mail; turn counts how often that was noted.
CREATE TABLE enrich_people (
  workspace_id TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  turn         BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, record_no)
) WITHOUT ROWID;

CREATE TABLE enrich_choices (
  workspace_id TEXT PRIMARY KEY NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  mode         TEXT NOT NULL,
  allowed      BOOLEAN NOT NULL,
  provider     TEXT NOT NULL,
  model        TEXT NOT NULL,
  base_url     TEXT NOT NULL,
  sealed_key   TEXT NOT NULL,
  trouble      TEXT NOT NULL,
  trouble_at   BIGINT,
  updated_by   TEXT NOT NULL,
  updated_at   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE enrich_choices;
DROP TABLE enrich_people;
DROP TABLE enrich_walks;
DROP TABLE enrich_queue;
DROP TABLE enriched_emails;
DROP TABLE sightings;

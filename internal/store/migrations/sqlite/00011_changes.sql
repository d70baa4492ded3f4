-- Changes of labels made here, on their way to Gmail.

-- +goose Up
CREATE TABLE email_changes (
  id             TEXT PRIMARY KEY NOT NULL,
  seq            BIGINT NOT NULL,
  workspace_id   TEXT NOT NULL,
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  user_id        TEXT NOT NULL,
  action         TEXT NOT NULL,
  label_id       TEXT NOT NULL,
  undo_of        TEXT NOT NULL,
  state          TEXT NOT NULL,
  messages       BIGINT NOT NULL,
  reason         TEXT NOT NULL,
  -- pending: it lies over what Google says, until the history has caught up.
  pending        BOOLEAN NOT NULL,
  asked_at       BIGINT,
  reached        BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  finished_at    BIGINT,
  UNIQUE (integration_id, seq)
);
CREATE INDEX email_changes_pending ON email_changes (integration_id, seq) WHERE pending;
CREATE INDEX email_changes_list ON email_changes (workspace_id, user_id, created_at, id);

-- What a change did to each message: only what was not so before.
CREATE TABLE email_change_items (
  change_id TEXT NOT NULL REFERENCES email_changes (id) ON DELETE CASCADE,
  pos       BIGINT NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  gmail_id  TEXT NOT NULL,
  added     TEXT NOT NULL,
  removed   TEXT NOT NULL,
  PRIMARY KEY (change_id, pos)
);
CREATE INDEX email_change_items_pos ON email_change_items (pos);

-- The labels Google says, of messages under pending changes.
CREATE TABLE email_remote (
  pos    INTEGER PRIMARY KEY NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  labels TEXT NOT NULL
);

-- Labels deleted at Google that messages still carry here.
CREATE TABLE gmail_labels_gone (
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  id             TEXT NOT NULL,
  PRIMARY KEY (integration_id, id)
);

-- Those that may have to be shown again when a label is turned on.
CREATE INDEX synced_emails_hidden ON synced_emails (pos) WHERE NOT shown AND deleted_at IS NULL;

-- +goose Down
DROP INDEX synced_emails_hidden;
DROP TABLE gmail_labels_gone;
DROP TABLE email_remote;
DROP TABLE email_change_items;
DROP TABLE email_changes;

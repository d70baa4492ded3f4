-- Who sees how much of whose mail, and which mail is not kept at all.

-- +goose Up
ALTER TABLE synced_emails ADD COLUMN protected BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX synced_emails_protected ON synced_emails (pos) WHERE protected;
CREATE INDEX email_attachments_hash ON email_attachments (hash) WHERE hash <> '';
ALTER TABLE completeness_checks ADD COLUMN excluded BIGINT NOT NULL DEFAULT 0;

CREATE TABLE mail_shares (
  id              TEXT PRIMARY KEY NOT NULL,
  workspace_id    TEXT NOT NULL,
  integration_id  TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  gmail_thread_id TEXT NOT NULL,
  email_pos       BIGINT REFERENCES synced_emails (pos) ON DELETE CASCADE,
  created_by      TEXT NOT NULL,
  created_at      BIGINT NOT NULL
);
CREATE INDEX mail_shares_thread ON mail_shares (integration_id, gmail_thread_id);
CREATE INDEX mail_shares_email ON mail_shares (email_pos) WHERE email_pos IS NOT NULL;

-- reader is a user, or '' for every member of the workspace.
CREATE TABLE mail_share_readers (
  share_id TEXT NOT NULL REFERENCES mail_shares (id) ON DELETE CASCADE,
  reader   TEXT NOT NULL,
  PRIMARY KEY (share_id, reader)
) WITHOUT ROWID;

-- Who may read which message by a share, kept up with shares and messages: a
-- list of what is shared with somebody is one range of it.
CREATE TABLE email_readers (
  reader TEXT NOT NULL,
  pos    BIGINT NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  PRIMARY KEY (reader, pos)
) WITHOUT ROWID;
CREATE INDEX email_readers_pos ON email_readers (pos);

-- user_id is '' for rules of the whole workspace.
CREATE TABLE mail_rules (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL,
  kind         TEXT NOT NULL,
  pattern      TEXT NOT NULL,
  created_by   TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  UNIQUE (workspace_id, user_id, kind, pattern)
);

CREATE TABLE mail_policies (
  workspace_id        TEXT PRIMARY KEY NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  store_internal      BOOLEAN NOT NULL,
  own_domains         TEXT NOT NULL,
  body_retention_days BIGINT NOT NULL,
  retention_days      BIGINT NOT NULL,
  updated_at          BIGINT NOT NULL
);

-- Messages at Google that a rule keeps out, so that nobody fetches them again;
-- rule is its id, or 'internal'.
CREATE TABLE excluded_emails (
  integration_id TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  gmail_id       TEXT NOT NULL,
  rule           TEXT NOT NULL,
  PRIMARY KEY (integration_id, gmail_id)
) WITHOUT ROWID;
CREATE INDEX excluded_emails_rule ON excluded_emails (rule, integration_id);

-- Mailboxes whose stored mail the rules have not been applied to yet; below is
-- how far down that is, the newest first. While hides is set nobody but the owner sees
-- the mailbox: it may hold mail that has just been protected.
CREATE TABLE mail_sweeps (
  mailbox INTEGER PRIMARY KEY NOT NULL REFERENCES google_integrations (no) ON DELETE CASCADE,
  below   BIGINT NOT NULL,
  hides   BOOLEAN NOT NULL
);

-- +goose Down
DROP TABLE mail_sweeps;
DROP TABLE excluded_emails;
DROP TABLE mail_policies;
DROP TABLE mail_rules;
DROP TABLE email_readers;
DROP TABLE mail_share_readers;
DROP TABLE mail_shares;
ALTER TABLE completeness_checks DROP COLUMN excluded;
DROP INDEX email_attachments_hash;
DROP INDEX synced_emails_protected;
ALTER TABLE synced_emails DROP COLUMN protected;

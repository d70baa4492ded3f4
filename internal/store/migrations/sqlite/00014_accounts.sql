-- E-mail accounts: mailboxes read by IMAP and sent from by SMTP.

-- +goose Up
-- 'google', or 'imap' for the mail of an e-mail account.
ALTER TABLE google_integrations ADD COLUMN provider TEXT NOT NULL DEFAULT 'google';

CREATE TABLE email_accounts (
  id              TEXT PRIMARY KEY NOT NULL,
  workspace_id    TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id         TEXT NOT NULL,
  integration_id  TEXT NOT NULL REFERENCES google_integrations (id) ON DELETE CASCADE,
  shared          BOOLEAN NOT NULL, -- the connection is one of Google's
  email           TEXT NOT NULL,
  name            TEXT NOT NULL,
  imap            TEXT NOT NULL,
  smtp            TEXT NOT NULL,
  sealed_password TEXT NOT NULL,
  folders         TEXT NOT NULL,
  state           TEXT NOT NULL,
  error           TEXT NOT NULL,
  next_step       TEXT NOT NULL,
  last_sync_at    BIGINT,
  watcher         TEXT NOT NULL DEFAULT '', -- the process that listens for news (IDLE)
  watched_until   BIGINT NOT NULL DEFAULT 0,
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX email_accounts_email ON email_accounts (workspace_id, user_id, email);
CREATE INDEX email_accounts_integration ON email_accounts (integration_id);
CREATE INDEX email_accounts_watch ON email_accounts (watched_until);

-- Where the messages of an account lie on its server: a message has a copy in
-- each folder that holds it.
CREATE TABLE imap_copies (
  account_id TEXT NOT NULL REFERENCES email_accounts (id) ON DELETE CASCADE,
  folder     TEXT NOT NULL,
  validity   BIGINT NOT NULL,
  uid        BIGINT NOT NULL,
  gmail_id   TEXT NOT NULL, -- of synced_emails
  labels     TEXT NOT NULL, -- what this copy says of the message
  PRIMARY KEY (account_id, folder, validity, uid)
);
CREATE INDEX imap_copies_message ON imap_copies (account_id, gmail_id);

-- +goose Down
DROP TABLE imap_copies;
DROP TABLE email_accounts;
ALTER TABLE google_integrations DROP COLUMN provider;

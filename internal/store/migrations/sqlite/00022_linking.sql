-- Which records mail belongs to, and why.

-- +goose Up
-- Addresses that took part in mail, as addresses are compared; domain: the registrable
-- one. Shared by all workspaces: what they have written stands in mail_participants.
CREATE TABLE mail_addresses (
  no     INTEGER PRIMARY KEY NOT NULL,
  key    TEXT NOT NULL UNIQUE,
  domain TEXT NOT NULL
);
CREATE INDEX mail_addresses_domain ON mail_addresses (domain);

-- Who takes part in messages that rules are applied to.
CREATE TABLE mail_participants (
  address_no BIGINT NOT NULL REFERENCES mail_addresses (no),
  pos        BIGINT NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  PRIMARY KEY (address_no, pos)
) WITHOUT ROWID;
CREATE INDEX mail_participants_pos ON mail_participants (pos);

-- A message and a record; pos sorts by mailbox and date. rule: why. address: the one
-- that did it. via_no: the person of a deal or a company that it belongs to, 0 for none.
-- source: the message with the address, another one by the rule thread. deep: only who
-- sees all of the source sees the address. was_no: the record that had the link before
-- it was merged into this one.
CREATE TABLE record_links (
  record_no BIGINT NOT NULL,
  pos       BIGINT NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  rule      TEXT NOT NULL,
  address   TEXT NOT NULL,
  via_no    BIGINT NOT NULL,
  source    BIGINT NOT NULL,
  deep      BOOLEAN NOT NULL,
  by_user   TEXT NOT NULL,
  linked_at BIGINT NOT NULL,
  was_no    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (record_no, pos)
) WITHOUT ROWID;
CREATE INDEX record_links_pos ON record_links (pos, record_no);

-- What people decided about conversations and records. pos: the message, 0 for the whole
-- conversation. removed: it is not to be linked; else it is.
CREATE TABLE link_choices (
  mailbox   BIGINT NOT NULL REFERENCES google_integrations (no) ON DELETE CASCADE,
  thread    TEXT NOT NULL,
  record_no BIGINT NOT NULL,
  pos       BIGINT NOT NULL,
  removed   BOOLEAN NOT NULL,
  by_user   TEXT NOT NULL,
  at        BIGINT NOT NULL,
  was_no    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (mailbox, thread, record_no, pos)
) WITHOUT ROWID;
CREATE INDEX link_choices_record ON link_choices (record_no);

-- Messages without a record, by the rule that says why.
CREATE TABLE link_skips (
  pos  INTEGER PRIMARY KEY NOT NULL REFERENCES synced_emails (pos) ON DELETE CASCADE,
  rule TEXT NOT NULL
);
CREATE INDEX link_skips_rule ON link_skips (rule, pos);

-- Conversations to be looked at; turn counts how often that was noted. audit: by nothing
-- but the audit.
CREATE TABLE link_queue (
  workspace_id TEXT NOT NULL,
  mailbox      BIGINT NOT NULL REFERENCES google_integrations (no) ON DELETE CASCADE,
  thread       TEXT NOT NULL,
  turn         BIGINT NOT NULL,
  audit        BOOLEAN NOT NULL,
  PRIMARY KEY (workspace_id, mailbox, thread)
) WITHOUT ROWID;

-- Records whose past is to be looked at, with how far that is: phase 0 what they are
-- linked to, 1 what their addresses took part in.
CREATE TABLE link_records (
  workspace_id TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  phase        BIGINT NOT NULL,
  address_no   BIGINT NOT NULL,
  pos          BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, record_no)
) WITHOUT ROWID;

-- A walk through all mail of a workspace: mailbox and position that it has come to, and
-- what it found. audited_at: when the last one ended; missing: messages it found without
-- a link they should have had.
CREATE TABLE link_states (
  workspace_id TEXT PRIMARY KEY NOT NULL,
  walking      BOOLEAN NOT NULL DEFAULT FALSE,
  mailbox      BIGINT NOT NULL DEFAULT 0,
  below        BIGINT NOT NULL DEFAULT 0,
  seen         BIGINT NOT NULL DEFAULT 0,
  total        BIGINT NOT NULL DEFAULT 0,
  found        BIGINT NOT NULL DEFAULT 0,
  begun_at     BIGINT NOT NULL DEFAULT 0,
  audited_at   BIGINT NOT NULL DEFAULT 0,
  missing      BIGINT NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE link_states;
DROP TABLE link_records;
DROP TABLE link_queue;
DROP TABLE link_skips;
DROP TABLE link_choices;
DROP TABLE record_links;
DROP TABLE mail_participants;
DROP TABLE mail_addresses;

-- What an organisation decides, who may come in, and what is handed out.

-- +goose Up
ALTER TABLE workspaces ADD COLUMN products TEXT NOT NULL DEFAULT '[]';
ALTER TABLE workspaces ADD COLUMN decided_by TEXT NOT NULL DEFAULT '';
ALTER TABLE workspaces ADD COLUMN decided_at BIGINT NOT NULL DEFAULT 0;

-- Bearer tokens issued before are refused: signed out everywhere.
ALTER TABLE users ADD COLUMN tokens_after BIGINT NOT NULL DEFAULT 0;

CREATE TABLE approval_requests (
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  note         TEXT NOT NULL,
  asked_at     BIGINT NOT NULL,
  answered_at  BIGINT,
  PRIMARY KEY (workspace_id, user_id)
);

-- OAuth clients entered on the admin page; workspace_id '' serves every workspace.
CREATE TABLE oauth_clients (
  id               TEXT PRIMARY KEY NOT NULL,
  workspace_id     TEXT NOT NULL,
  name             TEXT NOT NULL,
  google_client_id TEXT NOT NULL,
  client_secret    TEXT NOT NULL,
  created_by       TEXT NOT NULL,
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL,
  retired_at       BIGINT
);
CREATE INDEX oauth_clients_workspace ON oauth_clients (workspace_id, created_at);
CREATE UNIQUE INDEX oauth_clients_google ON oauth_clients (workspace_id, google_client_id);
CREATE INDEX oauth_grants_client ON oauth_grants (client_id);

CREATE TABLE invitations (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  email        TEXT NOT NULL,
  name         TEXT NOT NULL,
  role         TEXT NOT NULL,
  token_hash   TEXT NOT NULL UNIQUE,
  invited_by   TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  accepted_at  BIGINT,
  accepted_by  TEXT NOT NULL DEFAULT '',
  revoked_at   BIGINT
);
CREATE INDEX invitations_workspace ON invitations (workspace_id, created_at);
CREATE INDEX invitations_email ON invitations (email);

-- Links that let a person connect Google without signing in here: one use.
CREATE TABLE connect_links (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  services     TEXT NOT NULL,
  token_hash   TEXT NOT NULL UNIQUE,
  created_by   TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  used_at      BIGINT,
  revoked_at   BIGINT
);
CREATE INDEX connect_links_workspace ON connect_links (workspace_id, created_at);
CREATE INDEX connect_links_user ON connect_links (user_id);

-- The audit trail is read by time, and by whom, what and whose.
DROP INDEX audit_log_workspace;
CREATE INDEX audit_log_time ON audit_log (workspace_id, at, id);
CREATE INDEX audit_log_user ON audit_log (workspace_id, user_id, at, id);
CREATE INDEX audit_log_action ON audit_log (workspace_id, action, at, id);
CREATE INDEX audit_log_target ON audit_log (target, at, id);

-- consented_at and died_at tell apps in testing: their grants die after 7 days.
ALTER TABLE oauth_grants ADD COLUMN consented_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE oauth_grants ADD COLUMN refresh_expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE oauth_grants ADD COLUMN died_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE oauth_grants ADD COLUMN lived BIGINT NOT NULL DEFAULT 0;
CREATE INDEX oauth_grants_subject ON oauth_grants (workspace_id, subject, service);
-- The token service holds one grant per user and service, whatever its account.
CREATE UNIQUE INDEX oauth_grants_service ON oauth_grants (workspace_id, subject, service) WHERE service <> '';
CREATE INDEX oauth_grants_idle ON oauth_grants (last_used_at, id) WHERE status = 'active';
CREATE INDEX oauth_grants_deaths ON oauth_grants (client_id, died_at) WHERE died_at > 0;

-- Whose token a consent becomes, and the connect link it came by.
ALTER TABLE oauth_consents ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_consents ADD COLUMN link_id TEXT NOT NULL DEFAULT '';

CREATE TABLE token_leases (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL,
  key_id       TEXT NOT NULL,
  name         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  service      TEXT NOT NULL,
  token_hash   TEXT NOT NULL UNIQUE,
  methods      TEXT NOT NULL,
  paths        TEXT NOT NULL,
  per_minute   BIGINT NOT NULL,
  max_calls    BIGINT NOT NULL,
  calls        BIGINT NOT NULL DEFAULT 0,
  refused      BIGINT NOT NULL DEFAULT 0,
  minute       BIGINT NOT NULL DEFAULT 0,
  minute_calls BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  last_used_at BIGINT,
  cut_at       BIGINT
);
CREATE INDEX token_leases_workspace ON token_leases (workspace_id, created_at);
CREATE INDEX token_leases_expiry ON token_leases (expires_at);

-- Security events of Google that were acted on, so that none acts twice.
CREATE TABLE security_events (
  jti         TEXT PRIMARY KEY NOT NULL,
  kind        TEXT NOT NULL,
  google_sub  TEXT NOT NULL,
  received_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE security_events;
DROP TABLE token_leases;
ALTER TABLE oauth_consents DROP COLUMN link_id;
ALTER TABLE oauth_consents DROP COLUMN subject;
DROP INDEX oauth_grants_service;
DROP INDEX oauth_grants_deaths;
DROP INDEX oauth_grants_idle;
DROP INDEX oauth_grants_subject;
ALTER TABLE oauth_grants DROP COLUMN lived;
ALTER TABLE oauth_grants DROP COLUMN died_at;
ALTER TABLE oauth_grants DROP COLUMN refresh_expires_at;
ALTER TABLE oauth_grants DROP COLUMN consented_at;
DROP INDEX oauth_grants_client;
DROP INDEX audit_log_target;
DROP INDEX audit_log_action;
DROP INDEX audit_log_user;
DROP INDEX audit_log_time;
CREATE INDEX audit_log_workspace ON audit_log (workspace_id, id);
DROP TABLE connect_links;
DROP TABLE invitations;
DROP TABLE oauth_clients;
DROP TABLE approval_requests;
ALTER TABLE users DROP COLUMN tokens_after;
ALTER TABLE workspaces DROP COLUMN decided_at;
ALTER TABLE workspaces DROP COLUMN decided_by;
ALTER TABLE workspaces DROP COLUMN products;

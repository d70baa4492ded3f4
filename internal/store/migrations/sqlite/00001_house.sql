-- People, workspaces and what they signed in with. Times are microseconds since
-- 1970 (UTC), identifiers UUIDs as text, lists JSON; the same in both databases.

-- +goose Up
CREATE TABLE users (
  id            TEXT PRIMARY KEY NOT NULL,
  email         TEXT NOT NULL,
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  google_sub    TEXT NOT NULL,
  created_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE UNIQUE INDEX users_google_sub ON users (google_sub) WHERE google_sub <> '';

CREATE TABLE workspaces (
  id              TEXT PRIMARY KEY NOT NULL,
  name            TEXT NOT NULL,
  approval        TEXT NOT NULL,
  allowed_domains TEXT NOT NULL,
  scope_profile   TEXT NOT NULL,
  created_at      BIGINT NOT NULL
);

CREATE TABLE members (
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role         TEXT NOT NULL,
  joined_at    BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sessions (
  token_hash   TEXT PRIMARY KEY NOT NULL,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at   BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  remote       TEXT NOT NULL,
  user_agent   TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  prefix       TEXT NOT NULL,
  hash         BLOB NOT NULL UNIQUE,
  scopes       TEXT NOT NULL,
  expires_at   BIGINT,
  revoked_at   BIGINT,
  last_used_at BIGINT,
  created_at   BIGINT NOT NULL
);
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, created_at);
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE login_attempts (
  key      TEXT PRIMARY KEY NOT NULL,
  attempts BIGINT NOT NULL,
  last_at  BIGINT NOT NULL,
  free_at  BIGINT NOT NULL
);

CREATE TABLE audit_log (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  at           BIGINT NOT NULL,
  workspace_id TEXT NOT NULL,
  user_id      TEXT NOT NULL,
  key_id       TEXT NOT NULL,
  via          TEXT NOT NULL,
  action       TEXT NOT NULL,
  target       TEXT NOT NULL,
  outcome      TEXT NOT NULL,
  detail       TEXT NOT NULL,
  remote       TEXT NOT NULL
);
CREATE INDEX audit_log_workspace ON audit_log (workspace_id, id);

CREATE TABLE oauth_consents (
  state_hash     TEXT PRIMARY KEY NOT NULL,
  workspace_id   TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  integration_id TEXT NOT NULL,
  expected_sub   TEXT NOT NULL,
  services       TEXT NOT NULL,
  scopes         TEXT NOT NULL,
  verifier       TEXT NOT NULL,
  nonce          TEXT NOT NULL,
  client_id      TEXT NOT NULL,
  redirect_uri   TEXT NOT NULL,
  return_to      TEXT NOT NULL,
  purpose        TEXT NOT NULL,
  expires_at     BIGINT NOT NULL
);
CREATE INDEX oauth_consents_expiry ON oauth_consents (expires_at);

CREATE TABLE oauth_grants (
  id             TEXT PRIMARY KEY NOT NULL,
  workspace_id   TEXT NOT NULL,
  subject        TEXT NOT NULL,
  service        TEXT NOT NULL DEFAULT '',
  google_sub     TEXT NOT NULL,
  google_email   TEXT NOT NULL,
  client_id      TEXT NOT NULL,
  access_token   TEXT NOT NULL,
  refresh_token  TEXT NOT NULL,
  token_expiry   BIGINT NOT NULL,
  granted_scopes TEXT NOT NULL,
  status         TEXT NOT NULL,
  failures       BIGINT NOT NULL,
  retry_at       BIGINT NOT NULL,
  last_used_at   BIGINT NOT NULL,
  lease_holder   TEXT NOT NULL DEFAULT '',
  lease_until    BIGINT NOT NULL DEFAULT 0,
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  UNIQUE (workspace_id, subject, google_sub, client_id, service)
);
CREATE INDEX oauth_grants_account ON oauth_grants (google_sub, client_id);

-- no is a small number for the connection: the high bits of the positions of its
-- messages (see position.go).
CREATE TABLE google_integrations (
  no                    INTEGER PRIMARY KEY AUTOINCREMENT,
  id                    TEXT NOT NULL UNIQUE,
  workspace_id          TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id               TEXT NOT NULL REFERENCES users (id),
  google_sub            TEXT NOT NULL,
  google_email          TEXT NOT NULL,
  grant_id              TEXT NOT NULL,
  granted_scopes        TEXT NOT NULL,
  wanted_scopes         TEXT NOT NULL,
  status                TEXT NOT NULL,
  status_reason         TEXT NOT NULL,
  gmail_sync_enabled    BOOLEAN NOT NULL,
  calendar_sync_enabled BOOLEAN NOT NULL,
  contacts_sync_enabled BOOLEAN NOT NULL,
  gmail_history_id      TEXT NOT NULL DEFAULT '',
  calendar_sync_token   TEXT NOT NULL DEFAULT '',
  settings              TEXT NOT NULL,
  visibility            TEXT NOT NULL,
  next_poll_at          BIGINT NOT NULL DEFAULT 0,
  created_at            BIGINT NOT NULL,
  updated_at            BIGINT NOT NULL,
  UNIQUE (workspace_id, user_id, google_sub)
);
CREATE INDEX google_integrations_grant ON google_integrations (grant_id);
CREATE INDEX google_integrations_account ON google_integrations (google_sub);
CREATE INDEX google_integrations_due ON google_integrations (next_poll_at, id)
  WHERE gmail_sync_enabled AND status IN ('active', 'degraded');

-- +goose Down
DROP TABLE google_integrations;
DROP TABLE oauth_grants;
DROP TABLE oauth_consents;
DROP TABLE audit_log;
DROP TABLE login_attempts;
DROP TABLE api_keys;
DROP TABLE sessions;
DROP TABLE members;
DROP TABLE workspaces;
DROP TABLE users;

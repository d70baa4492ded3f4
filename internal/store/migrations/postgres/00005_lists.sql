-- Lists of people and of what they were given are read page after page, in the
-- order of these indexes.

-- +goose Up
CREATE INDEX members_joined ON members (workspace_id, joined_at, user_id);
CREATE INDEX members_role ON members (workspace_id, role, joined_at, user_id);

DROP INDEX sessions_user;
CREATE INDEX sessions_seen ON sessions (user_id, last_seen_at, token_hash);

DROP INDEX api_keys_workspace;
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, created_at, id);
CREATE INDEX api_keys_active ON api_keys (workspace_id, created_at, id) WHERE revoked_at IS NULL;

DROP INDEX invitations_workspace;
CREATE INDEX invitations_workspace ON invitations (workspace_id, created_at, id);
CREATE INDEX invitations_listed ON invitations (workspace_id, created_at, id) WHERE accepted_at IS NULL AND revoked_at IS NULL;

DROP INDEX connect_links_workspace;
CREATE INDEX connect_links_workspace ON connect_links (workspace_id, created_at, id);
CREATE INDEX connect_links_listed ON connect_links (workspace_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX connect_links_open ON connect_links (workspace_id, created_at, id) WHERE revoked_at IS NULL AND used_at IS NULL;

-- +goose Down
DROP INDEX connect_links_open;
DROP INDEX connect_links_listed;
DROP INDEX connect_links_workspace;
CREATE INDEX connect_links_workspace ON connect_links (workspace_id, created_at);
DROP INDEX invitations_listed;
DROP INDEX invitations_workspace;
CREATE INDEX invitations_workspace ON invitations (workspace_id, created_at);
DROP INDEX api_keys_active;
DROP INDEX api_keys_workspace;
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, created_at);
DROP INDEX sessions_seen;
CREATE INDEX sessions_user ON sessions (user_id);
DROP INDEX members_role;
DROP INDEX members_joined;

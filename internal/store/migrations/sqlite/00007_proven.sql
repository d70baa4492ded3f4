-- +goose Up
-- A password is its person's own when they set the installation up, whoever runs
-- it gave it to them, or they chose it after Google had shown who they are. Others
-- may have been chosen by whoever invited them.
ALTER TABLE users ADD COLUMN password_own BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE users SET password_own = TRUE WHERE id = (SELECT id FROM users ORDER BY created_at, id LIMIT 1);

-- +goose Down
ALTER TABLE users DROP COLUMN password_own;

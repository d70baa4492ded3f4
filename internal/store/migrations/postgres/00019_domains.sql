-- +goose Up
-- The organisation of the Google account (hd), '' for an account of none; of grants
-- from before it was kept it is not known.
ALTER TABLE oauth_grants ADD COLUMN google_domain TEXT;
-- Who made the signed link that a consent was begun by.
ALTER TABLE oauth_consents ADD COLUMN maker TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE oauth_consents DROP COLUMN maker;
ALTER TABLE oauth_grants DROP COLUMN google_domain;

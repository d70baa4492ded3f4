-- Watches of mailboxes at Gmail, and what their notifications have told.

-- +goose Up
-- state: on, off, failed. via: push or pull, '' before the first notification of
-- the watch. announced: the newest history id told of. published_at: of the oldest
-- notification whose change has not been read yet. suspect: a change that was found
-- and not told of (yet). interval: microseconds. delays: milliseconds, newest last.
CREATE TABLE gmail_watches (
  integration_id TEXT PRIMARY KEY NOT NULL,
  google_sub     TEXT NOT NULL,
  topic          TEXT NOT NULL,
  state          TEXT NOT NULL,
  expires_at     BIGINT NOT NULL,
  renewed_at     BIGINT NOT NULL,
  tried_at       BIGINT NOT NULL,
  error          TEXT NOT NULL,
  next_step      TEXT NOT NULL,
  via            TEXT NOT NULL,
  notified_at    BIGINT NOT NULL,
  announced      BIGINT NOT NULL,
  published_at   BIGINT NOT NULL,
  looked_again   BIGINT NOT NULL,
  suspect        BIGINT NOT NULL,
  suspect_at     BIGINT NOT NULL,
  missed_at      BIGINT NOT NULL,
  "interval"     BIGINT NOT NULL,
  delays         TEXT NOT NULL
);
CREATE INDEX gmail_watches_account ON gmail_watches (google_sub);

CREATE INDEX google_integrations_email ON google_integrations (google_email);

-- Who just now does what only one process may do at a time.
CREATE TABLE turns (
  name   TEXT PRIMARY KEY NOT NULL,
  holder TEXT NOT NULL,
  until  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE turns;
DROP INDEX google_integrations_email;
DROP TABLE gmail_watches;

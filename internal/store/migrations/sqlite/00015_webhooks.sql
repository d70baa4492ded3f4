-- Webhooks: addresses of other programs, what they are sent, and the log of it.

-- +goose Up
-- events: JSON list. audience: workspace or mine. failures: tries in a row.
CREATE TABLE webhooks (
  id              TEXT PRIMARY KEY NOT NULL,
  workspace_id    TEXT NOT NULL,
  user_id         TEXT NOT NULL,
  url             TEXT NOT NULL,
  description     TEXT NOT NULL,
  events          TEXT NOT NULL,
  audience        TEXT NOT NULL,
  include_body    BOOLEAN NOT NULL,
  enabled         BOOLEAN NOT NULL,
  disabled_at     BIGINT,
  disabled_reason TEXT NOT NULL,
  failures        BIGINT NOT NULL,
  failing_since   BIGINT,
  succeeded_at    BIGINT,
  rest_until      BIGINT NOT NULL,
  sealed_secret   TEXT NOT NULL,
  sealed_old      TEXT NOT NULL,
  old_until       BIGINT NOT NULL,
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL
);
CREATE INDEX webhooks_workspace ON webhooks (workspace_id, created_at, id);

-- no: the order. state: held (behind an earlier one about the same object), waiting,
-- sending, delivered, failed, withheld. live: one of the first three. data: ids and
-- counts, never content.
CREATE TABLE webhook_deliveries (
  no             INTEGER PRIMARY KEY AUTOINCREMENT,
  id             TEXT NOT NULL UNIQUE,
  webhook_id     TEXT NOT NULL,
  workspace_id   TEXT NOT NULL,
  integration_id TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  event          TEXT NOT NULL,
  object         TEXT NOT NULL,
  data           TEXT NOT NULL,
  at             BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  state          TEXT NOT NULL,
  live           BOOLEAN NOT NULL,
  due_at         BIGINT NOT NULL,
  attempts       BIGINT NOT NULL,
  finished_at    BIGINT,
  status         BIGINT NOT NULL,
  error          TEXT NOT NULL,
  holder         TEXT NOT NULL,
  lease_until    BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at, no) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_lost ON webhook_deliveries (lease_until) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (webhook_id, object, no) WHERE live;
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, no);
CREATE INDEX webhook_deliveries_over ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE webhook_attempts (
  no          INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery_no BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  took        BIGINT NOT NULL, -- microseconds
  status      BIGINT NOT NULL,
  error       TEXT NOT NULL,
  answer      TEXT NOT NULL
);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (delivery_no, no);

-- +goose Down
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;

-- Records: people, companies, deals and custom objects, with their tags, notes and
-- tasks.

-- +goose Up
-- The types of a workspace's records. no: what records and lists know it by. Standard
-- ones are made when they are first needed. live: how many records of it there are,
-- deleted ones left out. fields: JSON.
CREATE TABLE object_types (
  no           INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  workspace_id TEXT NOT NULL,
  key          TEXT NOT NULL,
  name         TEXT NOT NULL,
  plural       TEXT NOT NULL,
  icon         TEXT NOT NULL,
  fields       TEXT NOT NULL,
  standard     BOOLEAN NOT NULL,
  live         BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  deleted_at   BIGINT
);
CREATE UNIQUE INDEX object_types_key ON object_types (workspace_id, key) WHERE deleted_at IS NULL;

-- list_no: object_types.no of its type. name_key: the folded name, for sorting.
-- stage_rank: the stage's place among those of its type. emails, phones, domains,
-- fields, sources: JSON; the tables beside it are for finding records by them. words:
-- what a search looks into, each word with a space before it. version: changes.
CREATE TABLE records (
  no               INTEGER PRIMARY KEY AUTOINCREMENT,
  id               TEXT NOT NULL UNIQUE,
  workspace_id     TEXT NOT NULL,
  list_no          BIGINT NOT NULL,
  type             TEXT NOT NULL,
  name             TEXT NOT NULL,
  name_key         TEXT NOT NULL,
  first_name       TEXT NOT NULL DEFAULT '',
  last_name        TEXT NOT NULL DEFAULT '',
  emails           TEXT NOT NULL DEFAULT '[]',
  phones           TEXT NOT NULL DEFAULT '[]',
  domains          TEXT NOT NULL DEFAULT '[]',
  title            TEXT NOT NULL DEFAULT '',
  company_no       BIGINT,
  stage            TEXT NOT NULL DEFAULT '',
  stage_rank       BIGINT NOT NULL DEFAULT 0,
  amount_minor     BIGINT,
  currency         TEXT NOT NULL DEFAULT '',
  close_date       TEXT NOT NULL DEFAULT '',
  address          TEXT NOT NULL DEFAULT '',
  linkedin         TEXT NOT NULL DEFAULT '',
  website          TEXT NOT NULL DEFAULT '',
  description      TEXT NOT NULL DEFAULT '',
  class            TEXT NOT NULL DEFAULT '',
  class_confidence DOUBLE PRECISION NOT NULL DEFAULT 0,
  class_by         TEXT NOT NULL DEFAULT '',
  class_why        TEXT NOT NULL DEFAULT '',
  fields           TEXT NOT NULL DEFAULT '{}',
  sources          TEXT NOT NULL DEFAULT '{}',
  owner_id         TEXT NOT NULL DEFAULT '',
  maker            TEXT NOT NULL DEFAULT '',
  maker_user       TEXT NOT NULL DEFAULT '',
  maker_key        TEXT NOT NULL DEFAULT '',
  words            TEXT NOT NULL DEFAULT '',
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL,
  last_at          BIGINT NOT NULL DEFAULT 0,
  deleted_at       BIGINT,
  merged_into      TEXT NOT NULL DEFAULT '',
  version          BIGINT NOT NULL DEFAULT 1
);
-- One index for each order of a list, and for what lists are narrowed by. Those of
-- times hold what is asked of many records besides.
CREATE INDEX records_name ON records (list_no, name_key, no, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX records_updated ON records (list_no, updated_at, no, owner_id, stage_rank, class, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX records_created ON records (list_no, created_at, no, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX records_last ON records (list_no, last_at, no, owner_id, stage_rank, class, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX records_stage ON records (list_no, stage_rank, name_key, no) WHERE deleted_at IS NULL AND stage <> '';
CREATE INDEX records_amount ON records (list_no, (COALESCE(amount_minor, -9223372036854775807)), no) WHERE deleted_at IS NULL AND type = 'deal';
CREATE INDEX records_close ON records (list_no, close_date, no) WHERE deleted_at IS NULL AND type = 'deal';
CREATE INDEX records_owner ON records (list_no, owner_id, name_key, no) WHERE deleted_at IS NULL;
CREATE INDEX records_class ON records (list_no, class, name_key, no) WHERE deleted_at IS NULL AND class <> '';
CREATE INDEX records_maker ON records (list_no, maker, name_key, no) WHERE deleted_at IS NULL;
CREATE INDEX records_company ON records (company_no, list_no, name_key, no) WHERE company_no IS NOT NULL;
CREATE INDEX records_deleted ON records (list_no, deleted_at, no) WHERE deleted_at IS NOT NULL;

-- Words of records, those of records.words with one for the list before them.
CREATE VIRTUAL TABLE record_index USING fts5 (words, content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'ascii', detail = none);

-- Addresses by which mail finds people: key is the address as addresses are compared.
CREATE TABLE record_emails (
  workspace_id TEXT NOT NULL,
  key          TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, key, record_no)
) WITHOUT ROWID;
CREATE INDEX record_emails_record ON record_emails (record_no);
CREATE TABLE record_phones (
  workspace_id TEXT NOT NULL,
  e164         TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, e164, record_no)
) WITHOUT ROWID;
CREATE INDEX record_phones_record ON record_phones (record_no);
CREATE TABLE record_domains (
  workspace_id TEXT NOT NULL,
  domain       TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, domain, record_no)
) WITHOUT ROWID;
CREATE INDEX record_domains_record ON record_domains (record_no);

-- People of deals, in their order.
CREATE TABLE deal_people (
  deal_no   BIGINT NOT NULL,
  person_no BIGINT NOT NULL,
  role      TEXT NOT NULL,
  place     BIGINT NOT NULL,
  PRIMARY KEY (deal_no, person_no)
) WITHOUT ROWID;
CREATE INDEX deal_people_person ON deal_people (person_no, deal_no);

-- What fields of the type relation point to.
CREATE TABLE record_relations (
  record_no BIGINT NOT NULL,
  field     TEXT NOT NULL,
  target_no BIGINT NOT NULL,
  PRIMARY KEY (record_no, field)
) WITHOUT ROWID;
CREATE INDEX record_relations_target ON record_relations (target_no, record_no);

-- Values of a type's own fields, sortable as text; '' where a record has none.
CREATE TABLE record_values (
  list_no   BIGINT NOT NULL,
  field     TEXT NOT NULL,
  key       TEXT NOT NULL,
  record_no BIGINT NOT NULL,
  PRIMARY KEY (list_no, field, key, record_no)
) WITHOUT ROWID;
CREATE INDEX record_values_record ON record_values (record_no);

-- What other programs call a record: one name in each system.
CREATE TABLE external_ids (
  workspace_id TEXT NOT NULL,
  system       TEXT NOT NULL,
  external_id  TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, system, external_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX external_ids_record ON external_ids (record_no, system);

-- owner_id: '' for tags that everybody sees.
CREATE TABLE tags (
  no           INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  workspace_id TEXT NOT NULL,
  owner_id     TEXT NOT NULL,
  name         TEXT NOT NULL,
  name_key     TEXT NOT NULL,
  colour       TEXT NOT NULL,
  created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX tags_name ON tags (workspace_id, owner_id, name_key);
CREATE TABLE record_tags (
  tag_no    BIGINT NOT NULL,
  record_no BIGINT NOT NULL,
  PRIMARY KEY (tag_no, record_no)
) WITHOUT ROWID;
CREATE INDEX record_tags_record ON record_tags (record_no, tag_no);

CREATE TABLE notes (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL,
  record_no    BIGINT NOT NULL,
  text         TEXT NOT NULL,
  author_id    TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL
);
CREATE INDEX notes_record ON notes (record_no, created_at, id);
CREATE INDEX notes_workspace ON notes (workspace_id, created_at, id);

CREATE TABLE tasks (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL,
  record_no    BIGINT,
  title        TEXT NOT NULL,
  due_at       BIGINT,
  done_at      BIGINT,
  assignee_id  TEXT NOT NULL,
  author_id    TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL
);
CREATE INDEX tasks_open ON tasks (workspace_id, (COALESCE(due_at, 9223372036854775807)), id) WHERE done_at IS NULL;
CREATE INDEX tasks_mine ON tasks (workspace_id, assignee_id, (COALESCE(due_at, 9223372036854775807)), id) WHERE done_at IS NULL;
CREATE INDEX tasks_done ON tasks (workspace_id, done_at, id) WHERE done_at IS NOT NULL;
CREATE INDEX tasks_workspace ON tasks (workspace_id, created_at, id);
CREATE INDEX tasks_record ON tasks (record_no, created_at, id) WHERE record_no IS NOT NULL;

-- Changes of many records at once, with what they were before: JSON.
CREATE TABLE record_changes (
  id           TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL,
  user_id      TEXT NOT NULL,
  at           BIGINT NOT NULL,
  undone_at    BIGINT,
  before       TEXT NOT NULL
);
CREATE INDEX record_changes_at ON record_changes (at);

-- region: where numbers without a country code are from (ISO 3166).
CREATE TABLE record_settings (
  workspace_id TEXT PRIMARY KEY NOT NULL,
  region       TEXT NOT NULL
);

-- +goose Down
DROP TABLE record_settings;
DROP TABLE record_changes;
DROP TABLE tasks;
DROP TABLE notes;
DROP TABLE record_tags;
DROP TABLE tags;
DROP TABLE external_ids;
DROP TABLE record_values;
DROP TABLE record_relations;
DROP TABLE deal_people;
DROP TABLE record_domains;
DROP TABLE record_phones;
DROP TABLE record_emails;
DROP TABLE record_index;
DROP TABLE records;
DROP TABLE object_types;

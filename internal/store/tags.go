package store

import (
	"context"
	"errors"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

const noTag = "There is no such tag."

func scanTag(r scanner) (crm.Tag, error) {
	var t crm.Tag
	err := r.Scan(&t.ID, &t.Name, &t.Colour, &t.OwnerID)
	return t, err
}

const (
	tagColumns = "t.id, t.name, t.colour, t.owner_id"
	// tagSeen is the condition that a caller ($1 the workspace, $2 the user) sees tag t.
	tagSeen = "t.workspace_id = $1 AND t.owner_id IN ('', $2)"
)

// Tags lists the tags that the caller sees, by name.
func (s *Store) Tags(ctx context.Context, c access.Caller) ([]crm.Tag, error) {
	return all(ctx, s.reading("records.Tags"), "list", scanTag, "SELECT "+tagColumns+" FROM tags t WHERE "+tagSeen+" ORDER BY t.name_key, t.no", string(c.Workspace), string(c.UserID))
}

// tagTaken says so when a tag's name is another's of the same owner.
func tagTaken(err error) error {
	if fault.Is(err, fault.Conflict) {
		return &fault.Error{Kind: fault.Conflict, Code: "name_taken", Text: "There is a tag with this name already.", Fields: map[string]string{"name": "is taken"}, Err: err}
	}
	return err
}

// PutTag stores a new tag.
func (s *Store) PutTag(ctx context.Context, c access.Caller, tag crm.Tag, most int) (crm.Tag, error) {
	err := s.write(ctx, "records.PutTag", func(t *tx) error {
		if err := s.d.lock(ctx, t, lockOf(c.Workspace, "tags", "")); err != nil { // two at once count as two
			return err
		}
		n, err := one(ctx, t, "count tags", scanInt, "SELECT COUNT(*) FROM tags WHERE workspace_id = $1 AND owner_id = $2", string(c.Workspace), string(tag.OwnerID))
		if err != nil {
			return err
		}
		if n >= int64(most) {
			return &fault.Error{Kind: fault.Conflict, Code: "too_many_tags", Text: "There are as many tags as there can be. Delete one first."}
		}
		_, err = t.exec(ctx, "insert tag", "INSERT INTO tags (id, workspace_id, owner_id, name, name_key, colour, created_at) VALUES "+marks(1, 7),
			string(tag.ID), string(c.Workspace), string(tag.OwnerID), clean(tag.Name), tagKey(tag.Name), tag.Colour, t.now)
		return tagTaken(err)
	})
	return tag, err
}

// tagKey is by what tags are told apart: two that differ in case or accents are one.
func tagKey(name string) string {
	if key := sortKey(name); key != "" {
		return key
	}
	return clean(name) // signs alone
}

// ChangeTag lets change alter a tag that the caller sees.
func (s *Store) ChangeTag(ctx context.Context, c access.Caller, id crm.TagID, change func(*crm.Tag) error) (crm.Tag, error) {
	var after crm.Tag
	err := s.write(ctx, "records.ChangeTag", func(t *tx) error {
		tag, err := one(ctx, t, "read tag", scanTag, "SELECT "+tagColumns+" FROM tags t WHERE "+tagSeen+" AND t.id = $3"+s.d.forUpdate(), string(c.Workspace), string(c.UserID), clean(string(id)))
		if after, err = found(tag, err, noTag); err != nil {
			return err
		}
		if err := change(&after); err != nil {
			return err
		}
		_, err = t.exec(ctx, "save tag", "UPDATE tags SET name = $2, name_key = $3, colour = $4 WHERE id = $1", string(after.ID), clean(after.Name), tagKey(after.Name), after.Colour)
		return tagTaken(err)
	})
	return after, err
}

// tagRecords puts tags g on records r of their workspace. What lists are ordered by goes
// with it, and follows the record by a trigger.
const tagRecords = `INSERT INTO record_tags (tag_no, record_no, list_no, name_key, created_at, updated_at, last_at, deleted_at)
	SELECT g.no, r.no, r.list_no, r.name_key, r.created_at, r.updated_at, r.last_at, r.deleted_at
	FROM tags g JOIN records r ON r.workspace_id = g.workspace_id WHERE `

// putTag puts a tag on records; one that is gone meanwhile, or is of another workspace,
// is put on none.
func (t *tx) putTag(ctx context.Context, tag int64, nos []int64) error {
	_, err := t.exec(ctx, "put tag on", tagRecords+"g.no = $1 AND "+t.s.d.in("r.no", 2)+" ON CONFLICT DO NOTHING", tag, t.s.d.list(nos))
	return err
}

// DropTag deletes a tag and takes it off all records.
func (s *Store) DropTag(ctx context.Context, c access.Caller, id crm.TagID, row access.Audit) error {
	return s.write(ctx, "records.DropTag", func(t *tx) error {
		no, err := one(ctx, t, "find tag", scanInt, "SELECT t.no FROM tags t WHERE "+tagSeen+" AND t.id = $3", string(c.Workspace), string(c.UserID), clean(string(id)))
		if errors.Is(err, errNone) {
			return fault.New(fault.NotFound, noTag)
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "take tag off", "DELETE FROM record_tags WHERE tag_no = $1", no); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "delete tag", "DELETE FROM tags WHERE no = $1", no); err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{row})
	})
}

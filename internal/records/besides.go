package records

import (
	"context"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Bounds of what stands beside records.
const (
	mostTags  = 500 // of a workspace, and of a member
	maxTag    = 60
	maxNote   = 50_000
	maxTask   = 500
	usualTint = "#5b6577"
)

var colourForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// Tags lists the tags that the caller sees: the workspace's and their own.
func (s *Service) Tags(ctx context.Context, c access.Caller) ([]crm.Tag, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, err
	}
	list, err := s.Store.Tags(ctx, c)
	return list, wrap("listing tags", err)
}

// CreateTag makes a tag, for everybody or for the caller alone.
func (s *Service) CreateTag(ctx context.Context, c access.Caller, name, colour string, mine bool) (crm.Tag, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return crm.Tag{}, err
	}
	t := crm.Tag{Colour: usualTint}
	if mine {
		t.OwnerID = c.UserID
	}
	if err := alterTag(&t, &name, &colour); err != nil {
		return t, err
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return t, err
	}
	t.ID = crm.TagID(id)
	t, err = s.Store.PutTag(ctx, c, t, mostTags)
	return t, wrap("storing the tag", err)
}

func alterTag(t *crm.Tag, name, colour *string) error {
	if name != nil {
		text := tidyText(*name, false)
		if text == "" || utf8.RuneCountInString(text) > maxTag {
			return invalid("name", fmt.Sprintf("must have 1 to %d characters", maxTag))
		}
		t.Name = text
	}
	if colour != nil && *colour != "" {
		if !colourForm.MatchString(*colour) {
			return invalid("colour", "must be a colour such as #2458d3")
		}
		t.Colour = *colour
	}
	return nil
}

// ChangeTag changes name and colour of a tag.
func (s *Service) ChangeTag(ctx context.Context, c access.Caller, id crm.TagID, name, colour *string) (crm.Tag, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return crm.Tag{}, err
	}
	t, err := s.Store.ChangeTag(ctx, c, id, func(t *crm.Tag) error { return alterTag(t, name, colour) })
	return t, wrap("changing the tag", err)
}

// DropTag deletes a tag, and takes it off all records.
func (s *Service) DropTag(ctx context.Context, c access.Caller, id crm.TagID) error {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return err
	}
	return wrap("deleting the tag", s.Store.DropTag(ctx, c, id, s.act(c, "tag.delete", string(id), "")))
}

// Notes lists the notes of a record, the newest first.
func (s *Service) Notes(ctx context.Context, c access.Caller, record crm.RecordID, cursor string, limit int) ([]Note, string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, "", err
	}
	list, next, err := s.Store.NotesOf(ctx, c, record, cursor, limit)
	return list, next, wrap("listing notes", err)
}

func noteText(text string) (string, error) {
	text = tidyText(text, true)
	if text == "" || utf8.RuneCountInString(text) > maxNote {
		return "", invalid("text", fmt.Sprintf("must have 1 to %d characters", maxNote))
	}
	return text, nil
}

// CreateNote writes a note on a record.
func (s *Service) CreateNote(ctx context.Context, c access.Caller, record crm.RecordID, text string) (Note, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Note{}, err
	}
	text, err := noteText(text)
	if err != nil {
		return Note{}, err
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return Note{}, err
	}
	n, err := s.Store.PutNote(ctx, c, record, crm.Note{ID: crm.NoteID(id), Text: text, AuthorID: c.UserID})
	return n, wrap("storing the note", err)
}

// ChangeNote changes a note: its author may, and nobody else.
func (s *Service) ChangeNote(ctx context.Context, c access.Caller, id crm.NoteID, text string) (Note, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Note{}, err
	}
	text, err := noteText(text)
	if err != nil {
		return Note{}, err
	}
	n, err := s.Store.ChangeNote(ctx, c, id, func(n *crm.Note) error {
		if n.AuthorID != c.UserID {
			return fault.New(fault.Forbidden, "Others' notes can be read, not changed.")
		}
		n.Text = text
		return nil
	})
	return n, wrap("changing the note", err)
}

// DropNote deletes a note: its author and administrators may.
func (s *Service) DropNote(ctx context.Context, c access.Caller, id crm.NoteID) error {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return err
	}
	err := s.Store.DropNote(ctx, c, id, s.act(c, "note.delete", string(id), ""), func(n crm.Note) error {
		if n.AuthorID != c.UserID && !c.Administers() {
			return fault.New(fault.Forbidden, "Others' notes are deleted by administrators.")
		}
		return nil
	})
	return wrap("deleting the note", err)
}

// Tasks lists tasks.
func (s *Service) Tasks(ctx context.Context, c access.Caller, q TaskQuery) ([]Task, string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, "", err
	}
	if q.Assignee == "me" {
		q.Assignee = c.UserID
	}
	q.Now = s.Now()
	list, next, err := s.Store.TasksOf(ctx, c, q)
	return list, next, wrap("listing tasks", err)
}

// Task reads a task.
func (s *Service) Task(ctx context.Context, c access.Caller, id crm.TaskID) (Task, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return Task{}, err
	}
	t, err := s.Store.Task(ctx, c, id)
	return t, wrap("reading the task", err)
}

// TaskWish asks for a task, or for a change of one: nil stays.
type TaskWish struct {
	Title    *string
	DueAt    *time.Time // the zero time: none
	Done     *bool
	Assignee *crm.UserID   // "": nobody
	Record   *crm.RecordID // "": none
}

// CreateTask makes a task; whoever makes it has it to do unless somebody is named.
func (s *Service) CreateTask(ctx context.Context, c access.Caller, wish TaskWish) (Task, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Task{}, err
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return Task{}, err
	}
	t := crm.Task{ID: crm.TaskID(id), AuthorID: c.UserID, AssigneeID: c.UserID}
	if wish.Title == nil {
		return Task{}, invalid("title", "is required")
	}
	if err := s.alterTask(c, &t, wish); err != nil {
		return Task{}, err
	}
	record := crm.RecordID("")
	if wish.Record != nil {
		record = *wish.Record
	}
	made, err := s.Store.PutTask(ctx, c, record, t)
	return made, wrap("storing the task", err)
}

func (s *Service) alterTask(c access.Caller, t *crm.Task, wish TaskWish) error {
	if wish.Title != nil {
		text := tidyText(*wish.Title, false)
		if text == "" || utf8.RuneCountInString(text) > maxTask {
			return invalid("title", fmt.Sprintf("must have 1 to %d characters", maxTask))
		}
		t.Title = text
	}
	if wish.DueAt != nil {
		if t.DueAt = wish.DueAt; wish.DueAt.IsZero() {
			t.DueAt = nil
		} else if y := wish.DueAt.Year(); y < 1970 || y > 9999 {
			return invalid("due_at", "must be between 1970 and 9999")
		}
	}
	if wish.Done != nil && *wish.Done != (t.DoneAt != nil) {
		if t.DoneAt = nil; *wish.Done {
			now := s.Now()
			t.DoneAt = &now
		}
	}
	if wish.Assignee != nil {
		if t.AssigneeID = *wish.Assignee; t.AssigneeID == "me" {
			t.AssigneeID = c.UserID
		}
	}
	return nil
}

// ChangeTask changes a task. With a version, nothing changes unless that is still its
// version (CodeChanged).
func (s *Service) ChangeTask(ctx context.Context, c access.Caller, id crm.TaskID, version int64, wish TaskWish) (Task, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Task{}, err
	}
	t, err := s.Store.ChangeTask(ctx, c, id, func(t *crm.Task) (*crm.RecordID, error) {
		if version != 0 && version != t.Version {
			return nil, changedMeanwhile()
		}
		return wish.Record, s.alterTask(c, t, wish)
	})
	return t, wrap("changing the task", err)
}

// DropTask deletes a task.
func (s *Service) DropTask(ctx context.Context, c access.Caller, id crm.TaskID) error {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return err
	}
	return wrap("deleting the task", s.Store.DropTask(ctx, c, id, s.act(c, "task.delete", string(id), "")))
}

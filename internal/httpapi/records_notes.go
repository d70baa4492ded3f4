package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records"
)

// registerNotes is notes and tasks.
func (s *Server) registerNotes(r *router) {
	read, write := may(access.RecordsRead), may(access.RecordsWrite)
	const notes, task = w + "/records/{record_id}/notes", w + "/tasks/{task_id}"
	add(r, read, get, notes, "list-notes", "Notes of a record, the newest first", s.listNotes)
	add(r, write, post, notes, "create-note", "Write a note on a record", once(s, "create-note", s.createNote), status(201))
	add(r, write, patch, w+"/notes/{note_id}", "change-note", "Change one's own note", s.changeNote)
	add(r, write, remove, w+"/notes/{note_id}", "delete-note", "Delete one's own note; administrators any", s.deleteNote)
	add(r, read, get, w+"/tasks", "list-tasks", "Tasks: open ones by when they are due, others the newest first", s.listTasks)
	add(r, write, post, w+"/tasks", "create-task", "Make a task", once(s, "create-task", s.createTask), status(201), uncheckedBody)
	add(r, read, get, task, "get-task", "One task", s.getTask)
	add(r, write, patch, task, "change-task", "Change a task, or say that it is done", s.changeTask, uncheckedBody, says(patchSays))
	add(r, write, remove, task, "delete-task", "Delete a task", s.deleteTask)
}

type listNotesInput struct {
	InRecord
	PageInput
}

func (s *Server) listNotes(ctx context.Context, c access.Caller, in *listNotesInput) (*bodyOf[List[Note]], error) {
	list, next, err := s.Records.Notes(ctx, c, in.record(), in.Cursor, in.Limit)
	return pageOf(list, next, err, noteShape)
}

type createNoteInput struct {
	InRecord
	Idempotent
	Body client.NoteInput
}

func noteAnswer(n records.Note, err error) (*bodyOf[Note], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOf[Note]{noteShape(n)}, nil
}

func (s *Server) createNote(ctx context.Context, c access.Caller, in *createNoteInput) (*bodyOf[Note], error) {
	n, err := s.Records.CreateNote(ctx, c, in.record(), in.Body.Text)
	return noteAnswer(n, err)
}

// InNote is a path with a note.
type InNote struct {
	InWorkspace
	NoteID string `path:"note_id"`
}

type changeNoteInput struct {
	InNote
	Body client.NoteInput
}

func (s *Server) changeNote(ctx context.Context, c access.Caller, in *changeNoteInput) (*bodyOf[Note], error) {
	n, err := s.Records.ChangeNote(ctx, c, crm.NoteID(in.NoteID), in.Body.Text)
	return noteAnswer(n, err)
}

func (s *Server) deleteNote(ctx context.Context, c access.Caller, in *InNote) (*nothing, error) {
	return nil, s.Records.DropNote(ctx, c, crm.NoteID(in.NoteID))
}

type listTasksInput struct {
	InWorkspace
	PageInput
	RecordID   string `query:"record_id" maxLength:"64"`
	AssigneeID string `query:"assignee_id" maxLength:"64" doc:"me, or an id."`
	State      string `query:"state" enum:"open,done,overdue" doc:"Absent: all."`
}

func (s *Server) listTasks(ctx context.Context, c access.Caller, in *listTasksInput) (*bodyOf[List[Task]], error) {
	list, next, err := s.Records.Tasks(ctx, c, records.TaskQuery{
		Record: crm.RecordID(in.RecordID), Assignee: crm.UserID(in.AssigneeID), State: records.TaskState(in.State), Cursor: in.Cursor, Limit: in.Limit,
	})
	return pageOf(list, next, err, taskShape)
}

// taskBody is the JSON of a TaskInput, with what is null in it.
type taskBody map[string]json.RawMessage

// Schema is that of TaskInput.
func (taskBody) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[client.TaskInput](), true, "TaskInput")
}

// wish reads what is asked for, and says what is wrong with it.
func (b taskBody) wish() (records.TaskWish, error) {
	var out records.TaskWish
	for name, raw := range b {
		null := string(bytes.TrimSpace(raw)) == "null"
		var err error
		switch name {
		case "title":
			err = json.Unmarshal(raw, &out.Title)
			if null {
				out.Title = new(string)
			}
		case "due_at":
			if out.DueAt = new(time.Time); !null {
				err = json.Unmarshal(raw, out.DueAt)
			}
		case "done":
			err = json.Unmarshal(raw, &out.Done)
		case "assignee_id":
			if out.Assignee = new(crm.UserID); !null {
				err = json.Unmarshal(raw, out.Assignee)
			}
		case "record_id":
			if out.Record = new(crm.RecordID); !null {
				err = json.Unmarshal(raw, out.Record)
			}
		default:
			return out, wrongField(name[:min(len(name), 64)], "is no field of tasks")
		}
		if err != nil {
			return out, wrongField(name, taskForms[name])
		}
	}
	return out, nil
}

// taskForms says what the fields of a task must be.
var taskForms = map[string]string{
	"title": "must be a text", "due_at": "must be a time such as 2026-11-30T09:00:00Z", "done": "must be true or false", "assignee_id": "must be an id", "record_id": "must be an id",
}

type createTaskInput struct {
	InWorkspace
	Idempotent
	Body taskBody
}

func (s *Server) createTask(ctx context.Context, c access.Caller, in *createTaskInput) (*bodyOf[Task], error) {
	wish, err := in.Body.wish()
	if err != nil {
		return nil, err
	}
	k, err := s.Records.CreateTask(ctx, c, wish)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Task]{taskShape(k)}, nil
}

// InTask is a path with a task.
type InTask struct {
	InWorkspace
	TaskID string `path:"task_id"`
}

func taskAnswer(k records.Task, err error) (*versioned[Task], error) {
	if err != nil {
		return nil, err
	}
	return &versioned[Task]{etag(k.Version), taskShape(k)}, nil
}

func (s *Server) getTask(ctx context.Context, c access.Caller, in *InTask) (*versioned[Task], error) {
	k, err := s.Records.Task(ctx, c, crm.TaskID(in.TaskID))
	return taskAnswer(k, err)
}

type changeTaskInput struct {
	InTask
	Matching
	Body taskBody
}

func (s *Server) changeTask(ctx context.Context, c access.Caller, in *changeTaskInput) (*versioned[Task], error) {
	wish, err := in.Body.wish()
	if err != nil {
		return nil, err
	}
	k, err := s.Records.ChangeTask(ctx, c, crm.TaskID(in.TaskID), in.version(), wish)
	return taskAnswer(k, err)
}

func (s *Server) deleteTask(ctx context.Context, c access.Caller, in *InTask) (*nothing, error) {
	return nil, s.Records.DropTask(ctx, c, crm.TaskID(in.TaskID))
}

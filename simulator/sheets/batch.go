package sheets

import (
	"encoding/json"
	"fmt"

	"rapport/simulator/files"
	"rapport/simulator/front"
)

// batchUpdate knows adding, renaming and deleting sheets and renaming the
// spreadsheet; all requests of a call happen or none.
func (r *Room) batchUpdate(c *front.Call) (any, error) {
	var in struct {
		Requests                     []map[string]json.RawMessage
		IncludeSpreadsheetInResponse bool
	}
	if err := decode(c.Body, &in); err != nil {
		return nil, err
	}
	if len(in.Requests) == 0 {
		return nil, invalid("Must specify at least one request.")
	}
	out := map[string]any{"spreadsheetId": c.Path.Get("spreadsheetId")}
	var replies []any
	err := r.change(c, func(f *files.File) error {
		draft := *f
		draft.Book = f.Book.Clone()
		for i, request := range in.Requests {
			reply, err := one(&draft, i, request)
			if err != nil {
				return err
			}
			replies = append(replies, reply)
		}
		f.Book, f.Name = draft.Book, draft.Name
		if in.IncludeSpreadsheetInResponse {
			out["updatedSpreadsheet"] = show(f)
		}
		return nil
	})
	out["replies"] = replies
	return out, err
}

func one(f *files.File, i int, request map[string]json.RawMessage) (any, error) {
	if len(request) != 1 {
		return nil, invalid("Invalid requests[%d]: exactly one kind of request is allowed.", i)
	}
	for kind, raw := range request {
		switch kind {
		case "addSheet":
			return addOne(f, i, raw)
		case "deleteSheet":
			var in struct{ SheetID int32 }
			if err := decode(raw, &in); err != nil {
				return nil, err
			}
			return struct{}{}, deleteSheet(f, i, in.SheetID)
		case "updateSheetProperties":
			return struct{}{}, renameSheet(f, i, raw)
		case "updateSpreadsheetProperties":
			var in struct {
				Properties properties
				Fields     string
			}
			if err := decode(raw, &in); err != nil {
				return nil, err
			}
			if in.Fields != "title" {
				return nil, absent("updateSpreadsheetProperties of " + in.Fields)
			}
			f.Name = in.Properties.Title
			return struct{}{}, nil
		default:
			return nil, absent("the request " + kind)
		}
	}
	return nil, nil
}

func addOne(f *files.File, i int, raw json.RawMessage) (any, error) {
	var in struct{ Properties sheetProperties }
	if err := decode(raw, &in); err != nil {
		return nil, err
	}
	if in.Properties.ID == 0 {
		in.Properties.ID = nextID(f.Book)
	}
	if sheetByID(f.Book, in.Properties.ID) != nil {
		return nil, invalid("Invalid requests[%d].addSheet: Sheet with ID %d already exists.", i, in.Properties.ID)
	}
	if err := addSheet(f.Book, sheetView{Properties: in.Properties}); err != nil {
		return nil, err
	}
	views := show(f).Sheets
	return map[string]any{"addSheet": views[len(views)-1]}, nil
}

// nextID is an id that no sheet of the book has.
func nextID(b *files.Workbook) int32 {
	id := int32(1_000_003)
	for sheetByID(b, id) != nil {
		id = id*31 + 7
		id &= 1<<31 - 1
	}
	return id
}

func sheetByID(b *files.Workbook, id int32) *files.Sheet {
	for _, s := range b.Sheets {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func deleteSheet(f *files.File, i int, id int32) error {
	for n, s := range f.Book.Sheets {
		if s.ID != id {
			continue
		}
		if len(f.Book.Sheets) == 1 {
			return invalid("Invalid requests[%d].deleteSheet: You can't remove all the sheets in a document.", i)
		}
		f.Book.Sheets = append(f.Book.Sheets[:n], f.Book.Sheets[n+1:]...)
		return nil
	}
	return invalid("Invalid requests[%d].deleteSheet: No sheet with id: %d", i, id)
}

func renameSheet(f *files.File, i int, raw json.RawMessage) error {
	var in struct {
		Properties sheetProperties
		Fields     string
	}
	if err := decode(raw, &in); err != nil {
		return err
	}
	s := sheetByID(f.Book, in.Properties.ID)
	switch {
	case s == nil:
		return invalid("Invalid requests[%d].updateSheetProperties: No sheet with id: %d", i, in.Properties.ID)
	case in.Fields != "title":
		return absent(fmt.Sprintf("updateSheetProperties of %q", in.Fields))
	case f.Book.Sheet(in.Properties.Title) != nil && f.Book.Sheet(in.Properties.Title) != s:
		return invalid("Invalid requests[%d].updateSheetProperties: A sheet with the name %q already exists. Please enter another name.", i, in.Properties.Title)
	}
	s.Title = in.Properties.Title
	return nil
}

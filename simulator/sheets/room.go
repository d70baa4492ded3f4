// Package sheets is the simulated Google Sheets: spreadsheets and their values.
// It calculates no formulas and keeps no formats.
package sheets

import (
	"encoding/json"
	"fmt"
	"slices"

	"rapport/simulator/discovery"
	"rapport/simulator/files"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// Room is the Sheets API of a world.
type Room struct {
	world *world.World
	store *files.Store
}

// New makes a Sheets over the store of Drive.
func New(w *world.World, s *files.Store) *Room { return &Room{world: w, store: s} }

// Name is the room's name in faults and logs.
func (r *Room) Name() string { return "sheets" }

// Document is Sheets' discovery document.
func (r *Room) Document() []byte { return discovery.Document("sheets") }

// Methods lists what is served.
func (r *Room) Methods() map[string]front.Handler {
	const s, v = "sheets.spreadsheets.", "sheets.spreadsheets.values."
	return map[string]front.Handler{
		s + "create":      r.create,
		s + "get":         r.get,
		s + "batchUpdate": r.batchUpdate,
		v + "get":         r.values,
		v + "batchGet":    r.batchGet,
		v + "update":      r.update,
		v + "batchUpdate": r.batchUpdateValues,
		v + "append":      r.append,
		v + "clear":       r.clear,
		v + "batchClear":  r.batchClear,
	}
}

const auth = "https://www.googleapis.com/auth/"

// book runs f on a spreadsheet the caller may read.
func (r *Room) book(c *front.Call, do func(f *files.File) error) error {
	return r.store.Do(func(t *files.Tree) error {
		f := t.Get(c.Path.Get("spreadsheetId"))
		has := func(names ...string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(c.Scopes, auth+n) })
		}
		switch {
		case f == nil:
			return notFound()
		case f.Owner != c.Account:
			return &front.Error{Code: 403, Status: "PERMISSION_DENIED", Message: "The caller does not have permission"}
		case !has("drive", "drive.readonly", "spreadsheets", "spreadsheets.readonly") && !f.Apps[c.Project]:
			return notFound() // drive.file: not made with this application
		case f.Book == nil:
			return &front.Error{Code: 400, Status: "FAILED_PRECONDITION", Message: "This operation is not supported for this document"}
		}
		return do(f)
	})
}

// change is book for calls that write.
func (r *Room) change(c *front.Call, do func(f *files.File) error) error {
	return r.book(c, func(f *files.File) error {
		// Of the scopes that write, drive.file alone is bound to the application.
		wide := slices.Contains(c.Scopes, auth+"drive") || slices.Contains(c.Scopes, auth+"spreadsheets")
		if !wide && !f.Apps[c.Project] {
			return &front.Error{Code: 403, Status: "PERMISSION_DENIED", Message: "The caller does not have permission"}
		}
		if err := do(f); err != nil {
			return err
		}
		f.Touch(c.Now)
		return nil
	})
}

func notFound() *front.Error {
	return &front.Error{Code: 404, Status: "NOT_FOUND", Message: "Requested entity was not found."}
}

func invalid(format string, a ...any) *front.Error {
	return &front.Error{Code: 400, Status: "INVALID_ARGUMENT", Message: fmt.Sprintf(format, a...)}
}

func absent(what string) *front.Error {
	return &front.Error{Code: 501, Status: "UNIMPLEMENTED", Message: "The simulator does not implement " + what + "."}
}

// spreadsheet is what requests and answers say of one.
type spreadsheet struct {
	ID         string      `json:"spreadsheetId,omitempty"`
	URL        string      `json:"spreadsheetUrl,omitempty"`
	Properties properties  `json:"properties"`
	Sheets     []sheetView `json:"sheets"`
}

type properties struct {
	Title      string `json:"title"`
	Locale     string `json:"locale,omitempty"`
	TimeZone   string `json:"timeZone,omitempty"`
	AutoRecalc string `json:"autoRecalc,omitempty"`
}

type sheetView struct {
	Properties sheetProperties `json:"properties"`
	Data       []gridData      `json:"data,omitempty"`
}

type sheetProperties struct {
	ID    int32    `json:"sheetId"`
	Title string   `json:"title"`
	Index int      `json:"index"`
	Type  string   `json:"sheetType"`
	Grid  gridSize `json:"gridProperties"`
}

type gridSize struct {
	Rows    int `json:"rowCount"`
	Columns int `json:"columnCount"`
}

type gridData struct {
	StartRow    int       `json:"startRow,omitempty"`
	StartColumn int       `json:"startColumn,omitempty"`
	RowData     []rowData `json:"rowData,omitempty"`
}

type rowData struct {
	Values []cellData `json:"values,omitempty"`
}

type cellData struct {
	Entered   *extended `json:"userEnteredValue,omitempty"`
	Effective *extended `json:"effectiveValue,omitempty"`
	Formatted string    `json:"formattedValue,omitempty"`
}

type extended struct {
	Number  *float64 `json:"numberValue,omitempty"`
	String  *string  `json:"stringValue,omitempty"`
	Bool    *bool    `json:"boolValue,omitempty"`
	Formula *string  `json:"formulaValue,omitempty"`
}

func show(f *files.File) spreadsheet {
	out := spreadsheet{ID: f.ID, URL: "https://docs.google.com/spreadsheets/d/" + f.ID + "/edit",
		Properties: properties{f.Name, f.Book.Locale, f.Book.TimeZone, "ON_CHANGE"}}
	for i, s := range f.Book.Sheets {
		out.Sheets = append(out.Sheets, sheetView{Properties: sheetProperties{s.ID, s.Title, i, "GRID", gridSize{s.Rows, s.Columns}}})
	}
	return out
}

func (r *Room) create(c *front.Call) (any, error) {
	var in spreadsheet
	if err := decode(c.Body, &in); err != nil {
		return nil, err
	}
	if in.ID != "" {
		return nil, invalid("Invalid value at 'spreadsheet.spreadsheet_id': the id is chosen by the server.")
	}
	if in.Properties.Title == "" {
		in.Properties.Title = "Untitled spreadsheet"
	}
	var out spreadsheet
	err := r.store.Do(func(t *files.Tree) error {
		book := files.NewWorkbook()
		if in.Properties.Locale != "" {
			book.Locale = in.Properties.Locale
		}
		if in.Properties.TimeZone != "" {
			book.TimeZone = in.Properties.TimeZone
		}
		if len(in.Sheets) > 0 {
			book.Sheets = nil
		}
		for _, s := range in.Sheets {
			if err := addSheet(book, s); err != nil {
				return err
			}
		}
		out = show(t.Add(&files.File{Name: in.Properties.Title, Type: files.Spreadsheet, Owner: c.Account, Book: book,
			Apps: map[string]bool{c.Project: true}}, c.Now))
		return nil
	})
	return out, err
}

// addSheet adds a sheet as a request describes it.
func addSheet(b *files.Workbook, in sheetView) error {
	p := in.Properties
	if p.Title == "" {
		p.Title = fmt.Sprintf("Sheet%d", len(b.Sheets)+1)
	}
	if b.Sheet(p.Title) != nil {
		return invalid("Invalid requests[0].addSheet: A sheet with the name %q already exists. Please enter another name.", p.Title)
	}
	s := files.NewSheet(p.Title)
	if s.ID = p.ID; sheetByID(b, s.ID) != nil {
		s.ID = nextID(b)
	}
	if p.Grid.Rows > 0 {
		s.Rows = p.Grid.Rows
	}
	if p.Grid.Columns > 0 {
		s.Columns = p.Grid.Columns
	}
	for _, d := range in.Data {
		for y, row := range d.RowData {
			for x, cell := range row.Values {
				c, err := entered(cell.Entered)
				if err != nil {
					return err
				}
				if c.Value != nil {
					s.Put(d.StartRow+y, d.StartColumn+x, c)
				}
			}
		}
	}
	b.Sheets = append(b.Sheets, s)
	return nil
}

func entered(e *extended) (files.Cell, error) {
	switch {
	case e == nil:
		return files.Cell{}, nil
	case e.Formula != nil:
		return files.Cell{}, absent("formulas")
	case e.Number != nil:
		return files.Raw(*e.Number), nil
	case e.Bool != nil:
		return files.Raw(*e.Bool), nil
	case e.String != nil:
		return files.Raw(*e.String), nil
	}
	return files.Cell{}, nil
}

func decode(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return invalid("Invalid JSON payload received. %v", err)
	}
	return nil
}

func (r *Room) get(c *front.Call) (any, error) {
	var out spreadsheet
	err := r.book(c, func(f *files.File) error {
		out = show(f)
		ranges := c.Query["ranges"]
		withData := c.Query.Get("includeGridData") == "true"
		if len(ranges) == 0 && !withData {
			return nil
		}
		if len(ranges) == 0 {
			for _, s := range f.Book.Sheets {
				ranges = append(ranges, quoted(s.Title))
			}
		}
		return narrow(&out, f, ranges, withData)
	})
	return out, err
}

// narrow keeps the sheets that ranges touch, and fills in their cells.
func narrow(out *spreadsheet, f *files.File, ranges []string, withData bool) error {
	touched := map[string][]gridData{}
	for _, text := range ranges {
		a, err := parseRange(f.Book, text)
		if err != nil {
			return err
		}
		touched[a.sheet.Title] = append(touched[a.sheet.Title], cellsOf(a))
	}
	out.Sheets = slices.DeleteFunc(out.Sheets, func(s sheetView) bool { return touched[s.Properties.Title] == nil })
	if withData {
		for i := range out.Sheets {
			out.Sheets[i].Data = touched[out.Sheets[i].Properties.Title]
		}
	}
	return nil
}

func cellsOf(a area) gridData {
	out := gridData{StartRow: a.top, StartColumn: a.left}
	rows := a.filled()
	for _, row := range rows {
		var line rowData
		for _, c := range row {
			line.Values = append(line.Values, cellView(c))
		}
		out.RowData = append(out.RowData, line)
	}
	return out
}

func cellView(c files.Cell) cellData {
	var e *extended
	switch v := c.Value.(type) {
	case string:
		e = &extended{String: &v}
	case float64:
		e = &extended{Number: &v}
	case bool:
		e = &extended{Bool: &v}
	}
	return cellData{Entered: e, Effective: e, Formatted: c.Shown}
}

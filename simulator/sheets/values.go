package sheets

import (
	"slices"

	"rapport/simulator/files"
	"rapport/simulator/front"
)

// valueRange is a block of values, row by row or column by column.
type valueRange struct {
	Range  string  `json:"range,omitempty"`
	Major  string  `json:"majorDimension,omitempty"`
	Values [][]any `json:"values,omitempty"`
}

// rendering is how answers write values.
type rendering struct{ major, values, dates string }

func renderingOf(major, values, dates string) (rendering, error) {
	if major == "" || major == "DIMENSION_UNSPECIFIED" {
		major = "ROWS"
	}
	if values == "" {
		values = "FORMATTED_VALUE"
	}
	if dates == "" {
		dates = "SERIAL_NUMBER"
	}
	if major != "ROWS" && major != "COLUMNS" {
		return rendering{}, invalid("Invalid value at 'major_dimension' (TYPE_ENUM), %q", major)
	}
	return rendering{major, values, dates}, nil
}

func (r *Room) values(c *front.Call) (any, error) {
	how, err := renderingOf(c.Query.Get("majorDimension"), c.Query.Get("valueRenderOption"), c.Query.Get("dateTimeRenderOption"))
	if err != nil {
		return nil, err
	}
	var out valueRange
	err = r.book(c, func(f *files.File) error {
		a, err := parseRange(f.Book, c.Path.Get("range"))
		if err == nil {
			out = read(a, how)
		}
		return err
	})
	return out, err
}

func (r *Room) batchGet(c *front.Call) (any, error) {
	how, err := renderingOf(c.Query.Get("majorDimension"), c.Query.Get("valueRenderOption"), c.Query.Get("dateTimeRenderOption"))
	if err != nil {
		return nil, err
	}
	out := []valueRange{}
	err = r.book(c, func(f *files.File) error {
		for _, text := range c.Query["ranges"] {
			a, err := parseRange(f.Book, text)
			if err != nil {
				return err
			}
			out = append(out, read(a, how))
		}
		return nil
	})
	return map[string]any{"spreadsheetId": c.Path.Get("spreadsheetId"), "valueRanges": out}, err
}

// read gives the values of an area.
func read(a area, how rendering) valueRange {
	out := valueRange{Range: a.String(), Major: how.major}
	for _, row := range a.filled() {
		line := []any{}
		for _, c := range row {
			line = append(line, render(c, how))
		}
		out.Values = append(out.Values, line)
	}
	if how.major == "COLUMNS" {
		out.Values = turned(out.Values)
	}
	return out
}

func render(c files.Cell, how rendering) any {
	switch {
	case c.Value == nil:
		return ""
	case how.values == "FORMATTED_VALUE", c.Date && how.dates == "FORMATTED_STRING":
		return c.Shown
	}
	return c.Value
}

// turned swaps rows and columns; what ends up empty at the end of a line is
// left out.
func turned(rows [][]any) [][]any {
	var out [][]any
	for y, row := range rows {
		for x, v := range row {
			for len(out) <= x {
				out = append(out, []any{})
			}
			if v == "" {
				continue
			}
			for len(out[x]) < y {
				out[x] = append(out[x], "")
			}
			out[x] = append(out[x], v)
		}
	}
	return out
}

// writing is how a request wants values put in.
type writing struct {
	typed  bool // USER_ENTERED
	echo   bool // includeValuesInResponse
	render rendering
}

func writingOf(option string, echo bool, values, dates string) (writing, error) {
	if option != "RAW" && option != "USER_ENTERED" {
		return writing{}, invalid("'valueInputOption' is required but not specified")
	}
	how, err := renderingOf("", values, dates)
	return writing{option == "USER_ENTERED", echo, how}, err
}

func writingOfCall(c *front.Call) (writing, error) {
	q := c.Query
	return writingOf(q.Get("valueInputOption"), q.Get("includeValuesInResponse") == "true", q.Get("responseValueRenderOption"), q.Get("responseDateTimeRenderOption"))
}

// updated is what an update answers.
type updated struct {
	ID      string      `json:"spreadsheetId"`
	Range   string      `json:"updatedRange"`
	Rows    int         `json:"updatedRows,omitempty"`
	Columns int         `json:"updatedColumns,omitempty"`
	Cells   int         `json:"updatedCells,omitempty"`
	Data    *valueRange `json:"updatedData,omitempty"`
}

func (r *Room) update(c *front.Call) (any, error) {
	how, err := writingOfCall(c)
	if err != nil {
		return nil, err
	}
	var in valueRange
	if err := decode(c.Body, &in); err != nil {
		return nil, err
	}
	target := c.Path.Get("range")
	if in.Range != "" && in.Range != target {
		return nil, invalid("Requested range [%s] does not match the range of the values [%s].", target, in.Range)
	}
	var out updated
	err = r.change(c, func(f *files.File) error {
		a, err := parseRange(f.Book, target)
		if err == nil {
			out, err = write(f, a, in, how)
		}
		return err
	})
	return out, err
}

// write puts values into an area, all or none. What does not fit in is refused.
func write(f *files.File, a area, in valueRange, how writing) (updated, error) {
	if a.single {
		a.bottom, a.right = a.sheet.Rows, a.sheet.Columns
	}
	rows := in.rows()
	for y, row := range rows {
		if a.top+y >= a.bottom && len(row) > 0 {
			return updated{}, invalid("Requested writing within range [%s], but tried writing to row [%d]", a, a.top+y+1)
		}
		if a.left+len(row) > a.right {
			return updated{}, invalid("Requested writing within range [%s], but tried writing to column [%s]", a, letters(a.right))
		}
	}
	cells, width, err := enter(rows, how.typed)
	if err != nil {
		return updated{}, err
	}
	done := area{sheet: a.sheet, top: a.top, left: a.left, bottom: a.top + max(len(rows), 1), right: a.left + max(width, 1)}
	return put(f, done, rows, cells, how), nil
}

// rows are the values row by row.
func (v *valueRange) rows() [][]any {
	if v.Major == "COLUMNS" {
		return rowsOf(v.Values)
	}
	return v.Values
}

// enter makes cells of the values of a request, and says how wide they are.
func enter(rows [][]any, typed bool) (cells [][]files.Cell, width int, err error) {
	cells = make([][]files.Cell, len(rows))
	for y, row := range rows {
		width = max(width, len(row))
		for x, v := range row {
			c, err := enteredValue(v, typed, y, x)
			if err != nil {
				return nil, 0, err
			}
			cells[y] = append(cells[y], c)
		}
	}
	return cells, width, nil
}

// put fills the cells and says what was done.
func put(f *files.File, a area, rows [][]any, cells [][]files.Cell, how writing) updated {
	out := updated{ID: f.ID, Range: a.String()}
	columns := map[int]bool{}
	for y, row := range rows {
		n := 0
		for x, v := range row {
			if v == nil {
				continue // null leaves a cell as it is
			}
			a.sheet.Put(a.top+y, a.left+x, cells[y][x])
			columns[x] = true
			n++
		}
		if n > 0 {
			out.Rows++
		}
		out.Cells += n
	}
	out.Columns = len(columns)
	if how.echo {
		data := read(a, how.render)
		out.Data = &data
	}
	return out
}

// enteredValue makes a cell of a value of a request.
func enteredValue(v any, typed bool, row, column int) (files.Cell, error) {
	switch x := v.(type) {
	case map[string]any:
		return files.Cell{}, invalid("Invalid values[%d][%d]: struct_value", row, column)
	case []any:
		return files.Cell{}, invalid("Invalid values[%d][%d]: list_value", row, column)
	case string:
		if !typed {
			return files.Raw(x), nil
		}
		c, ok := files.Typed(x)
		if !ok {
			return files.Cell{}, absent("formulas")
		}
		return c, nil
	}
	return files.Raw(v), nil
}

// rowsOf makes rows of columns; cells that are not given stay as they are.
func rowsOf(columns [][]any) [][]any {
	var out [][]any
	for x, column := range columns {
		for y, v := range column {
			for len(out) <= y {
				out = append(out, nil)
			}
			for len(out[y]) < x {
				out[y] = append(out[y], nil)
			}
			out[y] = append(out[y], v)
		}
	}
	return out
}

func (r *Room) batchUpdateValues(c *front.Call) (any, error) {
	var in struct {
		Data                         []valueRange
		ValueInputOption             string
		IncludeValuesInResponse      bool
		ResponseValueRenderOption    string
		ResponseDateTimeRenderOption string
	}
	if err := decode(c.Body, &in); err != nil {
		return nil, err
	}
	how, err := writingOf(in.ValueInputOption, in.IncludeValuesInResponse, in.ResponseValueRenderOption, in.ResponseDateTimeRenderOption)
	if err != nil {
		return nil, err
	}
	out := struct {
		ID        string    `json:"spreadsheetId"`
		Rows      int       `json:"totalUpdatedRows,omitempty"`
		Columns   int       `json:"totalUpdatedColumns,omitempty"`
		Cells     int       `json:"totalUpdatedCells,omitempty"`
		Sheets    int       `json:"totalUpdatedSheets,omitempty"`
		Responses []updated `json:"responses"`
	}{ID: c.Path.Get("spreadsheetId")}
	err = r.change(c, func(f *files.File) error {
		draft := *f
		draft.Book = f.Book.Clone() // all or none
		sheets := []string{}
		for _, d := range in.Data {
			a, err := parseRange(draft.Book, d.Range)
			if err != nil {
				return err
			}
			one, err := write(&draft, a, d, how)
			if err != nil {
				return err
			}
			out.Rows, out.Columns, out.Cells = out.Rows+one.Rows, out.Columns+one.Columns, out.Cells+one.Cells
			out.Responses = append(out.Responses, one)
			if !slices.Contains(sheets, a.sheet.Title) {
				sheets = append(sheets, a.sheet.Title)
			}
		}
		out.Sheets = len(sheets)
		f.Book = draft.Book
		return nil
	})
	return out, err
}

func (r *Room) clear(c *front.Call) (any, error) {
	done, err := r.clearAll(c, []string{c.Path.Get("range")})
	if err != nil {
		return nil, err
	}
	return map[string]string{"spreadsheetId": c.Path.Get("spreadsheetId"), "clearedRange": done[0]}, nil
}

func (r *Room) batchClear(c *front.Call) (any, error) {
	var in struct{ Ranges []string }
	if err := decode(c.Body, &in); err != nil {
		return nil, err
	}
	done, err := r.clearAll(c, in.Ranges)
	return map[string]any{"spreadsheetId": c.Path.Get("spreadsheetId"), "clearedRanges": done}, err
}

func (r *Room) clearAll(c *front.Call, ranges []string) ([]string, error) {
	var done []string
	err := r.change(c, func(f *files.File) error {
		var areas []area
		for _, text := range ranges {
			a, err := parseRange(f.Book, text)
			if err != nil {
				return err
			}
			areas = append(areas, a)
		}
		for _, a := range areas {
			for y := a.top; y < a.bottom && y < len(a.sheet.Cells); y++ {
				row := a.sheet.Cells[y]
				clear(row[min(a.left, len(row)):min(a.right, len(row))])
			}
			done = append(done, a.String())
		}
		return nil
	})
	return done, err
}

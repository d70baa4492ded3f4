package files

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Workbook is the contents of a spreadsheet.
type Workbook struct {
	Locale, TimeZone string
	Sheets           []*Sheet
}

// Sheet is one table of a workbook.
type Sheet struct {
	ID            int32
	Title         string
	Rows, Columns int
	Cells         [][]Cell // only as far as something is in them
}

// Cell is what is in a cell. The zero value is an empty one.
type Cell struct {
	Value any    // string, float64, bool; nil when empty
	Shown string // as a person sees it
	Date  bool   // Value is a serial number of days since 1899-12-30
}

// Size of a new sheet.
const (
	NewRows    = 1000
	NewColumns = 26
)

// NewWorkbook makes an empty workbook as Google does.
func NewWorkbook() *Workbook {
	return &Workbook{Locale: "en_US", TimeZone: "Etc/GMT", Sheets: []*Sheet{NewSheet("Sheet1")}}
}

// NewSheet makes an empty sheet with id 0.
func NewSheet(title string) *Sheet {
	return &Sheet{Title: title, Rows: NewRows, Columns: NewColumns}
}

// Sheet finds a sheet by title, in any case; nil when there is none.
func (b *Workbook) Sheet(title string) *Sheet {
	for _, s := range b.Sheets {
		if strings.EqualFold(s.Title, title) {
			return s
		}
	}
	return nil
}

// At gives the cell of a row and column, counted from 0.
func (s *Sheet) At(row, column int) Cell {
	if row >= len(s.Cells) || column >= len(s.Cells[row]) {
		return Cell{}
	}
	return s.Cells[row][column]
}

// Put fills a cell; the sheet grows where it has to.
func (s *Sheet) Put(row, column int, c Cell) {
	for row >= len(s.Cells) {
		s.Cells = append(s.Cells, nil)
	}
	for column >= len(s.Cells[row]) {
		s.Cells[row] = append(s.Cells[row], Cell{})
	}
	s.Cells[row][column] = c
	s.Rows, s.Columns = max(s.Rows, row+1), max(s.Columns, column+1)
}

// InsertRows makes n empty rows before a row.
func (s *Sheet) InsertRows(row, n int) {
	s.Rows += n
	if row >= len(s.Cells) {
		return
	}
	empty := make([][]Cell, n)
	s.Cells = append(s.Cells[:row:row], append(empty, s.Cells[row:]...)...)
}

// Raw makes a cell of a value as it is.
func Raw(v any) Cell {
	switch x := v.(type) {
	case string:
		if x == "" {
			return Cell{}
		}
		return Cell{Value: x, Shown: x}
	case bool:
		return Cell{Value: x, Shown: strings.ToUpper(strconv.FormatBool(x))}
	case float64:
		return Cell{Value: x, Shown: number(x)}
	}
	return Cell{}
}

// number writes a number as an unformatted cell does: ten significant digits.
func number(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', 10, 64)
}

// epoch is day 0 of serial numbers.
var epoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// Typed makes a cell of a text as if a person had typed it: numbers, per cents,
// truth values and dates become values. false: a formula, which is not
// calculated here.
func Typed(text string) (Cell, bool) {
	t := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(t, "'"):
		return Raw(t[1:]), true
	case len(t) > 1 && (t[0] == '=' || t[0] == '+') && !isNumber(t[1:]):
		return Cell{}, false
	case strings.EqualFold(t, "true"), strings.EqualFold(t, "false"):
		return Raw(strings.EqualFold(t, "true")), true
	}
	if n, ok := strings.CutSuffix(t, "%"); ok && isNumber(n) {
		x, _ := strconv.ParseFloat(n, 64)
		return Cell{Value: x / 100, Shown: t}, true
	}
	if plain := strings.ReplaceAll(t, ",", ""); isNumber(plain) && (plain == t || grouped(t)) {
		x, _ := strconv.ParseFloat(plain, 64)
		c := Raw(x)
		if plain != t {
			c.Shown = t
		}
		return c, true
	}
	for _, layout := range []string{"2006-01-02", "1/2/2006", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, t); err == nil {
			return Cell{Value: at.Sub(epoch).Hours() / 24, Shown: t, Date: true}, true
		}
	}
	return Raw(text), true
}

func isNumber(s string) bool {
	if s == "" || strings.Trim(s, "0123456789.+-eE") != "" {
		return false
	}
	x, err := strconv.ParseFloat(s, 64)
	return err == nil && !math.IsInf(x, 0)
}

// grouped tells whether commas stand where thousands end.
func grouped(s string) bool {
	whole, _, _ := strings.Cut(strings.TrimLeft(s, "+-"), ".")
	groups := strings.Split(whole, ",")
	for i, g := range groups {
		if i == 0 && (len(g) == 0 || len(g) > 3) || i > 0 && len(g) != 3 {
			return false
		}
	}
	return true
}

// Clone copies a workbook; of none there is none.
func (b *Workbook) Clone() *Workbook {
	if b == nil {
		return nil
	}
	out := &Workbook{Locale: b.Locale, TimeZone: b.TimeZone}
	for _, s := range b.Sheets {
		n := *s
		n.Cells = make([][]Cell, len(s.Cells))
		for i, row := range s.Cells {
			n.Cells[i] = append([]Cell(nil), row...)
		}
		out.Sheets = append(out.Sheets, &n)
	}
	return out
}

package sheets

import (
	"fmt"
	"strconv"
	"strings"

	"rapport/simulator/files"
)

// area is a rectangle of a sheet: rows and columns counted from 0, the last
// ones excluded.
type area struct {
	sheet                    *files.Sheet
	top, left, bottom, right int
	single                   bool // one cell, which as a target means "from here on"
}

// parseRange reads A1 notation: Sheet1!A1:B2, A1:B2 (of the first sheet),
// 'My sheet'!A:C, 1:2, A5:A, the title of a sheet.
func parseRange(b *files.Workbook, text string) (area, error) {
	bad := invalid("Unable to parse range: %s", text)
	if s := b.Sheet(unquoted(text)); s != nil {
		return whole(s), nil
	}
	s, cells := b.Sheets[0], text
	if i := strings.LastIndexByte(text, '!'); i >= 0 {
		if s, cells = b.Sheet(unquoted(text[:i])), text[i+1:]; s == nil {
			return area{}, bad
		}
	}
	from, to, two := strings.Cut(cells, ":")
	column1, row1, ok := parseCell(from)
	if !ok {
		return area{}, bad
	}
	column2, row2 := column1, row1
	if two {
		if column2, row2, ok = parseCell(to); !ok {
			return area{}, bad
		}
	} else if column1 < 0 || row1 < 0 {
		return area{}, bad // "A" and "1" alone are no ranges
	}
	a, ok := box(s, column1, row1, column2, row2)
	if !ok {
		return area{}, bad
	}
	a.single = !two
	if a.bottom > s.Rows || a.right > s.Columns || a.top >= s.Rows || a.left >= s.Columns {
		return area{}, invalid("Range (%s) exceeds grid limits. Max rows: %d, max columns: %d", a, s.Rows, s.Columns)
	}
	return a, nil
}

// box puts two corners together; -1 is a part that was not given, which means
// as far as the sheet goes.
func box(s *files.Sheet, column1, row1, column2, row2 int) (area, bool) {
	if (column1 < 0 && column2 >= 0) || (row1 < 0 && row2 >= 0) {
		column1, row1, column2, row2 = column2, row2, column1, row1
	}
	if column1 < 0 && column2 >= 0 || row1 < 0 && row2 >= 0 {
		return area{}, false // like "A:1"
	}
	a := area{sheet: s, left: max(column1, 0), top: max(row1, 0), right: column2 + 1, bottom: row2 + 1}
	if column2 < 0 {
		a.right = s.Columns
	}
	if row2 < 0 {
		a.bottom = s.Rows
	}
	if column2 >= 0 && column2 < column1 {
		a.left, a.right = column2, column1+1
	}
	if row2 >= 0 && row2 < row1 {
		a.top, a.bottom = row2, row1+1
	}
	return a, true
}

func whole(s *files.Sheet) area { return area{sheet: s, bottom: s.Rows, right: s.Columns} }

// parseCell reads "B12", "B" or "12", with or without dollar signs.
func parseCell(text string) (column, row int, ok bool) {
	text = strings.ToUpper(strings.ReplaceAll(text, "$", ""))
	n := 0
	for n < len(text) && text[n] >= 'A' && text[n] <= 'Z' {
		n++
	}
	column, row = -1, -1
	if n > 3 || text == "" {
		return 0, 0, false
	}
	if n > 0 {
		column = 0
		for _, c := range text[:n] {
			column = column*26 + int(c-'A') + 1
		}
		column--
	}
	if n < len(text) {
		v, err := strconv.Atoi(text[n:])
		if err != nil || v < 1 || v > 10_000_000 || text[n] == '+' {
			return 0, 0, false
		}
		row = v - 1
	}
	return column, row, true
}

func unquoted(s string) string {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	}
	return s
}

// quoted writes the title of a sheet as ranges need it.
func quoted(title string) string {
	plain := strings.IndexFunc(title, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}) < 0
	if plain && title != "" && (title[0] < '0' || title[0] > '9') {
		return title
	}
	return "'" + strings.ReplaceAll(title, "'", "''") + "'"
}

func letters(column int) string {
	out := ""
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		out = string(rune('A'+(n-1)%26)) + out
	}
	return out
}

// String writes an area as answers do.
func (a area) String() string {
	first := fmt.Sprintf("%s!%s%d", quoted(a.sheet.Title), letters(a.left), a.top+1)
	if a.bottom-a.top == 1 && a.right-a.left == 1 {
		return first
	}
	return fmt.Sprintf("%s:%s%d", first, letters(a.right-1), a.bottom)
}

// filled gives the cells of an area without the empty ones at the end of rows
// and without empty rows at its end.
func (a area) filled() [][]files.Cell {
	var rows [][]files.Cell
	last := 0
	for y := a.top; y < a.bottom && y < len(a.sheet.Cells); y++ {
		row := []files.Cell{}
		used := 0
		for x := a.left; x < a.right && x < len(a.sheet.Cells[y]); x++ {
			c := a.sheet.At(y, x)
			row = append(row, c)
			if c.Value != nil {
				used = len(row)
			}
		}
		rows = append(rows, row[:used])
		if used > 0 {
			last = len(rows)
		}
	}
	return rows[:last]
}

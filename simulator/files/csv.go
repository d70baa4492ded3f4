package files

import (
	"bytes"
	"encoding/csv"
	"fmt"
)

// FromCSV makes a workbook of comma-separated values, as an upload that asks
// for a spreadsheet does.
func FromCSV(data []byte) (*Workbook, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the values: %w", err)
	}
	b := NewWorkbook()
	for y, row := range rows {
		for x, text := range row {
			c, ok := Typed(text)
			if !ok {
				c = Raw(text) // a formula stays text
			}
			b.Sheets[0].Put(y, x, c)
		}
	}
	return b, nil
}

// CSV writes the first sheet, as far as something is in it.
func (b *Workbook) CSV() []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	s := b.Sheets[0]
	width, height := s.Extent()
	for y := range height {
		row := make([]string, width)
		for x := range width {
			row[x] = s.At(y, x).Shown
		}
		_ = w.Write(row) // a bytes.Buffer never fails
	}
	w.Flush()
	return out.Bytes()
}

// Extent is how far something is in a sheet.
func (s *Sheet) Extent() (columns, rows int) {
	for y, row := range s.Cells {
		for x, c := range row {
			if c.Value != nil {
				columns, rows = max(columns, x+1), y+1
			}
		}
	}
	return columns, rows
}

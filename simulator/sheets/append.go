package sheets

import (
	"rapport/simulator/files"
	"rapport/simulator/front"
)

// append adds rows after the table that is found in a range (the guide
// "Append values").
func (r *Room) append(c *front.Call) (any, error) {
	how, err := writingOfCall(c)
	if err != nil {
		return nil, err
	}
	var in valueRange
	if err := decode(c.Body, &in); err != nil {
		return nil, err
	}
	if in.Range != "" && in.Range != c.Path.Get("range") {
		return nil, invalid("Requested range [%s] does not match the range of the values [%s].", c.Path.Get("range"), in.Range)
	}
	var out struct {
		ID      string  `json:"spreadsheetId"`
		Table   string  `json:"tableRange,omitempty"`
		Updates updated `json:"updates"`
	}
	err = r.change(c, func(f *files.File) error {
		a, err := parseRange(f.Book, c.Path.Get("range"))
		if err != nil {
			return err
		}
		at := area{sheet: a.sheet, top: a.top, left: a.left}
		if t, found := lastTable(a); found {
			out.Table = t.String()
			at.top, at.left = t.bottom, t.left
		}
		rows := in.rows()
		cells, width, err := enter(rows, how.typed)
		if err != nil {
			return err
		}
		if c.Query.Get("insertDataOption") == "INSERT_ROWS" && at.top < at.sheet.Rows {
			at.sheet.InsertRows(at.top, len(rows))
		}
		at.bottom, at.right = at.top+max(len(rows), 1), at.left+max(width, 1)
		out.ID, out.Updates = f.ID, put(f, at, rows, cells, how)
		return nil
	})
	return out, err
}

// lastTable finds the last table that touches an area: a block of cells with
// something in them that hang together, corners included.
func lastTable(a area) (area, bool) {
	var best area
	found := false
	for _, t := range tables(a.sheet) {
		if t.top >= a.bottom || t.bottom <= a.top || t.left >= a.right || t.right <= a.left {
			continue
		}
		if !found || t.bottom > best.bottom || t.bottom == best.bottom && t.left > best.left {
			best, found = t, true
		}
	}
	return best, found
}

// tables lists the tables of a sheet.
func tables(s *files.Sheet) []area {
	seen := map[[2]int]bool{}
	var out []area
	for y := range s.Cells {
		for x := range s.Cells[y] {
			if s.At(y, x).Value != nil && !seen[[2]int{y, x}] {
				out = append(out, spread(s, y, x, seen))
			}
		}
	}
	return out
}

// spread measures the table a cell belongs to.
func spread(s *files.Sheet, y, x int, seen map[[2]int]bool) area {
	t := area{sheet: s, top: y, left: x, bottom: y + 1, right: x + 1}
	open := [][2]int{{y, x}}
	seen[open[0]] = true
	for len(open) > 0 {
		p := open[len(open)-1]
		open = open[:len(open)-1]
		t.top, t.left = min(t.top, p[0]), min(t.left, p[1])
		t.bottom, t.right = max(t.bottom, p[0]+1), max(t.right, p[1]+1)
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				n := [2]int{p[0] + dy, p[1] + dx}
				if n[0] >= 0 && n[1] >= 0 && !seen[n] && s.At(n[0], n[1]).Value != nil {
					seen[n] = true
					open = append(open, n)
				}
			}
		}
	}
	return t
}

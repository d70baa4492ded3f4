package merging

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"rapport/internal/fault"
)

// Bounds of a file.
const (
	MostBytes   = 64 << 20
	mostRows    = 200_000
	mostColumns = 200
	mostCell    = 20_000
)

func unreadable(format string, a ...any) error {
	return &fault.Error{Kind: fault.Invalid, Code: "unreadable_file", Text: fmt.Sprintf(format, a...), Fields: map[string]string{"content": "cannot be read"}}
}

// decoded gives a file as UTF-8: it is that already, UTF-16 (told by its mark or by its
// zeros), or Windows-1252.
func decoded(data []byte) ([]byte, error) {
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		data, err = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(data)
	case zeros(data, 1) > 0 && zeros(data, 0) == 0:
		data, err = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().Bytes(data)
	case zeros(data, 0) > 0 && zeros(data, 1) == 0:
		data, err = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Bytes(data)
	case !utf8.Valid(data):
		data, err = charmap.Windows1252.NewDecoder().Bytes(data)
	}
	if err != nil {
		return nil, unreadable("The letters of the file cannot be read. Save it as UTF-8.")
	}
	return bytes.ReplaceAll(data, []byte{0}, nil), nil
}

// zeros counts zero bytes at even or odd places at the beginning of a file.
func zeros(data []byte, odd int) (n int) {
	for i := odd; i < min(len(data), 400); i += 2 {
		if data[i] == 0 {
			n++
		}
	}
	return n
}

// delimiterOf guesses what stands between cells: what gives the first lines most often
// the same number of them.
func delimiterOf(data []byte) rune {
	if first, _, _ := bytes.Cut(data, []byte("\n")); bytes.HasPrefix(first, []byte("sep=")) && len(bytes.TrimSpace(first)) == 5 {
		return rune(first[4])
	}
	best, most := ',', 0
	for _, d := range []rune{',', ';', '\t', '|'} {
		r := reader(bytes.NewReader(data[:min(len(data), 64<<10)]), d)
		head, err := r.Read()
		if err != nil || len(head) < 2 {
			continue
		}
		score := len(head)
		for range 20 {
			row, err := r.Read()
			if err != nil {
				break
			}
			if len(row) == len(head) {
				score += len(head)
			}
		}
		if score > most {
			best, most = d, score
		}
	}
	return best
}

func reader(from io.Reader, delimiter rune) *csv.Reader {
	r := csv.NewReader(from)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = delimiter, -1, true, false
	return r
}

// table is a file as rows of cells under heads; rows may end before their last heads.
type table struct {
	heads []string
	rows  [][]string
}

// readCSV reads a table whose first row is its heads. Empty rows are left out.
func readCSV(data []byte) (table, error) {
	data, err := decoded(data)
	if err != nil {
		return table{}, err
	}
	delimiter := delimiterOf(data)
	if first, rest, _ := bytes.Cut(data, []byte("\n")); bytes.HasPrefix(first, []byte("sep=")) {
		data = rest
	}
	r := reader(bytes.NewReader(data), delimiter)
	var t table
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return table{}, unreadable("Line %d cannot be read: %s", len(t.rows)+2, strings.TrimPrefix(err.Error(), "parse error on "))
		}
		empty := true
		for i, cell := range row {
			row[i] = unguarded(tidyCell(cell))
			empty = empty && row[i] == ""
		}
		switch {
		case empty:
		case t.heads == nil:
			if t.heads = headsOf(row); len(t.heads) > mostColumns {
				return table{}, unreadable("The file has more than %d columns.", mostColumns)
			}
		case len(t.rows) == mostRows:
			return table{}, unreadable("The file has more than %d rows. Split it.", mostRows)
		default:
			t.rows = append(t.rows, row[:min(len(row), len(t.heads))])
		}
	}
	if t.heads == nil {
		return table{}, unreadable("The file is empty.")
	}
	return t, nil
}

func tidyCell(cell string) string {
	cell = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(cell, "\r\n", "\n"), "\uFFFD"))
	if utf8.RuneCountInString(cell) > mostCell {
		cell = string([]rune(cell)[:mostCell])
	}
	return cell
}

// headsOf gives heads names of their own.
func headsOf(row []string) []string {
	seen := map[string]int{}
	out := make([]string, len(row))
	for i, name := range row {
		if name == "" {
			name = fmt.Sprintf("Column %d", i+1)
		}
		if r := []rune(name); len(r) > 100 {
			name = string(r[:100])
		}
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, seen[name])
		}
		out[i] = name
	}
	return out
}

// Guarded keeps a program that calculates tables from calculating a cell (OWASP, CSV
// injection); numbers stay as they are.
func Guarded(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) || plainNumber(cell) {
		return cell
	}
	return "'" + cell
}

// unguarded is the way back.
func unguarded(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.ContainsRune("=+-@", rune(cell[1])) {
		return cell[1:]
	}
	return cell
}

func plainNumber(cell string) bool {
	digits := strings.TrimLeft(cell, "+-")
	return len(cell)-len(digits) == 1 && digits != "" && strings.Trim(digits, "0123456789") == "" ||
		len(cell)-len(digits) == 1 && strings.Count(digits, ".") == 1 && strings.Trim(digits, "0123456789.") == "" && len(digits) > 1
}

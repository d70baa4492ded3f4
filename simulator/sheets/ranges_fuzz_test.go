package sheets

import (
	"testing"

	"rapport/simulator/files"
)

// A range that is understood lies in its sheet and is understood again as it is
// written in answers.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"Sheet1", "A1:B2", "'My sheet'!A:C", "1:2", "A5:A", "$B$3", "Sheet1!", "''!A1", "ZZZ1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := files.NewWorkbook()
		b.Sheets = append(b.Sheets, files.NewSheet("My sheet"))
		a, err := parseRange(b, text)
		if err != nil {
			return
		}
		if a.top < 0 || a.left < 0 || a.top >= a.bottom || a.left >= a.right || a.bottom > a.sheet.Rows || a.right > a.sheet.Columns {
			t.Fatalf("%q is %+v", text, a)
		}
		again, err := parseRange(b, a.String())
		if err != nil || again.top != a.top || again.left != a.left || again.bottom != a.bottom || again.right != a.right || again.sheet != a.sheet {
			t.Fatalf("%q is written %s, which is %+v (%v)", text, a, again, err)
		}
	})
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"time"
)

// row is one result.
type row struct {
	ID    string  `json:"id"`
	What  string  `json:"what"`
	On    string  `json:"on,omitempty"` // SQLite, PostgreSQL
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  goal    `json:"goal,omitzero"`
	Base  float64 `json:"baseline,omitempty"` // the same work done the plain way, in the same unit
	Note  string  `json:"note,omitempty"`
}

// goal is a limit of the value; the zero goal is none.
type goal struct {
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"at_least,omitempty"`
	Exact   bool    `json:"exact,omitempty"`
}

func atMost(v float64) goal  { return goal{Limit: v} }
func atLeast(v float64) goal { return goal{Limit: v, AtLeast: true} }
func exactly(v float64) goal { return goal{Limit: v, Exact: true} }

func (g goal) none() bool { return g == goal{} }

func (g goal) met(v float64) bool {
	switch {
	case g.Exact:
		return v == g.Limit
	case g.AtLeast:
		return v >= g.Limit
	default:
		return v <= g.Limit
	}
}

func (g goal) text(unit string) string {
	switch {
	case g.none():
		return ""
	case g.Exact:
		return "= " + number(g.Limit) + " " + unit
	case g.AtLeast:
		return "≥ " + number(g.Limit) + " " + unit
	default:
		return "≤ " + number(g.Limit) + " " + unit
	}
}

// verdict is what the last column says.
func (r row) verdict() string {
	switch {
	case r.Goal.none():
		return ""
	case r.Goal.met(r.Value):
		return "met"
	case r.Goal.Exact || r.Goal.Limit == 0 || r.Value == 0:
		return "MISSED"
	case r.Goal.AtLeast:
		return fmt.Sprintf("MISSED %.1f×", r.Goal.Limit/r.Value)
	default:
		return fmt.Sprintf("MISSED %.1f×", r.Value/r.Goal.Limit)
	}
}

// add prints a row and keeps it for the summary.
func (b *bench) add(r row) {
	if r.ID == "" {
		r.ID = b.current.ids[0]
	}
	b.rows = append(b.rows, r)
	b.live.row(r)
}

// number prints three significant digits, thousands in groups.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case v == math.Trunc(v) && a < 1000, a >= 1e15:
		return fmt.Sprintf("%g", v)
	case a >= 100:
		return groups(fmt.Sprintf("%.0f", v))
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	case a >= 0.01:
		return fmt.Sprintf("%.3f", v)
	default:
		return fmt.Sprintf("%.2g", v)
	}
}

func groups(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// printer writes the report while it is being made.
type printer struct {
	w    io.Writer
	json *json.Encoder
}

func newPrinter(w io.Writer, asJSON bool) printer {
	p := printer{w: w}
	if asJSON {
		p.json = json.NewEncoder(w)
		p.json.SetEscapeHTML(false)
		p.w = io.Discard
	}
	return p
}

func (p printer) head(b *bench) {
	names := make([]string, len(b.dbs))
	for i, d := range b.dbs {
		names[i] = d.name
	}
	fmt.Fprintf(p.w, "Rapport, measured %s on %d cores (%s), databases: %s\n", time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), runtime.GOARCH, strings.Join(names, ", "))
	if b.quick {
		fmt.Fprintln(p.w, "Quick run: the work is cut down, the numbers are not to be quoted.")
	}
	if len(b.dbs) == 1 {
		fmt.Fprintln(p.w, "TEST_DATABASE_URL is not set: PostgreSQL is not measured (scripts/with-postgres starts a server).")
	}
}

func (p printer) section(s section) {
	fmt.Fprintf(p.w, "\n── %s · %s\n%s\n\n", strings.Join(s.ids, " "), s.title, wrap(s.words, 110))
	fmt.Fprintf(p.w, "   %-50s %-11s %16s  %-18s %-13s %s\n", "", "on", "result", "goal", "", "plain way")
}

func (p printer) row(r row) {
	if p.json != nil {
		_ = p.json.Encode(r) // stdout that is gone ends the program anyway
		return
	}
	base := ""
	if r.Base > 0 {
		base = fmt.Sprintf("%s %s (%.1f×)", number(r.Base), r.Unit, r.Base/r.Value)
	}
	line := fmt.Sprintf("   %-50s %-11s %16s  %-18s %-13s %s", r.ID+" "+r.What, r.On, number(r.Value)+" "+r.Unit, r.Goal.text(r.Unit), r.verdict(), base)
	fmt.Fprintln(p.w, strings.TrimRight(line, " "))
	if r.Note != "" {
		fmt.Fprintf(p.w, "      %s\n", r.Note)
	}
}

func (p printer) failed(err error) {
	if p.json != nil {
		_ = p.json.Encode(map[string]string{"failed": err.Error()})
		return
	}
	fmt.Fprintf(p.w, "   FAILED: %v\n", err)
}

func (p printer) end(took time.Duration) {
	fmt.Fprintf(p.w, "   (%s)\n", took.Round(time.Second))
}

// goals is the summary: every result that has a goal.
func (p printer) goals(rows []row, took time.Duration, quick bool) {
	if p.json != nil {
		return
	}
	met, all := 0, 0
	fmt.Fprintf(p.w, "\n── Goals\n")
	for _, r := range rows {
		if r.Goal.none() {
			continue
		}
		all++
		if r.Goal.met(r.Value) {
			met++
		}
		fmt.Fprintf(p.w, "   %-50s %-11s %16s  %-18s %s\n", r.ID+" "+r.What, r.On, number(r.Value)+" "+r.Unit, r.Goal.text(r.Unit), r.verdict())
	}
	fmt.Fprintf(p.w, "\n%d of %d goals met, %s.", met, all, took.Round(time.Second))
	if quick {
		fmt.Fprint(p.w, " Quick run: not to be quoted.")
	}
	fmt.Fprintln(p.w)
}

// wrap breaks words into lines of at most width runes, each indented.
func wrap(text string, width int) string {
	var out strings.Builder
	n := 0
	for _, word := range strings.Fields(text) {
		l := len([]rune(word))
		if n > 0 && n+1+l > width {
			out.WriteByte('\n')
			n = 0
		}
		if n == 0 {
			out.WriteString("   ")
		} else {
			out.WriteByte(' ')
			n++
		}
		out.WriteString(word)
		n += l
	}
	return out.String()
}

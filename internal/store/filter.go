package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/mail"
)

// filter is a list query made into SQL for one mailbox. Its conditions are on
// the message e; args are their parameters.
type filter struct {
	s         *Store
	box       box
	lens      lens
	low, high int64 // positions
	args      []any
	where     []string
	never     bool // nothing can match

	labels  []string // that every message has to carry; the rarest leads
	text    string   // parameter of a full-text query that every message has to match
	lead    string   // label that leads, or reader of a lens of shares
	links   string   // links m that lead, with their records
	link    string   // condition on them
	several bool     // a message may have several

	textLeads bool // and is not just a condition

	names    []namedLabel // of the mailbox, read when a search names labels
	anywhere bool
	asked    []string // labels among those that hide which the query asks for
	nodes    int
}

// namedLabel is a label with the forms of its name that a search may use.
type namedLabel struct{ id, name string }

func (f *filter) arg(v any) string {
	f.args = append(f.args, v)
	return fmt.Sprintf("$%d", len(f.args))
}

func (f *filter) and(condition string) {
	if condition != "" {
		f.where = append(f.where, condition)
	}
}

// filter compiles a query for what is seen of a mailbox in one way. What the lens
// hides never matches.
func (s *Store) filter(ctx context.Context, b box, l lens, q mail.ListQuery) (*filter, error) {
	f := &filter{s: s, box: b, lens: l, low: lowest(b.no), high: highest(b.no)}
	if l.partial() && (q.Unread != nil || q.Label != "" && !slices.Contains(harmless, q.Label)) {
		f.never = true
		return f, nil
	}
	if q.Label != "" {
		f.labels = append(f.labels, q.Label)
		if hides(q.Label) {
			f.asked = append(f.asked, q.Label)
		}
	}
	if q.Unread != nil {
		if *q.Unread {
			f.labels = append(f.labels, "UNREAD")
		} else {
			f.and("e.is_read")
		}
	}
	if q.Search != nil && q.Search.Root != nil {
		if err := f.search(ctx, q.Search.Root); err != nil {
			return nil, err
		}
	}
	f.exclude()
	f.behind()
	f.linked(q)
	return f, f.choose(ctx)
}

// linked wants messages with a link that the caller is told of.
func (f *filter) linked(q mail.ListQuery) {
	switch {
	case q.Record != "": // its number as a value keeps the order of the index
		f.links, f.link = "record_links m", "m.record_no = (SELECT x.no FROM records x WHERE x.id = "+f.arg(string(q.Record))+")"
	case q.Linked != nil:
		f.links, f.several = "record_links m"+f.s.d.by("record_links_pos"), true
		f.link = "EXISTS (SELECT 1 FROM records r WHERE r.no = m.record_no AND r.deleted_at IS NULL"
		if *q.Linked != "" {
			f.link += " AND r.type = " + f.arg(string(*q.Linked))
		}
		f.link += ")"
	default:
		return
	}
	if sight := f.linkSight(); sight != "" {
		f.link += " AND " + sight
	}
}

// behind keeps out what the lens does not reach.
func (f *filter) behind() {
	l := f.lens
	if l.whole {
		return
	}
	f.and("NOT e.protected")
	switch {
	case l.byShare && l.reader == "" && l.caller != "":
		f.and("NOT " + sharedWith("e", "r.reader = "+f.arg(l.caller)))
	case l.rest:
		f.and("NOT " + sharedWith("e", "r.reader IN ('', "+f.arg(l.caller)+")"))
	}
}

// exclude keeps out tombstones, and what is in spam, trash or drafts unless the
// query asks for it.
func (f *filter) exclude() {
	switch {
	case f.lens.partial():
		f.and("e.shown")
	case f.anywhere: // but not what a label turned off hides
		f.and("(e.shown OR EXISTS (SELECT 1 FROM email_labels l WHERE l.label IN ('SPAM', 'TRASH', 'DRAFT') AND l.pos = e.pos))")
	case len(f.asked) > 0:
		or := []string{"e.shown"}
		for _, l := range f.asked {
			or = append(or, f.carries(l))
		}
		f.and("(" + strings.Join(or, " OR ") + ")")
	default:
		f.and("e.shown")
	}
}

// carries is the condition that e has a label.
func (f *filter) carries(label string) string {
	return "EXISTS (SELECT 1 FROM email_labels l WHERE l.label = " + f.arg(label) + " AND l.pos = e.pos)"
}

// fewMessages is how many messages of a label are sooner looked through than all
// that match a text.
const fewMessages = 300

// choose picks what leads the query: the full-text index if there are words, else
// the rarest label, else the mailbox itself. The other labels become conditions;
// so does the text if a label is very rare.
func (f *filter) choose(ctx context.Context) error {
	slices.Sort(f.labels)
	f.labels = slices.Compact(f.labels)
	switch {
	case f.link != "": // what is linked is few
		if f.textLeads {
			f.textLeads = false
			f.and(f.s.d.matched(f))
		}
		if f.lens.byShare {
			f.and("EXISTS (SELECT 1 FROM email_readers y WHERE y.reader = " + f.arg(f.lens.reader) + " AND y.pos = e.pos)")
		}
	case f.lens.byShare: // what is shared is few
		f.lead = f.arg(f.lens.reader)
		if f.textLeads {
			f.textLeads = false
			f.and(f.s.d.matched(f))
		}
	case len(f.labels) > 0:
		lead, n, err := f.rarest(ctx)
		if err != nil {
			return err
		}
		if f.textLeads && n <= fewMessages {
			f.textLeads = false
			f.and(f.s.d.matched(f))
		}
		if !f.textLeads {
			f.lead = f.arg(lead)
			f.labels = slices.DeleteFunc(f.labels, func(l string) bool { return l == lead })
		}
	}
	for _, l := range f.labels {
		switch l {
		case "UNREAD":
			f.and("NOT e.is_read")
		case "STARRED":
			f.and("e.is_starred")
		case attachmentLabel:
			f.and("e.has_attachments")
		default:
			f.and(f.carries(l))
		}
	}
	return nil
}

// rarest is the label with the fewest messages, and how many it has.
func (f *filter) rarest(ctx context.Context) (string, int64, error) {
	if len(f.labels) == 1 && !f.textLeads {
		return f.labels[0], 0, nil
	}
	totals := make(map[string]int64, len(f.labels))
	err := each(ctx, f.s.reading("mail.List"), "compare labels", func(r scanner) error {
		var l string
		var n int64
		err := r.Scan(&l, &n)
		totals[l] = n
		return err
	}, "SELECT label, total FROM mailbox_counts WHERE mailbox = $1 AND "+f.s.d.in("label", 2), f.box.no, f.s.d.list(f.labels))
	if err != nil {
		return "", 0, err
	}
	lead := slices.MinFunc(f.labels, func(a, b string) int { return cmp.Compare(totals[a], totals[b]) })
	return lead, totals[lead], nil
}

// from gives the FROM clause and the position that leads it.
func (f *filter) from() (from, key string) {
	switch {
	case f.link != "":
		return f.links + f.s.d.messageOf("m", f.link), "m.pos"
	case f.textLeads:
		return f.s.d.matches(f)
	case f.lens.byShare:
		return "email_readers m JOIN synced_emails e ON e.pos = m.pos AND m.reader = " + f.lead, "m.pos"
	case f.lead != "":
		return "email_labels m JOIN synced_emails e ON e.pos = m.pos AND m.label = " + f.lead, "m.pos"
	}
	return "synced_emails e", "e.pos"
}

// searchMost bounds the parts of a search.
const searchMost = 200

func (f *filter) grow() error {
	if f.nodes++; f.nodes > searchMost {
		return fault.New(fault.Invalid, "This search has too many parts. Make it shorter.")
	}
	return nil
}

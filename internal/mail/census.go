package mail

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// A census is what Google lists of a mailbox and what is stored of it, compact:
// a mailbox of 1,000,000 messages with four labels each takes about 70 MB while
// it is compared.
type census struct {
	form    idForm
	stored  []storedRow // by id
	ids     []uint64    // Google's, newest first; the index is the position
	threads []uint64
	byID    []uint32 // positions in the order of ids
	whole   bool     // the list was read to its end
	labels  map[string][]uint32
	hashes  []uint64 // of the labels at each position
	without []uint64 // ids that rules keep out, sorted
}

// storedRow is a stored message in the census.
type storedRow struct {
	id   uint64
	date int64  // Unix ms
	hash uint64 // of its labels
	want bool
	pos  int32 // at Google, -1: not listed
}

// idForm turns Gmail's ids (hexadecimal numbers of up to 16 digits) into
// numbers and back.
type idForm struct{ padded, plain bool }

func (f *idForm) number(id string) (uint64, error) {
	n, err := strconv.ParseUint(id, 16, 64)
	if err != nil || len(id) > 16 || strings.ToLower(id) != id {
		return 0, fault.New(fault.Internal, "Gmail gave an id of a kind that is not known.")
	}
	switch short := len(id) < 16; {
	case short && id[0] == '0':
		return 0, fault.New(fault.Internal, "Gmail gave an id of a kind that is not known.")
	case short:
		f.plain = true
	case id[0] == '0':
		f.padded = true
	}
	if f.padded && f.plain {
		return 0, fault.New(fault.Internal, "Gmail gave ids of two kinds.")
	}
	return n, nil
}

func (f *idForm) text(n uint64) string {
	if f.padded {
		return fmt.Sprintf("%016x", n)
	}
	return strconv.FormatUint(n, 16)
}

// labelHash is a hash of one label; a set's is the sum, whatever the order.
func labelHash(label string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a, then a finisher so that sums do not cancel
	for i := range len(label) {
		h = (h ^ uint64(label[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return h ^ h>>29
}

// readStored takes in our side. listed are the labels Google lists; others that
// a row carries (Gmail has hidden ones) are left alone.
func (c *census) readStored(ctx context.Context, x *session, listed map[string]uint64) error {
	err := x.Streams.EachStored(ctx, x.conn.ID, func(id string, date time.Time, labels []string) error {
		n, err := c.form.number(id)
		if err != nil {
			return err
		}
		row := storedRow{id: n, date: date.UnixMilli(), want: wanted(labels, x.conn.Settings.Labels), pos: -1}
		for _, l := range labels {
			row.hash += comparable(l, listed)
		}
		c.stored = append(c.stored, row)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading what is stored: %w", err)
	}
	err = x.Privacy.EachExcluded(ctx, x.conn.ID, func(id string) error {
		n, err := c.form.number(id)
		c.without = append(c.without, n)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading what is kept out: %w", err)
	}
	slices.Sort(c.without)
	byID := func(a, b storedRow) int { return cmp.Compare(a.id, b.id) }
	if !slices.IsSortedFunc(c.stored, byID) {
		slices.SortFunc(c.stored, byID)
	}
	return nil
}

// comparable gives a label's hash for comparing, 0 for labels that Google does
// not list and does not delete either.
func comparable(l string, listed map[string]uint64) uint64 {
	if h, ok := listed[l]; ok {
		return h
	}
	if strings.HasPrefix(l, "Label_") { // deleted at Google
		return labelHash(l)
	}
	return 0
}

// readAll lists every message of the mailbox, spam and trash included. Unless
// all is needed it stops when everything stored has been seen.
func (c *census) readAll(ctx context.Context, x *session, all bool) error {
	missing := len(c.stored)
	for token := ""; ; {
		got, err := x.box.List(ctx, Listing{IncludeSpamTrash: true}, token)
		if err != nil {
			return fmt.Errorf("listing all messages: %w", err)
		}
		for _, r := range got.Refs {
			id, err := c.form.number(r.ID)
			if err != nil {
				return err
			}
			thread, _ := strconv.ParseUint(r.ThreadID, 16, 64)
			if row := c.row(id); row != nil && row.pos < 0 {
				row.pos = int32(len(c.ids))
				missing--
			}
			c.ids, c.threads = append(c.ids, id), append(c.threads, thread)
		}
		token = got.Next
		c.whole = token == ""
		if c.whole || missing == 0 && !all {
			c.index()
			return nil
		}
	}
}

// keptOut says whether rules keep a message out.
func (c *census) keptOut(id uint64) bool {
	_, out := slices.BinarySearch(c.without, id)
	return out
}

func (c *census) row(id uint64) *storedRow {
	i, ok := slices.BinarySearchFunc(c.stored, id, func(r storedRow, id uint64) int { return cmp.Compare(r.id, id) })
	if !ok {
		return nil
	}
	return &c.stored[i]
}

// index sorts the positions by id; of an id listed twice (lists shift while
// they are read) the first position stays.
func (c *census) index() {
	c.byID = make([]uint32, len(c.ids))
	for i := range c.byID {
		c.byID[i] = uint32(i)
	}
	slices.SortFunc(c.byID, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(c.ids[a], c.ids[b]), cmp.Compare(a, b))
	})
	c.byID = slices.CompactFunc(c.byID, func(a, b uint32) bool { return c.ids[a] == c.ids[b] })
	c.hashes = make([]uint64, len(c.ids))
}

func (c *census) position(id uint64) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(c.byID, id, func(p uint32, id uint64) int { return cmp.Compare(c.ids[p], id) })
	if !ok {
		return 0, false
	}
	return c.byID[i], true
}

// readLabel lists the messages of one label, as far down as the list of all was
// read. A label of the user's that Google does not know has been deleted since
// labels were read, and is on no message.
func (c *census) readLabel(ctx context.Context, x *session, l crm.Label) error {
	var at []uint32
	label := l.ID
	hash := labelHash(label)
	for token := ""; ; {
		got, err := x.box.List(ctx, Listing{Labels: []string{label}, IncludeSpamTrash: true}, token)
		if token == "" && l.Type != "system" && (fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound)) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing a label: %w", err)
		}
		below := len(got.Refs) > 0
		for _, r := range got.Refs {
			id, err := c.form.number(r.ID)
			if err != nil {
				return err
			}
			if p, ok := c.position(id); ok {
				below = false
				at = append(at, p)
			}
		}
		token = got.Next
		if token == "" || below && !c.whole {
			break
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	for _, p := range at {
		c.hashes[p] += hash
	}
	c.labels[label] = at
	return nil
}

// labelsAt gives the listed labels of the positions asked for.
func (c *census) labelsAt(want map[uint32][]string) {
	for label, at := range c.labels {
		for _, p := range at {
			if ls, ok := want[p]; ok {
				want[p] = append(ls, label)
			}
		}
	}
}

package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records/merging"
)

// Records are compared with those alone that share something with them, found by
// indexes; what very many share says nothing and is left out.

// Bounds of what is compared.
const (
	mostSharing = 12 // records with one number or domain that say something
	mostAlike   = 50 // pairs of a record, and records with a key of its name
)

// NoteCompared notes records to be compared.
func (s *Store) NoteCompared(ctx context.Context, w crm.WorkspaceID, ids []crm.RecordID) error {
	return s.write(ctx, "merging.NoteCompared", func(t *tx) error {
		_, err := t.exec(ctx, "note records", `INSERT INTO duplicate_queue (workspace_id, record_no, turn)
			SELECT r.workspace_id, r.no, 1 FROM records r WHERE r.workspace_id = $1 AND r.type IN ('person', 'company') AND `+s.d.in("r.id", 2)+`
			ON CONFLICT (workspace_id, record_no) DO UPDATE SET turn = duplicate_queue.turn + 1`, string(w), s.d.list(cleaned(ids)))
		return err
	})
}

// ComparedAll reports whether all records that were there have been noted.
func (s *Store) ComparedAll(ctx context.Context, w crm.WorkspaceID) (bool, error) {
	n, err := one(ctx, s.reading("merging.ComparedAll"), "look", scanInt, "SELECT COUNT(*) FROM duplicate_walks WHERE workspace_id = $1 AND ended", string(w))
	return n > 0, err
}

// looked is what is compared of a record.
type looked struct {
	no, list, company int64
	kind              crm.RecordType
	name              string
	companyName       string
	live              bool
}

func (l looked) looks() merging.Looks {
	return merging.Looks{Type: l.kind, Name: l.name, Company: l.company}
}

// CompareSome compares up to n noted records.
func (s *Store) CompareSome(ctx context.Context, w crm.WorkspaceID, n int) (more bool, err error) {
	err = s.write(ctx, "merging.CompareSome", func(t *tx) error {
		turns := map[int64]int64{}
		err := each(ctx, t, "read noted", func(r scanner) error {
			var no, turn int64
			err := r.Scan(&no, &turn)
			turns[no] = turn
			return err
		}, "SELECT record_no, turn FROM duplicate_queue WHERE workspace_id = $1 ORDER BY record_no LIMIT $2", string(w), int64(n))
		if err != nil {
			return err
		}
		if len(turns) == 0 {
			more, err = t.noteEarlier(ctx, w)
			return err
		}
		more = true
		if err := t.compare(ctx, w, slices.Sorted(maps.Keys(turns))); err != nil {
			return err
		}
		for no, turn := range turns {
			if _, err := t.exec(ctx, "cross off", "DELETE FROM duplicate_queue WHERE workspace_id = $1 AND record_no = $2 AND turn = $3", string(w), no, turn); err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}

// noteEarlier notes the next records that were there before anything was compared.
func (t *tx) noteEarlier(ctx context.Context, w crm.WorkspaceID) (more bool, err error) {
	var ended bool
	above, err := one(ctx, t, "read walk", func(r scanner) (n int64, err error) { return n, r.Scan(&n, &ended) }, "SELECT above, ended FROM duplicate_walks WHERE workspace_id = $1", string(w))
	if err != nil && !errors.Is(err, errNone) || ended {
		return false, err
	}
	const piece = 1000
	lists, err := t.s.lists(ctx, t, w)
	if err != nil {
		return false, err
	}
	var nos []int64
	for _, l := range lists {
		if l.Key == crm.Person || l.Key == crm.Company {
			list, err := all(ctx, t, "read earlier", scanInt, "SELECT no FROM records WHERE list_no = $1 AND no > $2 AND deleted_at IS NULL ORDER BY no LIMIT $3", l.no, above, int64(piece))
			if err != nil {
				return false, err
			}
			nos = append(nos, list...)
		}
	}
	slices.Sort(nos)
	nos = nos[:min(len(nos), piece)]
	if ended = len(nos) < piece; len(nos) > 0 {
		above = nos[len(nos)-1]
	}
	err = t.insert(ctx, "note earlier", "duplicate_queue", len(nos), "ON CONFLICT (workspace_id, record_no) DO NOTHING",
		column{"workspace_id", times(len(nos), string(w))}, column{"record_no", nos}, column{"turn", times(len(nos), int64(1))})
	if err == nil {
		_, err = t.exec(ctx, "note walk", "INSERT INTO duplicate_walks (workspace_id, above, ended) VALUES ($1, $2, $3) ON CONFLICT (workspace_id) DO UPDATE SET above = excluded.above, ended = excluded.ended", string(w), above, ended)
	}
	return len(nos) > 0, err
}

const lookedColumns = "r.no, r.list_no, r.type, r.name, COALESCE(co.no, 0), COALESCE(co.name, ''), r.deleted_at IS NULL"

func (t *tx) lookAt(ctx context.Context, w crm.WorkspaceID, nos []int64) (map[int64]looked, error) {
	out := map[int64]looked{}
	return out, each(ctx, t, "look at records", func(r scanner) error {
		var l looked
		err := r.Scan(&l.no, &l.list, &l.kind, &l.name, &l.company, &l.companyName, &l.live)
		out[l.no] = l
		return err
	}, "SELECT "+lookedColumns+" FROM records r LEFT JOIN records co ON co.no = r.company_no AND co.deleted_at IS NULL WHERE r.workspace_id = $1 AND "+t.s.d.in("r.no", 2), string(w), t.s.d.list(nos))
}

// pairOf is two records by their numbers, the lower first.
type pairOf struct{ a, b int64 }

func pairUp(a, b int64) pairOf { return pairOf{min(a, b), max(a, b)} }

// sharing is something that a pair has in common.
type sharing struct {
	pair      pairOf
	kind, key string
}

// compare compares records with those that share something with them.
func (t *tx) compare(ctx context.Context, w crm.WorkspaceID, nos []int64) error {
	mine, err := t.lookAt(ctx, w, nos)
	if err == nil {
		err = t.putLikenesses(ctx, mine, nos)
	}
	if err != nil {
		return err
	}
	var shared []sharing
	for _, q := range []struct{ kind, table, column string }{{"email", "record_emails", "key"}, {"phone", "record_phones", "e164"}, {"domain", "record_domains", "domain"}} {
		if shared, err = t.sharing(ctx, w, shared, q.kind, q.table, q.column, nos); err != nil {
			return err
		}
	}
	if shared, err = t.sharingNames(ctx, shared, mine, nos); err != nil {
		return err
	}
	var others []int64
	for _, x := range shared {
		others = append(others, x.pair.a, x.pair.b)
	}
	slices.Sort(others)
	around, err := t.lookAt(ctx, w, slices.Compact(others))
	if err != nil {
		return err
	}
	return t.putPairs(ctx, w, nos, pairsOf(shared, around))
}

// putLikenesses stores the keys of names.
func (t *tx) putLikenesses(ctx context.Context, mine map[int64]looked, nos []int64) error {
	if _, err := t.exec(ctx, "drop keys", "DELETE FROM record_likenesses WHERE "+t.s.d.in("record_no", 1), t.s.d.list(nos)); err != nil {
		return err
	}
	var lists, records []int64
	var keys []string
	for _, no := range nos {
		l, there := mine[no]
		if !there || !l.live {
			continue
		}
		for _, key := range l.looks().Keys() {
			lists, keys, records = append(lists, l.list), append(keys, clean(key)), append(records, no)
		}
	}
	return t.insert(ctx, "insert keys", "record_likenesses", len(keys), "ON CONFLICT DO NOTHING", column{"list_no", lists}, column{"key", keys}, column{"record_no", records})
}

// sharing adds what others have in a table that these have, too.
func (t *tx) sharing(ctx context.Context, w crm.WorkspaceID, to []sharing, kind, table, key string, nos []int64) ([]sharing, error) {
	type row struct {
		no  int64
		key string
	}
	mine, err := all(ctx, t, "read own", func(r scanner) (x row, err error) { return x, r.Scan(&x.no, &x.key) },
		"SELECT record_no, "+key+" FROM "+table+" WHERE "+t.s.d.in("record_no", 1), t.s.d.list(nos))
	if err != nil || len(mine) == 0 {
		return to, err
	}
	by := map[string][]int64{}
	for _, x := range mine {
		by[x.key] = append(by[x.key], x.no)
	}
	for _, value := range slices.Sorted(maps.Keys(by)) {
		having, err := all(ctx, t, "find others", scanInt, fmt.Sprintf("SELECT x.record_no FROM %s x JOIN records r ON r.no = x.record_no AND r.deleted_at IS NULL WHERE x.workspace_id = $1 AND x.%s = $2 LIMIT %d",
			table, key, mostSharing+1), string(w), value)
		if err != nil {
			return to, err
		}
		if len(having) > mostSharing && kind != "email" {
			continue
		}
		to = pairAll(to, kind, value, by[value], having)
	}
	return to, nil
}

func pairAll(to []sharing, kind, key string, mine, having []int64) []sharing {
	for _, a := range mine {
		for _, b := range having {
			if a != b {
				to = append(to, sharing{pairUp(a, b), kind, key})
			}
		}
	}
	return to
}

// sharingNames adds what others have names like these.
func (t *tx) sharingNames(ctx context.Context, to []sharing, mine map[int64]looked, nos []int64) ([]sharing, error) {
	for _, no := range nos {
		l := mine[no]
		if !l.live {
			continue
		}
		for _, key := range l.looks().Keys() {
			having, err := all(ctx, t, "find like names", scanInt, fmt.Sprintf("SELECT record_no FROM record_likenesses WHERE list_no = $1 AND key = $2 LIMIT %d", mostAlike), l.list, clean(key))
			if err != nil {
				return to, err
			}
			to = pairAll(to, "name", key, []int64{no}, having)
		}
	}
	return to, nil
}

// foundPair is a pair with why.
type foundPair struct {
	pairOf
	list    int64
	rank    int64
	reasons []merging.Reason
}

// pairsOf judges pairs by all they share.
func pairsOf(shared []sharing, around map[int64]looked) []foundPair {
	by := map[pairOf][]sharing{}
	for _, x := range shared {
		a, b := around[x.pair.a], around[x.pair.b]
		if a.live && b.live && a.list == b.list && !slices.Contains(by[x.pair], x) {
			by[x.pair] = append(by[x.pair], x)
		}
	}
	var out []foundPair
	for pair, list := range by {
		a, b := around[pair.a], around[pair.b]
		f := foundPair{pairOf: pair, list: a.list}
		alike := merging.AlikeNames(a.kind, a.name, b.name)
		unlike := 1.0
		add := func(kind, detail string, score float64) {
			f.reasons = append(f.reasons, merging.Reason{Kind: kind, Detail: detail})
			unlike *= 1 - score
		}
		for _, x := range list {
			weak := 0.0 // two people share a number more often than they have two records
			if alike < 0.6 {
				weak = 0.3
			}
			switch x.kind {
			case "email":
				add("email", "Both have "+x.key, 0.9-weak)
			case "phone":
				add("phone", "Both have "+x.key, 0.75-weak)
			case "domain":
				add("domain", "Both have "+x.key, 0.85-weak)
			}
		}
		if alike >= 0.6 {
			switch {
			case a.kind == crm.Company:
				add("name", "Their names are alike: "+a.name+", "+b.name, 0.8*alike)
			case a.company != 0 && a.company == b.company:
				add("name_company", "Similar names at "+a.companyName+": "+a.name+", "+b.name, 0.85*alike)
			}
		}
		if len(f.reasons) > 0 {
			f.rank = int64(1000 * (1 - unlike))
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(x, y foundPair) int {
		return cmp.Or(cmp.Compare(y.rank, x.rank), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	return out
}

// putPairs stores the pairs of records, and drops those that are none any more.
func (t *tx) putPairs(ctx context.Context, w crm.WorkspaceID, nos []int64, pairs []foundPair) error {
	mine := map[int64]int{}
	for _, no := range nos {
		mine[no] = 0
	}
	kept := map[pairOf]bool{}
	for _, p := range pairs {
		n, isA := mine[p.a]
		m, isB := mine[p.b]
		if isA && n >= mostAlike || isB && m >= mostAlike {
			continue
		}
		if isA {
			mine[p.a]++
		}
		if isB {
			mine[p.b]++
		}
		kept[p.pairOf] = true
		_, err := t.exec(ctx, "store pair", "INSERT INTO duplicates (id, workspace_id, list_no, a_no, b_no, rank, reasons, found_at) VALUES "+marks(1, 8)+
			" ON CONFLICT (a_no, b_no) DO UPDATE SET rank = excluded.rank, reasons = excluded.reasons", t.s.newID(), string(w), p.list, p.a, p.b, p.rank, clean(jsonText(p.reasons)), t.now)
		if err != nil {
			return err
		}
	}
	for _, column := range []string{"a_no", "b_no"} {
		had, err := all(ctx, t, "read pairs", func(r scanner) (p pairOf, err error) { return p, r.Scan(&p.a, &p.b) },
			"SELECT a_no, b_no FROM duplicates WHERE NOT dismissed AND "+t.s.d.in(column, 1), t.s.d.list(nos))
		if err != nil {
			return err
		}
		for _, p := range had {
			if !kept[p] {
				if _, err := t.exec(ctx, "drop pair", "DELETE FROM duplicates WHERE a_no = $1 AND b_no = $2 AND NOT dismissed", p.a, p.b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Duplicates lists pairs that nobody has dismissed.
func (s *Store) Duplicates(ctx context.Context, c access.Caller, q merging.DuplicateQuery) ([]merging.Duplicate, string, error) {
	at, id, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	from := s.reading("merging.Duplicates")
	where, args := "d.workspace_id = $1", []any{string(c.Workspace), at, orLast(q.Cursor, id)}
	switch {
	case q.Record != "":
		no, err := recordNo(ctx, from, c.Workspace, crm.RecordID(clean(string(q.Record))))
		if no, err = found(no, err, noRecord); err != nil {
			return nil, "", err
		}
		where, args = where+" AND d.id IN (SELECT x.id FROM duplicates x WHERE x.a_no = $4 UNION SELECT x.id FROM duplicates x WHERE x.b_no = $4)", append(args, no)
	case q.Type != "":
		lists, err := s.lists(ctx, from, c.Workspace)
		if err != nil {
			return nil, "", err
		}
		i := slices.IndexFunc(lists, func(l *recordList) bool { return l.Key == q.Type })
		if i < 0 {
			return nil, "", nil
		}
		where, args = where+" AND d.list_no = $4", append(args, lists[i].no)
	}
	limit := min(pageLimit(q.Limit), 100)
	type row struct {
		pairOf
		rank int64
		d    merging.Duplicate
	}
	list, err := all(ctx, from, "list", func(r scanner) (x row, err error) {
		var reasons string
		if err = r.Scan(&x.d.ID, &x.a, &x.b, &x.rank, &reasons); err == nil {
			err = json.Unmarshal([]byte(reasons), &x.d.Reasons)
		}
		x.d.Score = float64(x.rank) / 1000
		return x, err
	}, "SELECT d.id, d.a_no, d.b_no, d.rank, d.reasons FROM duplicates d JOIN records a ON a.no = d.a_no AND a.deleted_at IS NULL JOIN records b ON b.no = d.b_no AND b.deleted_at IS NULL WHERE "+where+
		fmt.Sprintf(" AND NOT d.dismissed AND (d.rank, d.id) < ($2, $3) ORDER BY d.rank DESC, d.id DESC LIMIT %d", limit+1), args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cutPage(list, limit, func(x row) (int64, string) { return x.rank, x.d.ID })
	var nos []int64
	for _, x := range list {
		nos = append(nos, x.a, x.b)
	}
	slices.Sort(nos)
	nos = slices.Compact(nos)
	shown, err := s.recordsShown(ctx, c, from, nos)
	if err != nil {
		return nil, "", err
	}
	if len(shown) != len(nos) {
		return nil, "", fault.New(fault.Conflict, "Records are being changed. Try again.")
	}
	out := make([]merging.Duplicate, len(list))
	for i, x := range list {
		a, _ := slices.BinarySearch(nos, x.a)
		b, _ := slices.BinarySearch(nos, x.b)
		out[i] = x.d
		out[i].Records = []crm.Record{shown[a], shown[b]}
	}
	return out, next, nil
}

// DismissDuplicate says that two records are not the same.
func (s *Store) DismissDuplicate(ctx context.Context, c access.Caller, id string, row access.Audit) error {
	return s.write(ctx, "merging.DismissDuplicate", func(t *tx) error {
		n, err := t.exec(ctx, "dismiss", "UPDATE duplicates SET dismissed = TRUE, decided_by = $3 WHERE id = $1 AND workspace_id = $2", clean(id), string(c.Workspace), string(c.UserID))
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such pair.")
		}
		if err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{row})
	})
}

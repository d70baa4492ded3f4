package store

import (
	"context"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/link"
)

// linkKey names a link.
type linkKey struct{ record, pos int64 }

// linkRow is a row of record_links.
type linkRow struct {
	linkKey
	rule    crm.LinkRule
	address string
	via     int64
	source  int64
	deep    bool
	by      crm.UserID
	at      int64
}

// same reports whether two rows say the same; when a link was made does not count.
func (r linkRow) same(o linkRow) bool {
	r.at, o.at = 0, 0
	return r == o
}

// write compares what is stored with what the rules find and stores the difference.
func (l *linker) write(ctx context.Context) error {
	want := map[linkKey]linkRow{}
	skips := map[int64]crm.SkipRule{}
	takes := map[int64][]string{} // who takes part in messages that rules are applied to
	for at, c := range l.threads {
		b := l.boxes[at.no]
		if b == nil {
			continue
		}
		links, skipped := l.book.Link(*c, b.circle)
		for _, x := range links {
			row := l.row(x)
			want[row.linkKey] = row
		}
		for _, x := range skipped {
			skips[x.Message] = x.Rule
		}
		for i := range c.Messages {
			m := &c.Messages[i]
			if rule := skips[m.ID]; m.Shown && (rule == "" || rule == crm.SkipNobody) && !m.Bulk {
				takes[m.ID] = m.Keys()
			}
		}
	}
	for _, step := range []func() error{
		func() error { return l.saveParticipants(ctx, takes) },
		func() error { return l.saveLinks(ctx, want) },
		func() error { return l.saveSkips(ctx, skips) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (l *linker) row(x link.Link) linkRow {
	at := l.t.now
	if !x.At.IsZero() {
		at = stamp(x.At)
	}
	return linkRow{linkKey: linkKey{l.records[x.Record], x.Message}, rule: x.Rule, address: clean(x.Address), via: l.records[x.Via], source: x.Source, deep: x.Deep, by: x.By, at: at}
}

// saveLinks stores the links that there are to be, and takes the others of records
// that are there away: what a deleted record is linked to waits for its return.
func (l *linker) saveLinks(ctx context.Context, want map[linkKey]linkRow) error {
	have := map[linkKey]linkRow{}
	bare := map[int64]bool{} // messages without any link so far
	for _, p := range l.pos {
		bare[p] = true
	}
	err := each(ctx, l.t, "read links", func(r scanner) error {
		var x linkRow
		var id crm.RecordID
		err := r.Scan(&x.record, &x.pos, &x.rule, &x.address, &x.via, &x.source, &x.deep, &x.by, &x.at, &id)
		have[x.linkKey] = x
		l.ids[x.record] = id
		delete(bare, x.pos)
		return err
	}, `SELECT l.record_no, l.pos, l.rule, l.address, l.via_no, l.source, l.deep, l.by_user, l.linked_at, r.id FROM record_links l JOIN records r ON r.no = l.record_no
		WHERE r.deleted_at IS NULL AND `+l.t.s.d.in("l.pos", 1), l.t.s.d.list(append([]int64{}, l.pos...)))
	if err != nil {
		return err
	}
	var put []linkRow
	var drop []linkKey
	told := map[crm.UserID]map[int64]bool{}
	newest, lost := map[int64]int64{}, map[int64]bool{}
	audited := l.auditedMessages()
	missed := map[int64]bool{}
	tell := func(k linkKey) {
		user := crm.UserID("")
		if b := l.boxes[k.pos>>timeBits]; b != nil && (!b.open || l.hidden[k.pos]) {
			user = b.owner
		}
		if told[user] == nil {
			told[user] = map[int64]bool{}
		}
		told[user][k.record] = true
	}
	for k, row := range want {
		before, there := have[k]
		if there && before.same(row) {
			continue
		}
		if there {
			row.at = before.at
		} else {
			l.done.Added++
			if audited[k.pos] && l.stored[k.pos] < l.late {
				missed[k.pos] = true
			}
			tell(k)
		}
		put = append(put, row)
		if !l.hidden[k.pos] {
			newest[k.record] = max(newest[k.record], l.dates[k.pos])
		}
	}
	for k := range have {
		if _, wanted := want[k]; !wanted {
			drop = append(drop, k)
			lost[k.record] = true
			l.done.Removed++
			tell(k)
		}
	}
	l.found += int64(len(missed))
	if err := l.putLinks(ctx, put); err != nil {
		return err
	}
	if err := l.dropLinks(ctx, drop); err != nil {
		return err
	}
	if err := l.t.noteActivity(ctx, newest, lost); err != nil {
		return err
	}
	l.tellLinked(told)
	return nil
}

// auditedMessages are those that nothing but the audit has noted.
func (l *linker) auditedMessages() map[int64]bool {
	of := map[int64]bool{}
	for _, v := range l.noted {
		if v.audit {
			for _, m := range l.threads[v.key()].Messages {
				of[m.ID] = true
			}
		}
	}
	return of
}

func (l *linker) putLinks(ctx context.Context, rows []linkRow) error {
	slices.SortFunc(rows, func(a, b linkRow) int { return compareLinks(a.linkKey, b.linkKey) })
	n := len(rows)
	record, pos, via, source, at := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	rule, address, by, deep := make([]string, n), make([]string, n), make([]string, n), make([]bool, n)
	for i, r := range rows {
		record[i], pos[i], via[i], source[i], at[i] = r.record, r.pos, r.via, r.source, r.at
		rule[i], address[i], by[i], deep[i] = string(r.rule), r.address, string(r.by), r.deep
	}
	return l.t.insert(ctx, "insert links", "record_links", n, `ON CONFLICT (record_no, pos) DO UPDATE SET rule = excluded.rule, address = excluded.address, via_no = excluded.via_no,
			source = excluded.source, deep = excluded.deep, by_user = excluded.by_user, linked_at = excluded.linked_at`,
		column{"record_no", record}, column{"pos", pos}, column{"rule", rule}, column{"address", address}, column{"via_no", via}, column{"source", source},
		column{"deep", deep}, column{"by_user", by}, column{"linked_at", at})
}

func (l *linker) dropLinks(ctx context.Context, keys []linkKey) error {
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, compareLinks)
	record, pos := make([]int64, len(keys)), make([]int64, len(keys))
	for i, k := range keys {
		record[i], pos[i] = k.record, k.pos
	}
	return l.t.s.d.remove(ctx, l.t, "delete links", "record_links", len(keys), column{"record_no", record}, column{"pos", pos})
}

// noteActivity keeps the date of the newest activity of records, as far as mail
// changes it. Messages that are their owner's alone do not count: the date is
// everybody's.
func (t *tx) noteActivity(ctx context.Context, newest map[int64]int64, lost map[int64]bool) error {
	set := map[int64]bool{}
	for no := range newest {
		set[no] = true
	}
	for no := range lost {
		set[no] = true
	}
	if len(set) == 0 {
		return nil
	}
	nos := sortedPos(set)
	was := map[int64]int64{}
	err := each(ctx, t, "read activity", func(r scanner) error {
		var no, at int64
		err := r.Scan(&no, &at)
		was[no] = at
		return err
	}, "SELECT no, last_at FROM records WHERE "+t.s.d.in("no", 1), t.s.d.list(nos))
	if err != nil {
		return err
	}
	var change, at []int64
	for _, no := range nos {
		now := max(was[no], newest[no])
		if lost[no] {
			if now, err = t.lastOf(ctx, no); err != nil {
				return err
			}
		}
		if now != was[no] {
			change, at = append(change, no), append(at, now)
		}
	}
	return t.update(ctx, "note activity", "records", len(change), column{"no", change}, column{"last_at", at})
}

// lastOf is the date of the newest activity of a record.
func (t *tx) lastOf(ctx context.Context, no int64) (int64, error) {
	return one(ctx, t, "find newest activity", scanInt, `SELECT COALESCE(MAX(x.at), 0) FROM (
			SELECT MAX(e.gmail_date) AS at FROM record_links l JOIN synced_emails e ON e.pos = l.pos WHERE l.record_no = $1 AND e.shown AND NOT e.protected
			UNION ALL SELECT MAX(n.created_at) FROM notes n WHERE n.record_no = $1
			UNION ALL SELECT MAX(k.created_at) FROM tasks k WHERE k.record_no = $1) x`, no)
}

func compareLinks(a, b linkKey) int {
	switch {
	case a.record != b.record:
		return int(max(-1, min(1, a.record-b.record)))
	case a.pos < b.pos:
		return -1
	case a.pos > b.pos:
		return 1
	}
	return 0
}

// saveSkips stores which messages were skipped, and why.
func (l *linker) saveSkips(ctx context.Context, want map[int64]crm.SkipRule) error {
	have := map[int64]crm.SkipRule{}
	err := each(ctx, l.t, "read skipped", func(r scanner) error {
		var pos int64
		var rule crm.SkipRule
		err := r.Scan(&pos, &rule)
		have[pos] = rule
		return err
	}, "SELECT pos, rule FROM link_skips WHERE "+l.t.s.d.in("pos", 1), l.t.s.d.list(append([]int64{}, l.pos...)))
	if err != nil {
		return err
	}
	var put, drop []int64
	var rules []string
	for _, pos := range l.pos {
		rule, skipped := want[pos]
		switch was, there := have[pos]; {
		case skipped && rule != was:
			put, rules = append(put, pos), append(rules, string(rule))
		case !skipped && there:
			drop = append(drop, pos)
		}
	}
	err = l.t.insert(ctx, "insert skipped", "link_skips", len(put), "ON CONFLICT (pos) DO UPDATE SET rule = excluded.rule", column{"pos", put}, column{"rule", rules})
	if err != nil || len(drop) == 0 {
		return err
	}
	_, err = l.t.exec(ctx, "delete skipped", "DELETE FROM link_skips WHERE "+l.t.s.d.in("pos", 1), l.t.s.d.list(drop))
	return err
}

// saveParticipants stores who takes part in messages.
func (l *linker) saveParticipants(ctx context.Context, want map[int64][]string) error {
	nos, err := l.intern(ctx, want)
	if err != nil {
		return err
	}
	have := map[linkKey]bool{} // address and position
	err = each(ctx, l.t, "read participants", func(r scanner) error {
		var k linkKey
		err := r.Scan(&k.record, &k.pos)
		have[k] = true
		return err
	}, "SELECT address_no, pos FROM mail_participants WHERE "+l.t.s.d.in("pos", 1), l.t.s.d.list(append([]int64{}, l.pos...)))
	if err != nil {
		return err
	}
	var put, drop []linkKey
	for pos, keys := range want {
		for _, k := range keys {
			at := linkKey{nos[clean(k)], pos}
			if !have[at] {
				put = append(put, at)
			}
			delete(have, at)
		}
	}
	for k := range have {
		drop = append(drop, k)
	}
	slices.SortFunc(put, compareLinks)
	put = slices.Compact(put)
	columns := func(keys []linkKey) []column {
		address, pos := make([]int64, len(keys)), make([]int64, len(keys))
		for i, k := range keys {
			address[i], pos[i] = k.record, k.pos
		}
		return []column{{"address_no", address}, {"pos", pos}}
	}
	if err := l.t.insert(ctx, "insert participants", "mail_participants", len(put), "ON CONFLICT DO NOTHING", columns(put)...); err != nil || len(drop) == 0 {
		return err
	}
	slices.SortFunc(drop, compareLinks)
	return l.t.s.d.remove(ctx, l.t, "delete participants", "mail_participants", len(drop), columns(drop)...)
}

// intern gives the numbers of addresses.
func (l *linker) intern(ctx context.Context, want map[int64][]string) (map[string]int64, error) {
	set := map[string]bool{}
	for _, keys := range want {
		for _, k := range keys {
			set[clean(k)] = true
		}
	}
	if len(set) == 0 {
		return nil, nil
	}
	keys := sortedKeys(set)
	nos := make(map[string]int64, len(keys))
	read := func() error {
		return each(ctx, l.t, "read addresses", func(r scanner) error {
			var no int64
			var key string
			err := r.Scan(&no, &key)
			nos[key] = no
			return err
		}, "SELECT no, key FROM mail_addresses WHERE "+l.t.s.d.in("key", 1), l.t.s.d.list(keys))
	}
	if err := read(); err != nil {
		return nil, err
	}
	var fresh, domains []string
	for _, k := range keys {
		if nos[k] == 0 {
			host := link.Host(k)
			d := link.Registrable(host)
			if d == "" {
				d = host
			}
			fresh, domains = append(fresh, k), append(domains, clean(d))
		}
	}
	if len(fresh) == 0 {
		return nos, nil
	}
	if err := l.t.insert(ctx, "insert addresses", "mail_addresses", len(fresh), "ON CONFLICT (key) DO NOTHING", column{"key", fresh}, column{"domain", domains}); err != nil {
		return nil, err
	}
	return nos, read()
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

func recordSections() []section {
	return []section{{
		ids: []string{"CRM"}, title: "CRM at 1,000,000 records",
		words: `700,000 people, 200,000 companies and 100,000 deals of invented names (some frequent, most rare) in one workspace, written by SQL in bulk, with tags and a field of its own.
			The program answers over HTTP/1.1 on one kept connection, one request after another, without compression; every answer is read to its end and decoded. Lists: pages of 50 in each order, up and down,
			the first and the next by cursor. Filters: owner, stage, class, tag, company, maker, a field's value, two at once, by name and by last change. Search: names, their beginnings, two words, addresses, numbers, domains.`,
		run: func(ctx context.Context, b *bench) error {
			var errs []error
			for _, d := range b.dbs {
				if err := b.records(ctx, d, b.size(1_000_000, 20_000)); err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
				}
			}
			return errors.Join(errs...)
		},
	}}
}

// records fills a database with n records and reads them.
func (b *bench) records(ctx context.Context, d database, n int) error {
	c := populationOf(n)
	began := time.Now()
	at, drop, err := b.stocked(ctx, d, fmt.Sprintf("crm-%d", n), func(at place) error {
		if err := b.populated(ctx, at, c); err != nil {
			return err
		}
		return settled(ctx, d, at)
	})
	if err != nil {
		return err
	}
	defer drop()
	rows, err := at.count(ctx, "SELECT COUNT(*) FROM records")
	if err == nil && b.keep == "" {
		err = check("records stored", rows, int64(n))
	}
	if err != nil {
		return err
	}
	filled := time.Since(began)
	p, err := b.serve(ctx, serveOptions{at: at, withoutSync: true})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.signIn(ctx); err != nil {
		return err
	}
	p.client = plainHTTP(nil, false)
	r := &recordReader{p: p, c: c, stored: int(rows), each: b.each, rounds: b.size(400, 40)}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	for _, kind := range []struct {
		what  string
		calls []recordCall
	}{{"list, each order", r.lists()}, {"filtered list", r.filters()}, {"search", r.searches()}, {"record page", r.pages()}, {"match of an address", r.matches()}, {"make and change a record", r.writes()}} {
		var times []float64
		var slowest string
		err := b.watched(ctx, p, "crm-"+strings.ReplaceAll(kind.what, " ", "-")+"-"+d.name, func() (err error) { times, slowest, err = r.run(ctx, kind.calls); return err })
		if err != nil {
			return fmt.Errorf("%s: %w", kind.what, err)
		}
		b.add(row{ID: "CRM", What: kind.what + ", p99", On: d.name, Value: percentile(times, 99), Unit: "ms", Goal: atMost(20), Note: fmt.Sprintf("p50 %s ms; slowest: %s", number(median(times)), slowest)})
	}
	b.add(row{ID: "CRM", What: "memory of the program after it", On: d.name, Value: p.rss(), Unit: "MB",
		Note: fmt.Sprintf("%s records, %s MB on disk, written in %s s", number(float64(n)), number(at.megabytes(ctx)), number(filled.Seconds()))})
	return nil
}

// populated makes a workspace with types and tags, and fills it.
func (b *bench) populated(ctx context.Context, at place, c population) error {
	p, err := b.serve(ctx, serveOptions{at: at, withoutSync: true})
	if err != nil {
		return err
	}
	err = p.setUp(ctx)
	w := "/workspaces/" + p.workspace
	if err == nil {
		err = p.call(ctx, http.MethodGet, w+"/objects", nil, nil)
	}
	if err == nil {
		err = p.call(ctx, http.MethodPatch, w+"/objects/person", map[string]any{"fields": []any{map[string]string{"key": "city", "name": "City", "type": "text"}}}, nil)
	}
	for i := 0; i < 12 && err == nil; i++ {
		err = p.call(ctx, http.MethodPost, w+"/tags", map[string]any{"name": fmt.Sprintf("tag %d", i)}, nil)
	}
	workspace := p.workspace
	p.stop()
	if err != nil {
		return err
	}
	return fillRecords(ctx, at, workspace, c)
}

// recordReader asks for records.
type recordReader struct {
	p      *product
	c      population
	stored int // records before the first is made here
	rounds int
	each   bool // print what each kind of request takes
	tags   []string
	ids    []string // of people
}

// recordCall is one kind of request; i varies it.
type recordCall struct {
	name string
	do   func(ctx context.Context, i int) error
	ask  func(i int) url.Values // of a list, in place of do
	some bool                   // something must be found
}

type recordList struct {
	Items []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"items"`
	Next string `json:"next_cursor"`
}

func (r *recordReader) get(ctx context.Context, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.p.url+"/api/v1/workspaces/"+r.p.workspace+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.p.token)
	resp, err := r.p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, resp.Status, tail(body, 300))
	}
	return json.Unmarshal(body, out)
}

func (r *recordReader) prepare(ctx context.Context) error {
	var tags recordList
	if err := r.get(ctx, "/tags", &tags); err != nil {
		return err
	}
	for _, t := range tags.Items {
		r.tags = append(r.tags, t.ID)
	}
	for i := range 200 {
		r.ids = append(r.ids, fmt.Sprintf("01900000-0000-7000-8000-%012d", r.c.companies+i*(r.c.people/200)))
	}
	return nil
}

// run makes every call in turn, several times, and names the slowest kind.
func (r *recordReader) run(ctx context.Context, calls []recordCall) (times []float64, slowest string, err error) {
	byKind := map[string][]float64{}
	for i := range r.rounds + 2*len(calls) {
		call := calls[i%len(calls)]
		do := call.do
		if do == nil {
			do = r.list(call)
		}
		began := time.Now()
		if err := do(ctx, i/len(calls)); err != nil {
			return nil, "", fmt.Errorf("%s: %w", call.name, err)
		}
		took := float64(time.Since(began).Nanoseconds()) / 1e6
		if i >= 2*len(calls) { // the first ones prepare statements
			times = append(times, took)
			byKind[call.name] = append(byKind[call.name], took)
		}
	}
	worst := 0.0
	for name, of := range byKind {
		if r.each {
			fmt.Fprintf(os.Stderr, "      %-40s p50 %7s  p95 %7s ms\n", name, number(median(of)), number(percentile(of, 95)))
		}
		if m := percentile(of, 95); m > worst {
			slowest, worst = fmt.Sprintf("%s, p95 %s ms", name, number(m)), m
		}
	}
	return times, slowest, nil
}

func (r *recordReader) list(call recordCall) func(ctx context.Context, i int) error {
	return func(ctx context.Context, i int) error {
		q := call.ask(i)
		q.Set("limit", "50")
		var page recordList
		if err := r.get(ctx, "/records?"+q.Encode(), &page); err != nil {
			return err
		}
		if call.some && len(page.Items) == 0 {
			return fmt.Errorf("nothing was found by %v", q)
		}
		return nil
	}
}

func (r *recordReader) lists() []recordCall {
	var calls []recordCall
	for _, order := range []struct{ kind, sort string }{
		{"person", "name"}, {"person", "-name"}, {"person", "-updated_at"}, {"person", "-last_at"}, {"person", "-created_at"}, {"person", "stage"}, {"person", "city"},
		{"company", "name"}, {"deal", "-amount"}, {"deal", "amount"}, {"deal", "close_date"}, {"deal", "-stage"}, {"", "-updated_at"},
	} {
		cursor := ""
		calls = append(calls, recordCall{name: strings.TrimSpace(order.kind + " by " + order.sort), do: func(ctx context.Context, i int) error {
			q := url.Values{"limit": {"50"}, "sort": {order.sort}}
			if order.kind != "" {
				q.Set("type", order.kind)
			}
			if i%5 != 0 {
				q.Set("cursor", cursor)
			}
			var page recordList
			if err := r.get(ctx, "/records?"+q.Encode(), &page); err != nil {
				return err
			}
			cursor = page.Next
			return check("rows of a page", len(page.Items), 50)
		}})
	}
	return calls
}

func (r *recordReader) filters() []recordCall {
	with := func(pairs ...string) func(int) url.Values {
		return func(int) url.Values {
			q := url.Values{"type": {"person"}}
			for i := 0; i < len(pairs); i += 2 {
				q.Set(pairs[i], pairs[i+1])
			}
			return q
		}
	}
	calls := []recordCall{
		{name: "owner by name", ask: with("owner_id", "me")}, {name: "owner by last change", ask: with("owner_id", "me", "sort", "-updated_at")}, {name: "no owner", ask: with("owner_id", "none")},
		{name: "stage by name", ask: with("stage", "lead")}, {name: "stage by last activity", ask: with("stage", "former", "sort", "-last_at")}, {name: "class", ask: with("class", "customer")},
		{name: "rare class by last change", ask: with("class", "recruiter", "sort", "-updated_at")}, {name: "made by", ask: with("created_by", "member", "sort", "-created_at")},
		{name: "owner and stage", ask: with("owner_id", "me", "stage", "customer", "sort", "-updated_at")}, {name: "owner, stage, class", ask: with("owner_id", "me", "stage", "lead", "class", "lead")},
		{name: "company", ask: func(i int) url.Values {
			return url.Values{"company_id": {fmt.Sprintf("01900000-0000-7000-8000-%012d", i*97%r.c.companies)}}
		}},
		{name: "people of a deal", ask: func(i int) url.Values {
			return url.Values{"type": {"person"}, "deal_id": {fmt.Sprintf("01900000-0000-7000-8000-%012d", r.c.companies+r.c.people+i*31%r.c.deals)}}
		}},
		{name: "field", ask: func(i int) url.Values {
			return url.Values{"type": {"person"}, "field.city": {fmt.Sprintf("City %d", i*7%2000)}, "sort": {"-updated_at"}}
		}},
		{name: "tag by name", ask: func(i int) url.Values { return url.Values{"type": {"person"}, "tag_id": {r.tags[i%len(r.tags)]}} }},
		{name: "tag by last change", ask: func(i int) url.Values {
			return url.Values{"type": {"person"}, "tag_id": {r.tags[i%len(r.tags)]}, "sort": {"-updated_at"}}
		}},
	}
	for i := range calls {
		calls[i].some = true
	}
	return calls
}

func (r *recordReader) searches() []recordCall {
	ask := func(q func(i int) string, more ...string) func(int) url.Values {
		return func(i int) url.Values {
			v := url.Values{"type": {"person"}, "q": {q(i)}}
			for j := 0; j < len(more); j += 2 {
				v.Set(more[j], more[j+1])
			}
			return v
		}
	}
	first := func(i int) string { return inventedName(i * 13 % firstNames) }
	last := func(i int) string { return inventedName(i * 37 % lastNames) }
	return []recordCall{
		{name: "one letter", ask: ask(func(i int) string { return first(i)[:1] }), some: true}, {name: "two letters", ask: ask(func(i int) string { return first(i)[:2] }), some: true},
		{name: "three letters by last change", ask: ask(func(i int) string { return first(i)[:3] }, "sort", "-updated_at")}, {name: "four letters", ask: ask(func(i int) string { return last(i)[:4] }), some: true},
		{name: "a first name", ask: ask(first), some: true}, {name: "a last name", ask: ask(last)}, {name: "first and last name", ask: ask(func(i int) string { return first(i) + " " + last(i) })},
		{name: "first name and a beginning", ask: ask(func(i int) string { return first(i) + " " + last(i)[:2] })}, {name: "a first name of mine by last change", ask: ask(first, "owner_id", "me", "sort", "-updated_at")},
		{name: "a domain", ask: ask(func(i int) string { return fmt.Sprintf("company%d.example", i*97%r.c.companies) }), some: true},
		{name: "a number", ask: ask(func(i int) string { return fmt.Sprintf("030 %d", 1000000+i*333%r.c.people/3*3) }), some: true},
		{name: "every type", ask: func(i int) url.Values { return url.Values{"q": {last(i)}} }}, {name: "nothing", ask: ask(func(i int) string { return fmt.Sprintf("qq%d", i) })},
	}
}

// pages are what the page of a record asks for.
func (r *recordReader) pages() []recordCall {
	return []recordCall{{name: "record, notes and tasks", do: func(ctx context.Context, i int) error {
		id := r.ids[i%len(r.ids)]
		for _, path := range []string{"/records/" + id, "/records/" + id + "/notes", "/tasks?record_id=" + id} {
			var out map[string]any
			if err := r.get(ctx, path, &out); err != nil {
				return err
			}
		}
		return nil
	}}, {name: "numbers of all types", do: func(ctx context.Context, _ int) error {
		var counts map[string]int
		if err := r.get(ctx, "/records/counts", &counts); err != nil {
			return err
		}
		return check("companies counted", counts["company"], r.c.companies)
	}}}
}

func (r *recordReader) matches() []recordCall {
	return []recordCall{{name: "an address", some: true, ask: func(i int) url.Values {
		return url.Values{"email": {r.address(i * 7919 % r.c.people)}}
	}}, {name: "an address that nobody has", ask: func(i int) url.Values { return url.Values{"email": {fmt.Sprintf("nobody%d@elsewhere.example", i)}} }}}
}

// address is that of a person, as fillRecords has made it.
func (r *recordReader) address(i int) string {
	skewed := func(n, a, b int) int { return (i * a % n) * (i * b % n) / n }
	return strings.ToLower(fmt.Sprintf("%s.%s%d@company%d.example", inventedName(skewed(firstNames, 31, 7)), inventedName(skewed(lastNames, 7919, 104729)), i, i%r.c.companies))
}

// writes make a person and change another.
func (r *recordReader) writes() []recordCall {
	w := "/workspaces/" + r.p.workspace + "/records"
	return []recordCall{{name: "make", do: func(ctx context.Context, i int) error {
		return r.p.call(ctx, http.MethodPost, w, map[string]any{"type": "person", "name": "Newly Made", "emails": []string{fmt.Sprintf("new%d@made.example", r.stored+i)}, "phones": []string{"+49 30 901820"}}, nil)
	}}, {name: "change", do: func(ctx context.Context, i int) error {
		return r.p.call(ctx, http.MethodPatch, w+"/"+r.ids[i%len(r.ids)], map[string]any{"title": fmt.Sprintf("Miller %d", i), "stage": "customer"}, nil)
	}}}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

func readSections() []section {
	return []section{
		{
			ids: []string{"P16", "P17"}, title: "Reading the inbox and searching over HTTP, 100,000 messages",
			words: `A mailbox of 100,000 invented messages (bodies of about 80 words from a vocabulary of 30,000, 1.85 messages a conversation) is
				written through the store as the sync writes it. The program answers over HTTP/1.1 on one kept connection, one request after another, signed in with
				a bearer token, without compression (named beside it with gzip, as browsers ask for). Page: the newest 50 rows, then the next pages by cursor. Search: nine kinds of query in turn (rare, middling and frequent words, two
				words, a phrase, from:, subject:, with has:attachment, with is:unread), first page of 50. Every answer is read to its end, decoded, and its rows are checked: order, and that
				a marker word finds exactly its messages.`,
			run: func(ctx context.Context, b *bench) error {
				return b.readers(ctx, "", b.size(100_000, 5_000), reading{
					page: "P16", pageGoal: atMost(1), search: "P17", searchGoals: [2]goal{atMost(3), atMost(15)}, rounds: b.size(2000, 100),
				})
			},
		},
		{
			ids: []string{"1M"}, title: "The same with 1,000,000 messages in one mailbox",
			words: `As above with 1,000,000 messages (bodies of about 40 words to keep the preparation short; in PostgreSQL 50,000 messages are written and copied twenty times to earlier dates, index entries included). There are no goals in numbers: the page must not depend on the size of the mailbox.`,
			run: func(ctx context.Context, b *bench) error {
				return b.readers(ctx, "1M ", b.size(1_000_000, 20_000), reading{page: "1M", search: "1M", rounds: b.size(1000, 50), words: 40})
			},
		},
	}
}

type reading struct {
	page, search string // ids
	pageGoal     goal
	searchGoals  [2]goal
	rounds       int
	words        int
}

// readers prepares a mailbox of n messages in each database and reads it.
func (b *bench) readers(ctx context.Context, _ string, n int, r reading) error {
	var errs []error
	for _, d := range b.dbs {
		if err := b.readOne(ctx, d, n, r); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
		}
	}
	return errors.Join(errs...)
}

func (b *bench) readOne(ctx context.Context, d database, n int, r reading) error {
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	times := 1
	if d.server != "" && n > 200_000 {
		times = 20
	}
	filled, err := b.filled(ctx, at, n/times, r.words)
	if err != nil {
		return err
	}
	if err := multiply(ctx, at, n/times, times); err != nil {
		return err
	}
	if err := stored(ctx, at, n); err != nil {
		return err
	}
	if err := settled(ctx, d, at); err != nil {
		return err
	}
	p, err := b.serve(ctx, serveOptions{at: at, withoutSync: true})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.signIn(ctx); err != nil {
		return err
	}
	zipped, err := p.readPages(ctx, r.rounds/4)
	if err != nil {
		return fmt.Errorf("reading pages: %w", err)
	}
	p.client = plainHTTP(nil, false)
	var pages []float64
	err = b.watched(ctx, p, "pages-"+d.name, func() (err error) { pages, err = p.readPages(ctx, r.rounds); return err })
	if err != nil {
		return fmt.Errorf("reading pages: %w", err)
	}
	note := fmt.Sprintf("p99 %s ms; answered with gzip p50 %s ms; %s rows; written at %s rows/s (%s ms CPU a row), %s MB on disk", number(percentile(pages, 99)), number(median(zipped)), number(float64(n)),
		number(float64(n/times)/filled.Wall), number(filled.CPU/float64(n/times)*1000), number(at.megabytes(ctx)))
	b.add(row{ID: r.page, What: "list page of 50, p50", On: d.name, Value: median(pages), Unit: "ms", Goal: r.pageGoal, Note: note})
	var searches []float64
	var slowest string
	err = b.watched(ctx, p, "searches-"+d.name, func() (err error) { searches, slowest, err = p.searches(ctx, r.rounds, n); return err })
	if err != nil {
		return fmt.Errorf("searching: %w", err)
	}
	b.add(row{ID: r.search, What: "search, p50", On: d.name, Value: median(searches), Unit: "ms", Goal: r.searchGoals[0], Note: "slowest kind: " + slowest})
	b.add(row{ID: r.search, What: "search, p99", On: d.name, Value: percentile(searches, 99), Unit: "ms", Goal: r.searchGoals[1],
		Note: fmt.Sprintf("memory of the program after it: %s MB", number(p.rss()))})
	return nil
}

// filled makes a workspace with one owner, one connection and n messages.
func (b *bench) filled(ctx context.Context, at place, n, words int) (fillResult, error) {
	var none fillResult
	p, err := b.serve(ctx, serveOptions{at: at, withoutSync: true})
	if err != nil {
		return none, err
	}
	err = p.setUp(ctx)
	p.stop()
	if err != nil {
		return none, err
	}
	id, err := newConnection(ctx, b, at, p.workspace)
	if err != nil {
		return none, err
	}
	if words == 0 {
		words = 80
	}
	r, err := spawn[fillResult](ctx, b, "fill", fillTask{At: at, Connection: id, Messages: n, Words: words, Batch: 1000})
	if err != nil {
		return none, err
	}
	return r, check("rows counted as added", r.Added, int64(n))
}

// stored checks that a mailbox is whole: rows, bodies, nothing waits for the index.
func stored(ctx context.Context, at place, n int) error {
	rows, err1 := at.count(ctx, `SELECT count(*) FROM synced_emails WHERE shown`)
	bodies, err2 := at.count(ctx, `SELECT count(*) FROM email_bodies`)
	waiting, err3 := at.count(ctx, `SELECT count(*) FROM email_index_queue`)
	return errors.Join(err1, err2, err3, check("rows stored", rows, int64(n)), check("bodies stored", bodies, int64(n)), check("messages waiting for the index", waiting, 0))
}

// settled lets a database come to rest after it was filled, as autovacuum would.
func settled(ctx context.Context, d database, at place) error {
	db, err := at.open()
	if err != nil {
		return err
	}
	defer db.Close()
	statement := `PRAGMA wal_checkpoint(TRUNCATE)`
	if d.server != "" {
		statement = `VACUUM ANALYZE`
	}
	_, err = db.ExecContext(ctx, statement)
	return err
}

type emailList struct {
	Items []struct {
		ID        string    `json:"id"`
		Subject   string    `json:"subject"`
		GmailDate time.Time `json:"gmail_date"`
	} `json:"items"`
	Next string `json:"next_cursor"`
}

// list asks for a page and gives it with the milliseconds it took.
func (p *product) list(ctx context.Context, q url.Values) (emailList, float64, error) {
	var out emailList
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1"+p.google("/gmail/emails?")+q.Encode(), nil)
	if err != nil {
		return out, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	began := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return out, 0, err
	}
	body, err := io.ReadAll(resp.Body)
	took := float64(time.Since(began).Nanoseconds()) / 1e6
	resp.Body.Close()
	if err != nil {
		return out, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return out, 0, fmt.Errorf("%s: %s", resp.Status, tail(body, 300))
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return out, 0, err
	}
	for i := 1; i < len(out.Items); i++ {
		if out.Items[i].GmailDate.After(out.Items[i-1].GmailDate) {
			return out, 0, fmt.Errorf("%v: row %d is newer than the one above it", q, i)
		}
	}
	return out, took, nil
}

// readPages reads n pages: five in a row by cursor, then from the newest again.
func (p *product) readPages(ctx context.Context, n int) ([]float64, error) {
	var times []float64
	cursor := ""
	for i := range n + 20 {
		if i%5 == 0 {
			cursor = ""
		}
		q := url.Values{"limit": {"50"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		got, took, err := p.list(ctx, q)
		if err != nil {
			return nil, err
		}
		if err := check("rows of a page", len(got.Items), 50); err != nil {
			return nil, err
		}
		cursor = got.Next
		if i >= 20 { // the first ones open connections and prepare statements
			times = append(times, took)
		}
	}
	return times, nil
}

// queries are the kinds of search in the order they are asked. hits is the
// number of messages in n that match, -1 when only "some" is known.
func queries(v *invented, i, n int) (kind, q string, hits int) {
	every := func(m, first int) int { return (n - first + m - 1) / m }
	from := v.people[i*37%len(v.people)].Email
	switch i % 9 {
	case 0:
		return "a word in a thousandth of all", fmt.Sprintf("lantern%03d", i%1000), every(1000, i%1000)
	case 1:
		return "a word in a hundredth", "harbour", every(100, 7)
	case 2:
		return "subject:, a tenth", "subject:quarterly", every(10, 3)
	case 3:
		return "the most frequent words", v.words[i%5], -1
	case 4:
		return "two frequent words", v.words[i%20] + " " + v.words[20+i%20], -1
	case 5:
		return "a phrase", `"` + v.words[i%3] + " " + v.words[i%7] + `"`, -1
	case 6:
		return "from:", "from:" + from, -1
	case 7:
		return "a word with has:attachment", v.words[40+i%200] + " has:attachment", -1
	default:
		return "a word with is:unread", v.words[40+i%200] + " is:unread", -1
	}
}

// searches runs n queries and names the slowest kind.
func (p *product) searches(ctx context.Context, n, messages int) ([]float64, string, error) {
	v := newInvented(1)
	times, byKind := []float64{}, map[string][]float64{}
	for i := range n + 18 {
		kind, query, hits := queries(v, i, messages)
		got, took, err := p.list(ctx, url.Values{"limit": {"50"}, "q": {query}})
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", kind, err)
		}
		if hits >= 0 {
			if err := check("hits of "+query, len(got.Items), min(hits, 50)); err != nil {
				return nil, "", err
			}
		}
		if i >= 18 {
			times = append(times, took)
			byKind[kind] = append(byKind[kind], took)
		}
	}
	slowest, worst := "", 0.0
	for kind, of := range byKind {
		if m := median(of); m > worst {
			slowest, worst = fmt.Sprintf("%s, p50 %s ms", kind, number(m)), m
		}
	}
	return times, slowest, nil
}

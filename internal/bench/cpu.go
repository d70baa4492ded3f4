package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"reflect"
	"time"

	"rapport/internal/crm"
	"rapport/internal/google"
	"rapport/internal/link"
	"rapport/internal/mail"
)

func cpuSections() []section {
	return []section{
		{
			ids: []string{"P8"}, title: "Decoding a message of the Gmail API",
			words: `200 answers of users.messages.get (format full) of a generated mailbox, read into the fields the product needs, bodies out of base64url. Rapport's decoder and encoding/json into the same
				structure in turn, 5 times 20,000 messages each in a process of its own; CPU for one message. Checked: both give equal messages.`,
			run: decoding,
		},
		{
			ids: []string{"P23"}, title: "Matching the addresses of a message with 50,000 contacts",
			words: `An index of 50,000 people with 1.4 addresses each and 8,000 company domains. A message has 6 addresses: two known people, one with other letters in capitals, one at Gmail written with
				dots and a tag, one unknown at a known company, one stranger. Microseconds a message, median of 5 runs of 200,000 messages; checked: the number of matches.`,
			run: matching,
		},
	}
}

// perUnit is a piece of work repeated: seconds of CPU and wall for one.
type perUnit struct {
	CPU, Wall float64
	Done      int64
}

func matching(ctx context.Context, b *bench) error {
	n := b.size(200_000, 20_000)
	got, err := interleave(b.size(5, 2), func(int) (perUnit, error) { return spawn[perUnit](ctx, b, "match", n) })
	if err != nil {
		return err
	}
	var cpu []float64
	for _, r := range got[0] {
		cpu = append(cpu, r.CPU*1e6)
		if err := check("matches", r.Done, int64(5*n)); err != nil {
			return err
		}
	}
	b.add(row{What: "match 6 addresses of a message", Value: median(cpu), Unit: "µs", Goal: atMost(5)})
	return nil
}

func matchChild(_ context.Context, task json.RawMessage) (any, error) {
	var n int
	if err := json.Unmarshal(task, &n); err != nil {
		return nil, err
	}
	const people, companies = 50_000, 8_000
	var x link.Index
	x.Grow(people * 7 / 5)
	for i := range people {
		r := crm.RecordID(fmt.Sprintf("person-%d", i))
		x.AddAddress(r, fmt.Sprintf("person%d@company%d.example", i, i%companies))
		if i%5 < 2 {
			x.AddAddress(r, fmt.Sprintf("private%d@gmail.com", i))
		}
	}
	for i := range companies {
		x.AddDomain(crm.RecordID(fmt.Sprintf("company-%d", i)), fmt.Sprintf("firm%d.example", i))
	}
	messages := make([][]crm.Address, 4096)
	r := rand.New(rand.NewPCG(3, 4))
	for m := range messages {
		first := r.IntN(people/5 - 4) // four people who have an address at Gmail too
		person := func(format string, i int) crm.Address {
			i = (first + i) * 5
			return crm.Address{Email: fmt.Sprintf(format, i, i%companies)}
		}
		messages[m] = []crm.Address{
			person("person%d@company%d.example", 0), person("person%d@company%d.example", 1), person("Person%d@Company%d.EXAMPLE", 2),
			{Email: fmt.Sprintf("priv.ate%d+news@gmail.com", (first+3)*5)},
			{Email: fmt.Sprintf("nobody@firm%d.example", r.IntN(companies))},
			{Email: "stranger@elsewhere.example"},
		}
	}
	var found []link.Match
	var out perUnit
	m := startMeter()
	err := profiled("match", func() error {
		for i := range n {
			found = x.Match(found[:0], messages[i%len(messages)]...)
			out.Done += int64(len(found))
		}
		return nil
	})
	u := m.stop()
	out.CPU, out.Wall = u.CPU/float64(n), u.Wall/float64(n)
	return out, err
}

// decodeTask decodes each of the answers so often, one way or the other.
type decodeTask struct {
	Answers [][]byte
	Times   int
	Plain   bool
}

func decoding(ctx context.Context, b *bench) error {
	g, err := b.gmail(ctx)
	if err != nil {
		return err
	}
	defer g.stop()
	const account = "decode@northwind-lamps.example"
	if err := g.mailbox(ctx, account, 2000, 4); err != nil {
		return err
	}
	token, err := g.token(ctx, account, readScope)
	if err != nil {
		return err
	}
	box, err := g.look(ctx, token)
	if err != nil {
		return err
	}
	for _, raw := range box.sample {
		ours, err := google.DecodeMessage(raw)
		if err != nil {
			return err
		}
		theirs, err := plainDecode(raw)
		if err != nil {
			return err
		}
		ours.Raw = nil
		if !reflect.DeepEqual(ours, theirs) {
			return fmt.Errorf("the two decoders disagree about message %s", ours.ID)
		}
	}
	one := func(plain bool) func(int) (perUnit, error) {
		return func(int) (perUnit, error) {
			return spawn[perUnit](ctx, b, "decode", decodeTask{box.sample, b.size(100, 10), plain})
		}
	}
	got, err := interleave(b.size(5, 2), one(false), one(true))
	if err != nil {
		return err
	}
	mid := make([]float64, 2)
	for i, of := range got {
		var all []float64
		for _, r := range of {
			if err := check("bytes of bodies decoded", r.Done, got[0][0].Done); err != nil {
				return err
			}
			all = append(all, r.CPU*1e6)
		}
		mid[i] = median(all)
	}
	b.add(row{What: "decode a full message", Value: mid[0], Unit: "µs", Goal: atMost(15), Base: mid[1],
		Note: fmt.Sprintf("%s KB on average, %s MB/s", number(box.kilobytes), number(box.kilobytes*1000/mid[0]))})
	return nil
}

func decodeChild(_ context.Context, task json.RawMessage) (any, error) {
	var t decodeTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	decode, kind := google.DecodeMessage, "rapport"
	if t.Plain {
		decode, kind = plainDecode, "plain"
	}
	var out perUnit
	m := startMeter()
	err := profiled(kind, func() error {
		for range t.Times {
			for _, raw := range t.Answers {
				got, err := decode(raw)
				if err != nil {
					return err
				}
				out.Done += bodyBytes(&got.Payload)
			}
		}
		return nil
	})
	u, n := m.stop(), float64(t.Times*len(t.Answers))
	out.CPU, out.Wall = u.CPU/n, u.Wall/n
	return out, err
}

func bodyBytes(p *mail.Part) int64 {
	n := int64(len(p.Body))
	for i := range p.Parts {
		n += bodyBytes(&p.Parts[i])
	}
	return n
}

// jsonMessage is the shape that encoding/json reads a message into.
type jsonMessage struct {
	ID           string   `json:"id"`
	ThreadID     string   `json:"threadId"`
	LabelIDs     []string `json:"labelIds"`
	Snippet      string   `json:"snippet"`
	HistoryID    uint64   `json:"historyId,string"`
	InternalDate int64    `json:"internalDate,string"`
	Size         int64    `json:"sizeEstimate"`
	Payload      jsonPart `json:"payload"`
}

type jsonPart struct {
	PartID   string        `json:"partId"`
	MIME     string        `json:"mimeType"`
	Filename string        `json:"filename"`
	Headers  []mail.Header `json:"headers"`
	Body     struct {
		AttachmentID string `json:"attachmentId"`
		Size         int64  `json:"size"`
		Data         string `json:"data"`
	} `json:"body"`
	Parts []jsonPart `json:"parts"`
}

func plainDecode(raw []byte) (*mail.Message, error) {
	var m jsonMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	payload, err := m.Payload.part()
	return &mail.Message{
		ID: m.ID, ThreadID: m.ThreadID, Labels: m.LabelIDs, Snippet: html.UnescapeString(m.Snippet), HistoryID: m.HistoryID,
		InternalDate: time.UnixMilli(m.InternalDate).UTC(), Size: m.Size, Payload: payload,
	}, err
}

func (p *jsonPart) part() (mail.Part, error) {
	out := mail.Part{ID: p.PartID, MIME: p.MIME, Filename: p.Filename, Headers: p.Headers, AttachmentID: p.Body.AttachmentID, Size: p.Body.Size}
	var err error
	if p.Body.Data != "" {
		if out.Body, err = base64.URLEncoding.DecodeString(p.Body.Data); err != nil {
			return out, err
		}
	}
	for i := range p.Parts {
		sub, err := p.Parts[i].part()
		if err != nil {
			return out, err
		}
		out.Parts = append(out.Parts, sub)
	}
	return out, nil
}

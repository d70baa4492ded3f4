package google

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

const (
	// window is how many calls may be ahead of the one that is yielded next.
	window = 64
	// batchMost is the largest batch: Gmail runs the parts at the same time and
	// refuses those above its limit of concurrency. Batches halve the CPU of
	// small calls; above the quota's burst calls go alone, as units come in.
	batchMost = 25
	// batchWeight bounds the messages of a batch, a thread of unknown length
	// counted as threadWeight, so that its answer stays of a size to hold.
	batchWeight  = 60
	threadWeight = 4
)

// fetched is what a call brought: messages by id, or why not.
type fetched struct {
	wanted []mail.Fetched
	extra  []*mail.Message
	err    error // of the whole mailbox: the fetch ends
}

// Fetch reads messages; see mail.Mailbox. Calls are planned by cost, units are
// spent strictly in the order of refs, and while units are at hand calls travel
// together in batches.
func (m *mailbox) Fetch(ctx context.Context, refs []mail.Ref, yield func(mail.Fetched) error) error {
	calls := plan(refs, m.door.Limiter.quota)
	if len(calls) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fetch{mailbox: m, calls: calls, done: make([]chan fetched, len(calls)), ahead: make(chan struct{}, window)}
	for i := range f.done {
		f.done[i] = make(chan fetched, 1)
	}
	f.running.Go(func() { f.dispatch(ctx) })
	defer f.running.Wait()
	defer cancel()
	for i := range calls {
		r := <-f.done[i]
		if r.err != nil {
			return fmt.Errorf("fetching messages: %w", r.err)
		}
		if err := deliver(r, yield); err != nil {
			return err
		}
		<-f.ahead
	}
	return nil
}

func deliver(r fetched, yield func(mail.Fetched) error) error {
	for _, x := range r.wanted {
		if err := yield(x); err != nil {
			return err
		}
	}
	for _, x := range r.extra {
		if err := yield(mail.Fetched{Ref: mail.Ref{ID: x.ID, ThreadID: x.ThreadID}, Message: x, Extra: true}); err != nil {
			return err
		}
	}
	return nil
}

// fetch is one Fetch under way.
type fetch struct {
	*mailbox
	calls   []fetchCall
	done    []chan fetched // one answer per call, always
	ahead   chan struct{}
	running sync.WaitGroup
}

// dispatch pays for calls in order and starts them. It ends early when the
// mailbox fails, answering for the calls it did not start.
func (f *fetch) dispatch(ctx context.Context) {
	for i := 0; i < len(f.calls); {
		n, err := f.reserve(ctx, i)
		if err != nil {
			f.done[i] <- fetched{err: err}
			return
		}
		group := f.calls[i : i+n]
		from := i
		f.running.Go(func() { f.run(ctx, from, group) })
		i += n
	}
}

// reserve takes room in the window and units for the calls from i on: as many
// as can travel together now, one at least.
func (f *fetch) reserve(ctx context.Context, i int) (int, error) {
	select {
	case f.ahead <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	units, weight, n := f.calls[i].units, f.calls[i].weight(), 1
	most := min(batchMost, f.account.gate.room(), len(f.calls)-i)
	spare := f.account.spare(f.priority)
	for n < most && units+f.calls[i+n].units <= spare && weight+f.calls[i+n].weight() <= batchWeight {
		select {
		case f.ahead <- struct{}{}:
			units += f.calls[i+n].units
			weight += f.calls[i+n].weight()
			n++
			continue
		default:
		}
		break
	}
	return n, f.account.take(ctx, units, f.priority)
}

// run makes a group of calls, paid for already: one as a plain request, several
// as a batch. Parts of a batch that failed are tried again by themselves.
func (f *fetch) run(ctx context.Context, from int, group []fetchCall) {
	parts := f.together(ctx, group)
	for i, c := range group {
		body, err, paid := []byte(nil), error(nil), true
		if parts != nil {
			body, err, paid = parts[i].body, parts[i].err, false
		}
		if parts == nil || again(err) {
			body, err = f.get(ctx, c, paid)
		}
		f.done[from+i] <- f.sort(ctx, c, body, err)
	}
}

// again reports whether a part that failed is worth another try.
func again(err error) bool {
	return err != nil && (fault.Passing(err) || codeOf(err) == codeUnauthenticated || codeOf(err) == codeTooLarge)
}

// get makes one call and gives its JSON, decoded once to see that it is whole.
func (f *fetch) get(ctx context.Context, c fetchCall, paid bool) ([]byte, error) {
	path := f.pathOf(c)
	var body []byte
	err := f.call(ctx, spend{c.method(), c.units, 1}, paid, func(ctx context.Context, token crm.Secret) (int, error) {
		var err error
		if body, err = f.door.get(ctx, path, token); err != nil {
			return 0, err
		}
		return 1, nil
	})
	return body, err
}

// pathOf is the address of a call below the host.
func (m *mailbox) pathOf(c fetchCall) string {
	kind, id := "messages", c.refs[0].ID
	if c.thread != "" {
		kind, id = "threads", c.thread
	}
	return "gmail/v1/users/me/" + kind + "/" + url.PathEscape(id) + "?format=" + m.format() + "&alt=json&prettyPrint=false"
}

// get reads one JSON answer.
func (g *Gmail) get(ctx context.Context, path string, token crm.Secret) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	_, body, err := g.send(req, token)
	return body, err
}

// send sends a request and gives a 200 answer's body; everything else is a
// classified error.
func (g *Gmail) send(req *http.Request, token crm.Secret) (http.Header, []byte, error) {
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("User-Agent", g.userAgent)
	res, err := g.client.Do(req)
	if err != nil {
		return nil, nil, fromNetwork(err)
	}
	defer res.Body.Close()
	body, err := readBody(res)
	if err != nil {
		return nil, nil, fromNetwork(err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, nil, classify(res.StatusCode, res.Header, body, g.now())
	}
	return res.Header, body, nil
}

// readBody reads an answer into a buffer of the announced size.
func readBody(res *http.Response) ([]byte, error) {
	if n := res.ContentLength; n >= 0 && n <= maxAnswer {
		body := make([]byte, n)
		_, err := io.ReadFull(res.Body, body)
		return body, err
	}
	return io.ReadAll(res.Body)
}

// sort makes an outcome of a call's answer.
func (f *fetch) sort(ctx context.Context, c fetchCall, body []byte, err error) fetched {
	if c.thread != "" {
		return f.sortThread(ctx, c, body, err)
	}
	var msg *mail.Message
	if err == nil {
		msg, err = f.decoded(ctx, c, body)
	}
	if err == nil {
		return fetched{wanted: []mail.Fetched{{Ref: c.refs[0], Message: msg}}}
	}
	if err := f.whole(ctx, err); err != nil {
		return fetched{err: err}
	}
	return fetched{wanted: []mail.Fetched{{Ref: c.refs[0], Err: gone(err)}}}
}

// decoded reads a message; an answer that is not whole is fetched once more.
func (f *fetch) decoded(ctx context.Context, c fetchCall, body []byte) (*mail.Message, error) {
	msg, err := DecodeMessage(body)
	if err == nil && msg.ID == c.refs[0].ID {
		return msg, nil
	}
	if body, err = f.get(ctx, c, false); err != nil {
		return nil, err
	}
	if msg, err = DecodeMessage(body); err == nil && msg.ID != c.refs[0].ID {
		err = errors.New("another message than the one asked for")
	}
	if err != nil {
		return nil, garbled(err)
	}
	return msg, nil
}

func garbled(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: codeGarbled, Text: "Google's answer could not be read.", Err: err}
}

// sortThread picks the wanted messages out of a thread. One that is not in it
// (deleted, or the thread itself is gone or unreadable) is asked for by itself.
func (f *fetch) sortThread(ctx context.Context, c fetchCall, body []byte, err error) fetched {
	var list []*mail.Message
	if err == nil {
		if list, err = decodeThread(body); err != nil {
			err = garbled(err)
		}
	}
	if err != nil && !fault.Is(err, fault.NotFound) && codeOf(err) != codeGarbled {
		if err := f.whole(ctx, err); err != nil {
			return fetched{err: err}
		}
	}
	byID := make(map[string]*mail.Message, len(list))
	for _, msg := range list {
		byID[msg.ID] = msg
	}
	var out fetched
	for _, r := range c.refs {
		if msg := byID[r.ID]; msg != nil {
			out.wanted = append(out.wanted, mail.Fetched{Ref: r, Message: msg})
			delete(byID, r.ID)
			continue
		}
		one := fetchCall{refs: []mail.Ref{r}, units: f.cost("messages.get")}
		body, err := f.get(ctx, one, false)
		alone := f.sort(ctx, one, body, err)
		if alone.err != nil {
			return alone
		}
		out.wanted = append(out.wanted, alone.wanted...)
	}
	for i := len(list) - 1; i >= 0; i-- {
		if byID[list[i].ID] == list[i] {
			out.extra = append(out.extra, list[i])
		}
	}
	return out
}

// gone makes "not found" of an item mean that it ceased to exist.
func gone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return &fault.Error{Kind: fault.Gone, Text: "The message does not exist any more.", Err: err}
	}
	return err
}

// whole tells an error of the whole mailbox, which it returns, from one of a
// single item (nil). Where the error itself does not say, the mailbox is asked
// for something harmless.
func (f *fetch) whole(ctx context.Context, err error) error {
	switch kind := fault.Of(err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case kind == fault.NotFound, kind == fault.Invalid, codeOf(err) == codeForbidden, codeOf(err) == codeGarbled:
		return nil
	case kind != fault.Unavailable:
		return err
	}
	if _, probe := f.Profile(ctx); probe != nil {
		return err
	}
	return nil
}

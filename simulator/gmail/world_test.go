package gmail_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html/charset"
	api "google.golang.org/api/gmail/v1"

	"rapport/simulator"
	"rapport/simulator/control"
	"rapport/simulator/data"
	"rapport/simulator/gmail"
	"rapport/simulator/world"
)

func TestThreads(t *testing.T) {
	h := open(t, 120)
	u := h.as(mara)
	seen := map[string]bool{}
	messages := 0
	require.NoError(t, u.Threads.List("me").IncludeSpamTrash(true).MaxResults(17).Pages(context.Background(), func(res *api.ListThreadsResponse) error {
		for _, th := range res.Threads {
			require.False(t, seen[th.Id])
			seen[th.Id] = true
			got, err := u.Threads.Get("me", th.Id).Format("metadata").MetadataHeaders("Subject").Do()
			require.NoError(t, err)
			require.Equal(t, th.HistoryId, got.HistoryId)
			require.Equal(t, th.Snippet, got.Messages[len(got.Messages)-1].Snippet)
			require.Equal(t, th.Id, got.Messages[0].Id, "a thread has the id of its first message")
			for i, m := range got.Messages {
				require.Equal(t, th.Id, m.ThreadId)
				require.True(t, i == 0 || m.InternalDate >= got.Messages[i-1].InternalDate, "oldest first")
			}
			messages += len(got.Messages)
		}
		return nil
	}))
	require.Equal(t, 120, messages)
	p, err := u.GetProfile("me").Do()
	require.NoError(t, err)
	require.EqualValues(t, len(seen), p.ThreadsTotal)

	var long string
	for id := range seen {
		th, err := u.Threads.Get("me", id).Format("minimal").Do()
		require.NoError(t, err)
		if len(th.Messages) > 2 {
			long = id
		}
	}
	_, err = u.Threads.Modify("me", long, &api.ModifyThreadRequest{AddLabelIds: []string{"STARRED"}}).Do()
	require.NoError(t, err)
	_, err = u.Threads.Trash("me", long).Do()
	require.NoError(t, err)
	th, err := u.Threads.Get("me", long).Format("full").Do()
	require.NoError(t, err)
	for _, m := range th.Messages {
		require.Subset(t, m.LabelIds, []string{"STARRED", "TRASH"})
		require.NotContains(t, m.LabelIds, "INBOX")
	}
	_, err = u.Threads.Untrash("me", long).Do()
	require.NoError(t, err)
	require.NoError(t, u.Threads.Delete("me", long).Do())
	_, err = u.Threads.Get("me", long).Do()
	refused(t, err, 404, "notFound", "Requested entity was not found.")
	_, err = u.Threads.Get("me", "what").Do()
	refused(t, err, 400, "invalidArgument", "Invalid id value")
}

// A conversation is split when it has a hundred messages.
func TestLongThreadSplits(t *testing.T) {
	h := open(t, 0)
	threads := map[string]int{}
	for range 101 {
		d, err := h.sim.Mail.Deliver(mara, control.Message{From: "a@b.example", Subject: "Re: On and on", Text: "x", InReplyTo: "<first@b.example>",
			Raw: base64.StdEncoding.EncodeToString([]byte("From: a@b.example\r\nSubject: Re: On and on\r\nMessage-ID: <first@b.example>\r\nReferences: <first@b.example>\r\n\r\nx"))})
		require.NoError(t, err)
		threads[d.ThreadID]++
	}
	require.Len(t, threads, 2)
}

func TestSpamAndTrashAreEmptied(t *testing.T) {
	h := open(t, 0)
	id := h.deliver(mara, control.Message{Subject: "a", Text: "b"})
	kept := h.deliver(mara, control.Message{Subject: "c", Text: "d"})
	_, err := h.as(mara).Messages.Trash("me", id).Do()
	require.NoError(t, err)
	h.sim.World.Clock.Advance(29 * 24 * time.Hour)
	_, err = h.as(mara).Messages.Get("me", id).Do()
	require.NoError(t, err)
	before, err := h.as(mara).GetProfile("me").Do()
	require.NoError(t, err)
	h.sim.World.Clock.Advance(2 * 24 * time.Hour)
	u := h.as(mara)
	_, err = u.Messages.Get("me", id).Do()
	refused(t, err, 404, "notFound", "Requested entity was not found.")
	_, err = u.Messages.Get("me", kept).Do()
	require.NoError(t, err)
	res, err := u.History.List("me").StartHistoryId(before.HistoryId).Do()
	require.NoError(t, err)
	require.Equal(t, id, res.History[0].MessagesDeleted[0].Message.Id)
}

// The demo's mailboxes know each other: a conversation between members is in
// both, with the same Message-IDs and dates.
func TestDemoWorldIsCoherent(t *testing.T) {
	sim := demoSimulator(t)
	h := &house{t, sim}
	ids := map[string]map[string]int64{}
	for _, seat := range data.Demo() {
		c, ok := sim.Mail.Counts(seat.Email)
		require.True(t, ok)
		require.Equal(t, seat.Messages, c.Messages)
		ids[seat.Email] = map[string]int64{}
		u := h.as(seat.Email)
		require.NoError(t, u.Messages.List("me").MaxResults(500).Pages(context.Background(), func(res *api.ListMessagesResponse) error {
			for _, m := range res.Messages {
				got, err := u.Messages.Get("me", m.Id).Format("metadata").MetadataHeaders("Message-ID", "From").Do()
				require.NoError(t, err)
				ids[seat.Email][header(got.Payload, "Message-ID")] = got.InternalDate
			}
			return nil
		}))
	}
	owner := ids[data.Demo()[0].Email]
	for _, seat := range data.Demo()[1:] {
		both := 0
		for id, at := range ids[seat.Email] {
			if there, ok := owner[id]; ok {
				both++
				require.Equal(t, there, at)
			}
		}
		require.Greater(t, both, 10, seat.Email)
		require.Less(t, both, seat.Messages, "and some of one's own")
	}
}

func demoSimulator(t *testing.T) *simulator.Simulator {
	var accounts []simulator.Account
	for _, s := range data.Demo() {
		kind := world.Member
		if s.Outside {
			kind = world.Outside
		}
		accounts = append(accounts, simulator.Account{Email: s.Email, Name: s.Name, Domain: s.Domain, Kind: kind, Messages: s.Messages, Seed: s.Seed})
	}
	sim, err := simulator.New(simulator.Options{Seed: 1, Quota: "none", Now: func() time.Time { return start }, Accounts: accounts})
	require.NoError(t, err)
	require.NoError(t, sim.Start("127.0.0.1:0"))
	t.Cleanup(func() { require.NoError(t, sim.Close()) })
	return sim
}

func TestResetGivesTheSameMailbox(t *testing.T) {
	h := open(t, 60)
	read := func() (out []string) {
		u := h.as(mara)
		list, err := u.Messages.List("me").Do()
		require.NoError(t, err)
		for _, m := range list.Messages {
			got, err := u.Messages.Get("me", m.Id).Format("raw").Do()
			require.NoError(t, err)
			out = append(out, m.Id, got.Raw)
		}
		return out
	}
	before := read()
	h.deliver(mara, control.Message{Subject: "a", Text: "b"})
	resp, err := http.Post(h.sim.URL()+"/_sim/reset", "application/json", nil)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, before, read())
}

// A watch reaches a Pub/Sub subscription, end to end.
func TestWatchThroughPubSub(t *testing.T) {
	h := open(t, 0)
	token := h.token(mara, "https://www.googleapis.com/auth/pubsub", full)
	do := func(method, path, body string) string {
		t.Helper()
		req, err := http.NewRequest(method, h.sim.URL()+"/v1/"+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		out, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode, "%s", out)
		return string(out)
	}
	name := "projects/" + world.DemoProjectID + "/topics/inbox"
	_, err := h.as(mara).Watch("me", &api.WatchRequest{TopicName: name}).Do()
	refused(t, err, 404, "notFound", "Error sending test message to Cloud PubSub "+name+" : Resource not found (resource=inbox).")
	do("PUT", name, "{}")
	_, err = h.as(mara).Watch("me", &api.WatchRequest{TopicName: name}).Do()
	refused(t, err, 403, "forbidden", "Error sending test message to Cloud PubSub "+name+" : User not authorized to perform this action.")
	do("POST", name+":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/pubsub.publisher","members":["serviceAccount:gmail-api-push@system.gserviceaccount.com"]}]}}`)
	sub := "projects/" + world.DemoProjectID + "/subscriptions/inbox"
	do("PUT", sub, `{"topic":"`+name+`"}`)
	res, err := h.as(mara).Watch("me", &api.WatchRequest{TopicName: name, LabelIds: []string{"INBOX"}}).Do()
	require.NoError(t, err)
	h.sim.World.Clock.Advance(2 * time.Second)
	h.deliver(mara, control.Message{Subject: "a", Text: "b"})
	pulled := do("POST", sub+":pull", `{"maxMessages":10}`)
	first := fmt.Sprintf(`{"emailAddress":%q,"historyId":%d}`, mara, res.HistoryId)
	require.Contains(t, pulled, base64.StdEncoding.EncodeToString([]byte(first)))
	require.Equal(t, 2, strings.Count(pulled, `"data"`), pulled)
}

func TestBatch(t *testing.T) {
	h := open(t, 10)
	list, err := h.as(mara).Messages.List("me").Do()
	require.NoError(t, err)
	var body bytes.Buffer
	for i, m := range append(list.Messages, &api.Message{Id: "18c0000000000000"}) {
		fmt.Fprintf(&body, "--b\r\nContent-Type: application/http\r\nContent-ID: <item%d>\r\n\r\nGET /gmail/v1/users/me/messages/%s?format=minimal\r\n\r\n", i, m.Id)
	}
	body.WriteString("--b--\r\n")
	req, err := http.NewRequest("POST", h.sim.URL()+"/batch/gmail/v1", &body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+h.token(mara, full))
	req.Header.Set("Content-Type", "multipart/mixed; boundary=b")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, len(list.Messages), strings.Count(string(out), "200 OK"))
	require.Equal(t, 1, strings.Count(string(out), "404 Not Found"))
}

// Everything at once, for the race detector; the mailbox stays consistent.
func TestManyAtOnce(t *testing.T) {
	h := open(t, 200)
	var wg sync.WaitGroup
	run := func(n int, f func(u *api.UsersService, i int) error) {
		u := h.as(mara)
		wg.Go(func() {
			for i := range n {
				if err := f(u, i); err != nil && !strings.Contains(err.Error(), "404") {
					t.Error(err)
				}
			}
		})
	}
	list, err := h.as(mara).Messages.List("me").MaxResults(200).Do()
	require.NoError(t, err)
	id := func(i int) string { return list.Messages[i%len(list.Messages)].Id }
	run(40, func(u *api.UsersService, i int) error { _, err := u.Messages.Get("me", id(i)).Do(); return err })
	run(40, func(u *api.UsersService, i int) error {
		_, err := u.Messages.List("me").Q("lamp -offer").Do()
		return err
	})
	run(40, func(u *api.UsersService, i int) error {
		_, err := u.Messages.Modify("me", id(i*7), &api.ModifyMessageRequest{AddLabelIds: []string{"STARRED"}}).Do()
		return err
	})
	run(20, func(u *api.UsersService, i int) error { return u.Messages.Delete("me", id(i*11)).Do() })
	run(20, func(u *api.UsersService, i int) error {
		_, err := u.Messages.Send("me", &api.Message{Raw: raw("To: "+jonas+", "+mara, "Subject: S", "", "x")}).Do()
		return err
	})
	run(20, func(u *api.UsersService, i int) error { _, err := u.Labels.Get("me", "INBOX").Do(); return err })
	run(20, func(u *api.UsersService, i int) error { _, err := u.Threads.List("me").Do(); return err })
	wg.Wait()
	u := h.as(mara)
	p, err := u.GetProfile("me").Do()
	require.NoError(t, err)
	require.Len(t, listing(t, u), int(p.MessagesTotal))
	require.Len(t, h.sim.Mail.Sent(), 20)
}

// A thousand mailboxes, and one of a million messages.
func TestScale(t *testing.T) {
	room := gmail.New(world.New(1, world.NewClock(func() time.Time { return start })), nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	require.NoError(t, room.Create(world.Account{Email: "big@lamps.example", Domain: "lamps.example"}, 1_000_000, 1))
	million := time.Since(begin)
	c, _ := room.Counts("big@lamps.example")
	require.Equal(t, 1_000_000, c.Messages)
	begin = time.Now()
	for i := range 1000 {
		email := fmt.Sprintf("user%d@lamps.example", i)
		require.NoError(t, room.Create(world.Account{Email: email, Domain: "lamps.example"}, 200, int64(i)))
	}
	thousand := time.Since(begin)
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := (after.HeapAlloc - before.HeapAlloc) >> 20
	t.Logf("a million messages in %v, a thousand mailboxes in %v, %d MB", million, thousand, used)
	require.Less(t, used, uint64(300))
	runtime.KeepAlive(room)
}

// What the API gives as text is what an independent parser reads in the raw
// message, in all charsets.
func TestBodiesAgreeWithAnotherParser(t *testing.T) {
	h := open(t, 400)
	u := h.as(mara)
	texts, charsets := 0, map[string]int{}
	require.NoError(t, u.Messages.List("me").MaxResults(500).IncludeSpamTrash(true).Pages(context.Background(), func(res *api.ListMessagesResponse) error {
		for _, m := range res.Messages {
			full, err := u.Messages.Get("me", m.Id).Do()
			require.NoError(t, err)
			raw, err := u.Messages.Get("me", m.Id).Format("raw").Do()
			require.NoError(t, err)
			e, err := enmime.ReadEnvelope(strings.NewReader(decode(t, raw.Raw)))
			require.NoError(t, err)
			require.Equal(t, e.GetHeader("Subject"), wordDecode(t, header(full.Payload, "Subject")))
			if p := partOf(full.Payload, "text/plain"); p != nil {
				texts++
				require.Equal(t, strings.Fields(e.Text), strings.Fields(decode(t, p.Body.Data)))
				_, params, err := mime.ParseMediaType(header(p, "Content-Type"))
				require.NoError(t, err)
				charsets[params["charset"]]++
			}
			if p := partOf(full.Payload, "text/html"); p != nil {
				require.Equal(t, strings.Fields(e.HTML), strings.Fields(decode(t, p.Body.Data)))
			}
		}
		return nil
	}))
	require.Greater(t, texts, 300)
	require.Greater(t, len(charsets), 1, "%v", charsets)
}

func wordDecode(t *testing.T, s string) string {
	t.Helper()
	d := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	out, err := d.DecodeHeader(s)
	require.NoError(t, err)
	return out
}

func partOf(p *api.MessagePart, kind string) *api.MessagePart {
	if p.MimeType == kind && p.Filename == "" {
		return p
	}
	for _, c := range p.Parts {
		if found := partOf(c, kind); found != nil {
			return found
		}
	}
	return nil
}

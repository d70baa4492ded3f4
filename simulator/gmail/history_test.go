package gmail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	api "google.golang.org/api/gmail/v1"
	"pgregory.net/rapid"

	"rapport/simulator/control"
	"rapport/simulator/front"
	"rapport/simulator/gmail"
	"rapport/simulator/world"
)

func TestHistory(t *testing.T) {
	h := open(t, 30)
	u := h.as(mara)
	p, err := u.GetProfile("me").Do()
	require.NoError(t, err)

	t.Run("nothing new is only a history id", func(t *testing.T) {
		res, err := u.History.List("me").StartHistoryId(p.HistoryId).Do()
		require.NoError(t, err)
		require.Nil(t, res.History)
		require.Equal(t, p.HistoryId, res.HistoryId)
	})
	t.Run("too old, and from the future", func(t *testing.T) {
		for _, id := range []uint64{1, p.HistoryId + 100000} {
			_, err := u.History.List("me").StartHistoryId(id).Do()
			refused(t, err, 404, "notFound", "Requested entity was not found.")
		}
		_, err := h.as(jonas).History.List("me").StartHistoryId(1).Do()
		require.NoError(t, err, "a new account forgets nothing")
	})

	id := h.deliver(mara, control.Message{Subject: "a", Text: "b"})
	_, err = u.Messages.Modify("me", id, &api.ModifyMessageRequest{AddLabelIds: []string{"STARRED"}, RemoveLabelIds: []string{"UNREAD"}}).Do()
	require.NoError(t, err)
	_, err = u.Messages.Trash("me", id).Do()
	require.NoError(t, err)
	require.NoError(t, u.Messages.Delete("me", id).Do())

	t.Run("records", func(t *testing.T) {
		res, err := u.History.List("me").StartHistoryId(p.HistoryId).Do()
		require.NoError(t, err)
		require.Len(t, res.History, 4)
		require.Equal(t, []string{"UNREAD", "INBOX"}, res.History[0].MessagesAdded[0].Message.LabelIds)
		require.Equal(t, []string{"STARRED"}, res.History[1].LabelsAdded[0].LabelIds)
		require.Equal(t, []string{"UNREAD"}, res.History[1].LabelsRemoved[0].LabelIds)
		require.Equal(t, []string{"STARRED", "INBOX"}, res.History[1].LabelsAdded[0].Message.LabelIds, "all labels after the change")
		require.Equal(t, []string{"TRASH"}, res.History[2].LabelsAdded[0].LabelIds)
		require.Equal(t, []string{"INBOX"}, res.History[2].LabelsRemoved[0].LabelIds)
		require.Equal(t, []string{"STARRED", "TRASH"}, res.History[3].MessagesDeleted[0].Message.LabelIds, "the last ones")
		last := p.HistoryId
		for _, r := range res.History {
			require.Greater(t, r.Id, last)
			require.Equal(t, id, r.Messages[0].Id)
			last = r.Id
		}
		require.Equal(t, last, res.HistoryId)
		after, err := u.History.List("me").StartHistoryId(res.History[0].Id).Do()
		require.NoError(t, err)
		require.Len(t, after.History, 3, "strictly after")
	})
	t.Run("types", func(t *testing.T) {
		for typ, want := range map[string]int{"messageAdded": 1, "messageDeleted": 1, "labelAdded": 2, "labelRemoved": 2} {
			res, err := u.History.List("me").StartHistoryId(p.HistoryId).HistoryTypes(typ).Do()
			require.NoError(t, err)
			require.Len(t, res.History, want, typ)
		}
	})
	t.Run("a label filter hides the way out", func(t *testing.T) {
		res, err := u.History.List("me").StartHistoryId(p.HistoryId).LabelId("INBOX").Do()
		require.NoError(t, err)
		require.Len(t, res.History, 2)
		_, err = u.History.List("me").StartHistoryId(p.HistoryId).LabelId("nope").Do()
		refused(t, err, 400, "invalidArgument", "Invalid label: nope")
	})
	t.Run("a page may be empty and not the last", func(t *testing.T) {
		var got, pages int
		err := u.History.List("me").StartHistoryId(p.HistoryId).HistoryTypes("messageDeleted").MaxResults(1).Pages(context.Background(), func(res *api.ListHistoryResponse) error {
			got, pages = got+len(res.History), pages+1
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, []int{1, 4}, []int{got, pages})
	})
	t.Run("expired", func(t *testing.T) {
		now, err := u.GetProfile("me").Do()
		require.NoError(t, err)
		require.NoError(t, h.sim.Mail.ExpireHistory(mara))
		_, err = u.History.List("me").StartHistoryId(now.HistoryId).Do()
		refused(t, err, 404, "notFound", "Requested entity was not found.")
		now, err = u.GetProfile("me").Do()
		require.NoError(t, err)
		_, err = u.History.List("me").StartHistoryId(now.HistoryId).Do()
		require.NoError(t, err)
	})
	t.Run("forgotten after two weeks", func(t *testing.T) {
		now, err := u.GetProfile("me").Do()
		require.NoError(t, err)
		h.deliver(mara, control.Message{Subject: "a", Text: "b"})
		h.sim.World.Clock.Advance(13 * 24 * time.Hour)
		_, err = h.as(mara).History.List("me").StartHistoryId(now.HistoryId).Do()
		require.NoError(t, err)
		h.sim.World.Clock.Advance(2 * 24 * time.Hour)
		_, err = h.as(mara).History.List("me").StartHistoryId(now.HistoryId).Do()
		refused(t, err, 404, "notFound", "Requested entity was not found.")
	})
}

// replica is a mailbox rebuilt from a listing and the history after it.
type replica map[string][]string

func (r replica) follow(t require.TestingT, u *api.UsersService, from uint64, size int64) uint64 {
	last := uint64(0)
	err := u.History.List("me").StartHistoryId(from).MaxResults(size).Pages(context.Background(), func(res *api.ListHistoryResponse) error {
		for _, h := range res.History {
			for _, a := range h.MessagesAdded {
				r[a.Message.Id] = a.Message.LabelIds
			}
			for _, a := range h.LabelsAdded {
				r[a.Message.Id] = a.Message.LabelIds
			}
			for _, a := range h.LabelsRemoved {
				r[a.Message.Id] = a.Message.LabelIds
			}
			for _, d := range h.MessagesDeleted {
				delete(r, d.Message.Id)
			}
		}
		last = res.HistoryId
		return nil
	})
	require.NoError(t, err)
	return last
}

func listing(t require.TestingT, u *api.UsersService) replica {
	out := replica{}
	err := u.Messages.List("me").IncludeSpamTrash(true).MaxResults(500).Pages(context.Background(), func(res *api.ListMessagesResponse) error {
		for _, m := range res.Messages {
			got, err := u.Messages.Get("me", m.Id).Format("minimal").Do()
			if err != nil {
				return err
			}
			out[m.Id] = got.LabelIds
		}
		return nil
	})
	require.NoError(t, err)
	return out
}

// The law of history: what a client knew plus the history since is what the
// mailbox is, after any sequence of changes, looked at in any steps.
func TestHistoryReplaysToTheMailbox(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		require.NoError(rt, h.room().Create(world.Account{Email: mara, Name: "Mara Lind", Domain: "lamps.example"}, 12, int64(round)))
		p, err := u.GetProfile("me").Do()
		require.NoError(rt, err)
		known, mark := listing(rt, u), p.HistoryId
		ids := func() []string {
			var out []string
			for id := range known {
				out = append(out, id)
			}
			slices.Sort(out)
			return append(out, "18c0000000000000")
		}
		pick := func() string { return rapid.SampledFrom(ids()).Draw(rt, "id") }
		labels := rapid.SampledFrom([]string{"INBOX", "UNREAD", "STARRED", "SPAM", "TRASH", "Label_1", "IMPORTANT"})
		steps := rapid.IntRange(1, 25).Draw(rt, "steps")
		for range steps {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				h.deliver(mara, control.Message{Subject: "new", Text: "x"})
			case 1:
				_, _ = u.Messages.Modify("me", pick(), &api.ModifyMessageRequest{AddLabelIds: []string{labels.Draw(rt, "add")}}).Do()
			case 2:
				_, _ = u.Messages.Modify("me", pick(), &api.ModifyMessageRequest{RemoveLabelIds: []string{labels.Draw(rt, "remove")}}).Do()
			case 3:
				_, _ = u.Messages.Trash("me", pick()).Do()
			case 4:
				_, _ = u.Messages.Untrash("me", pick()).Do()
			case 5:
				_ = u.Messages.Delete("me", pick()).Do()
			case 6:
				_ = u.Messages.BatchModify("me", &api.BatchModifyMessagesRequest{Ids: ids(), AddLabelIds: []string{"STARRED"}, RemoveLabelIds: []string{"UNREAD"}}).Do()
			case 7:
				d, err := u.Drafts.Create("me", &api.Draft{Message: &api.Message{Raw: raw("To: "+elena, "Subject: D", "", "x")}}).Do()
				require.NoError(rt, err)
				if rapid.Bool().Draw(rt, "send") {
					_, err = u.Drafts.Send("me", &api.Draft{Id: d.Id}).Do()
				} else {
					_, err = u.Drafts.Update("me", d.Id, &api.Draft{Message: &api.Message{Raw: raw("Subject: E", "", "x")}}).Do()
				}
				require.NoError(rt, err)
			case 8:
				_ = u.Threads.Delete("me", pick()).Do()
			case 9:
				mark = known.follow(rt, u, mark, int64(rapid.IntRange(1, 7).Draw(rt, "page")))
			}
		}
		known.follow(rt, u, mark, 3)
		truth := listing(rt, u)
		if diff := cmp.Diff(truth, known); diff != "" {
			rt.Fatalf("history does not lead to the mailbox (-mailbox +replay):\n%s", diff)
		}
		p, err = u.GetProfile("me").Do()
		require.NoError(rt, err)
		require.EqualValues(rt, len(truth), p.MessagesTotal)
	})
}

// publisher keeps what was published.
type publisher struct {
	mu       sync.Mutex
	test     []string // "topic data"
	notified []string // "topic user data"
	refuse   error
}

func (p *publisher) Publish(as, topic string, data []byte, _ map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse
	}
	p.test = append(p.test, topic+" "+string(data))
	return nil
}

func (p *publisher) Notify(as, topic, user string, data []byte) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notified = append(p.notified, topic+" "+user+" "+string(data))
	return true, nil
}

func (p *publisher) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.notified
	p.notified = nil
	return out
}

// watched is a room with a publisher to look into, called without HTTP.
func watched(t *testing.T) (*gmail.Room, *publisher, func(method, body string) (any, error), *world.World) {
	w := world.New(1, world.NewClock(func() time.Time { return start }))
	p := &publisher{}
	room := gmail.New(w, p)
	require.NoError(t, room.Create(world.Account{Email: mara, Domain: "lamps.example"}, 0, 1))
	call := func(method, body string) (any, error) {
		return room.Methods()["gmail.users."+method](&front.Call{Account: mara, Client: world.DemoClientID, Project: world.DemoProject, Body: json.RawMessage(body), Now: w.Clock.Now()})
	}
	return room, p, call, w
}

const topic = "projects/" + world.DemoProjectID + "/topics/mail"

func TestWatch(t *testing.T) {
	room, pub, call, w := watched(t)
	deliver := func(labels ...string) {
		_, err := room.Deliver(mara, control.Message{From: "a@b.example", Subject: "x", Text: "y", Labels: labels})
		require.NoError(t, err)
	}
	answer, err := call("watch", `{"topicName":"`+topic+`","labelIds":["INBOX"],"labelFilterBehavior":"include"}`)
	require.NoError(t, err)
	res := answer.(map[string]string)
	require.Equal(t, fmt.Sprint(start.Add(7*24*time.Hour).UnixMilli()), res["expiration"])
	require.Equal(t, []string{topic + ` {"emailAddress":"` + mara + `","historyId":` + res["historyId"] + `}`}, pub.test, "the first notification is the test message")

	deliver()
	got := pub.take()
	require.Len(t, got, 1)
	require.True(t, strings.HasPrefix(got[0], topic+" "+mara+` {"emailAddress":"`+mara+`","historyId":`), got[0])
	deliver("SPAM")
	require.Empty(t, pub.take(), "another label")

	_, err = call("watch", `{"topicName":"`+topic+`2"}`)
	require.EqualError(t, err, "Only one user push notification client allowed per developer (call /stop then try again)")
	_, err = call("watch", `{"topicName":"`+topic+`"}`)
	require.NoError(t, err, "the same topic renews")
	_, err = call("watch", `{"topicName":"projects/another/topics/mail"}`)
	require.EqualError(t, err, "Invalid topicName does not match projects/"+world.DemoProjectID+"/topics/*")

	_, err = call("stop", "")
	require.NoError(t, err)
	deliver()
	require.Empty(t, pub.take())
	_, err = call("watch", `{"topicName":"`+topic+`2","labelIds":["SPAM"],"labelFilterBehavior":"EXCLUDE"}`)
	require.NoError(t, err)
	deliver("SPAM")
	require.Empty(t, pub.take())
	deliver()
	require.Len(t, pub.take(), 1)
	w.Clock.Advance(7*24*time.Hour + time.Second)
	deliver()
	require.Empty(t, pub.take(), "a watch ends after a week")

	pub.refuse = front.ErrNoTopic
	_, err = call("watch", `{"topicName":"`+topic+`"}`)
	require.EqualError(t, err, "Error sending test message to Cloud PubSub "+topic+" : Resource not found (resource=mail).")
	pub.refuse = front.ErrNotPublisher
	_, err = call("watch", `{"topicName":"`+topic+`"}`)
	require.EqualError(t, err, "Error sending test message to Cloud PubSub "+topic+" : User not authorized to perform this action.")
}

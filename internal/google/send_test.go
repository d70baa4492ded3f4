package google

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/outbox"
	"rapport/internal/vault"
	"rapport/simulator/front"
)

var sendScopes = []string{vault.ScopeGmailReadonly, vault.ScopeGmailModify, vault.ScopeGmailSend}

func (p *place) post() outbox.Post {
	p.t.Helper()
	m, err := Posts{p.door}.Open(p.t.Context(), crm.Connection{ID: "c", GrantID: "g", GoogleSub: "sub-ada", GoogleEmail: adaAddress}, mail.Interactive)
	require.NoError(p.t, err)
	return m
}

// sendable is a message with a marker.
func sendable(id, subject string) outbox.Letter {
	return outbox.Letter{Raw: []byte(outbox.MarkerHeader + ": " + id + "\r\nMessage-ID: <" + id + "@rapport>\r\nFrom: " + adaAddress + "\r\nTo: Mira <mira@harbour-tea.example>\r\nSubject: " + subject + "\r\n\r\nHello\r\n")}
}

func TestSendAndArrived(t *testing.T) {
	p := open(t, options{messages: 3, scopes: sendScopes})
	post := p.post()
	mark, err := post.Mark(t.Context())
	require.NoError(t, err)
	began := time.Now()
	found, whole, err := post.Arrived(t.Context(), mark, began)
	require.NoError(t, err)
	require.True(t, whole)
	require.Empty(t, found)

	sent, err := post.Send(t.Context(), sendable("one", "Lamps"))
	require.NoError(t, err)
	other, err := post.Send(t.Context(), sendable("two", "Shades"))
	require.NoError(t, err)
	want := []outbox.Trace{
		{ID: sent.ID, ThreadID: sent.ThreadID, Marker: "one", Subject: "Lamps", To: []crm.Address{{Name: "Mira", Email: "mira@harbour-tea.example"}}},
		{ID: other.ID, ThreadID: other.ThreadID, Marker: "two", Subject: "Shades", To: []crm.Address{{Name: "Mira", Email: "mira@harbour-tea.example"}}},
	}
	plain := func(list []outbox.Trace) []outbox.Trace {
		for i := range list {
			require.Len(t, list[i].MessageIDs, 1)
			require.NotContains(t, list[i].MessageIDs[0], "@rapport", "Gmail has put its own in the place of ours")
			list[i].MessageIDs = nil
		}
		return list
	}
	found, whole, err = post.Arrived(t.Context(), mark, began)
	require.NoError(t, err)
	require.True(t, whole)
	require.Equal(t, want, plain(found))

	// Google has forgotten the mark: Sent is read through, newest first.
	require.NoError(t, p.sim.Mail.ExpireHistory(adaAddress))
	found, whole, err = post.Arrived(t.Context(), mark, began)
	require.NoError(t, err)
	require.True(t, whole)
	require.Equal(t, []outbox.Trace{want[1], want[0]}, plain(found[:2]))
}

// TestSendIsMadeOnce: whatever Google answers, one request could have been accepted.
// Which errors are Google's word that nothing was, is told apart.
func TestSendIsMadeOnce(t *testing.T) {
	for name, c := range map[string]struct {
		fault             front.Fault
		refused, answered bool
		requests          int
		kind              fault.Kind
	}{
		"400":                     {front.Fault{Status: 400}, true, false, 1, fault.Invalid},
		"401 twice":               {front.Fault{Status: 401}, true, false, 2, fault.Unavailable}, // renewed once
		"403":                     {front.Fault{Status: 403, Reason: "forbidden"}, true, false, 1, fault.Forbidden},
		"403 for quota":           {front.Fault{Status: 403, Reason: "rateLimitExceeded"}, false, true, 1, fault.Throttled},
		"404":                     {front.Fault{Status: 404}, true, false, 1, fault.NotFound},
		"413":                     {front.Fault{Status: 413}, true, false, 1, fault.Invalid},
		"404 of something else":   {front.Fault{Kind: "html", Status: 404}, false, true, 1, fault.Unavailable},
		"429":                     {front.Fault{Status: 429}, false, true, 1, fault.Throttled},
		"500":                     {front.Fault{Status: 500}, false, true, 1, fault.Unavailable},
		"503":                     {front.Fault{Status: 503}, false, true, 1, fault.Unavailable},
		"500 after it was taken":  {front.Fault{Status: 500, When: "after"}, false, true, 1, fault.Unavailable},
		"cut":                     {front.Fault{Kind: "cut"}, false, false, 1, fault.Unavailable},
		"cut after it was taken":  {front.Fault{Kind: "cut", When: "after"}, false, false, 1, fault.Unavailable},
		"garbage after it, as OK": {front.Fault{Kind: "garbage", When: "after"}, false, false, 1, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, options{network: true, scopes: sendScopes})
			post := p.post()
			_, err := post.Mark(t.Context()) // the connection stands, as it mostly does
			require.NoError(t, err)
			c.fault.Method = "messages.send"
			p.fault(c.fault)
			_, err = post.Send(t.Context(), sendable("one", "Lamps"))
			require.Error(t, err)
			var refused *outbox.Refusal
			var answer *outbox.Answer
			require.Equal(t, c.refused, errors.As(err, &refused), "%v", err)
			require.Equal(t, c.answered, errors.As(err, &answer), "%v", err)
			require.Equal(t, c.kind, fault.Of(err), "%v", err)
			n := 0
			for _, r := range p.sim.Front.Log.Since(0) {
				if r.Method == "messages.send" {
					n++
				}
			}
			require.Equal(t, c.requests, n)
		})
	}
}

// TestSendStopsWithItsContext: a request that hangs ends at its deadline.
func TestSendStopsWithItsContext(t *testing.T) {
	p := open(t, options{network: true, scopes: sendScopes})
	post := p.post()
	p.fault(front.Fault{Kind: "slow", DelayMS: 20000, Method: "messages.send"})
	limited, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := post.Send(limited, sendable("one", "Lamps"))
	require.Error(t, err)
	var refused *outbox.Refusal
	require.False(t, errors.As(err, &refused), "it may have been taken: %v", err)
	require.Len(t, p.sim.Mail.Sent(), 1, "and was")
}

func TestSendNeedsPermission(t *testing.T) {
	p := open(t, options{scopes: []string{vault.ScopeGmailReadonly}})
	_, err := Posts{p.door}.Open(t.Context(), crm.Connection{ID: "c", GrantID: "g", GoogleSub: "sub-ada"}, mail.Interactive)
	require.True(t, fault.Is(err, fault.Permission), "%v", err)
	_, err = Posts{p.door}.Open(t.Context(), crm.Connection{ID: "c"}, mail.Interactive)
	require.True(t, fault.Is(err, fault.Reconnect), "%v", err)

	only := open(t, options{scopes: []string{vault.ScopeGmailSend}})
	post := only.post()
	_, err = post.Mark(t.Context())
	require.True(t, fault.Is(err, fault.Permission), "%v", err)
	_, err = post.Aliases(t.Context())
	require.True(t, fault.Is(err, fault.Permission), "%v", err)
	_, err = post.Send(t.Context(), sendable("one", "Lamps"))
	require.NoError(t, err)
}

// TestSendLarge goes by the upload address, whatever the size.
func TestSendLarge(t *testing.T) {
	p := open(t, options{network: true, scopes: sendScopes})
	post := p.post()
	l := sendable("one", "Large")
	l.Raw = append(l.Raw, bytes.Repeat([]byte("0123456789abcdef\r\n"), 24<<20/18)...)
	sent, err := post.Send(t.Context(), l)
	require.NoError(t, err)
	require.NotEmpty(t, sent.ID)
}

func TestDraftsAtGoogle(t *testing.T) {
	p := open(t, options{scopes: sendScopes})
	post := p.post()
	letter := sendable("x", "Idea")
	made, err := post.SaveDraft(t.Context(), "", letter)
	require.NoError(t, err)
	again, err := post.SaveDraft(t.Context(), made.ID, sendable("x", "Better idea"))
	require.NoError(t, err)
	require.Equal(t, made.ID, again.ID)
	require.NotEqual(t, made.Message.ID, again.Message.ID)
	for i := range 7 {
		_, err := post.SaveDraft(t.Context(), "", sendable("x", fmt.Sprint("Draft ", i)))
		require.NoError(t, err)
	}
	var subjects []string
	for page := ""; ; {
		list, next, err := post.Drafts(t.Context(), page, 3)
		require.NoError(t, err)
		for _, d := range list {
			subjects = append(subjects, mail.ParseMessage(d.Message).Subject)
		}
		if page = next; page == "" {
			break
		}
	}
	require.Equal(t, []string{"Draft 6", "Draft 5", "Draft 4", "Draft 3", "Draft 2", "Draft 1", "Draft 0", "Better idea"}, subjects)
	d, raw, err := post.RawDraft(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, again.Message.ID, d.Message.ID)
	require.Contains(t, string(raw), "Subject: Better idea")
	sent, err := post.Send(t.Context(), outbox.Letter{Raw: raw, DraftID: made.ID})
	require.NoError(t, err)
	require.NotEmpty(t, sent.ID)
	_, err = post.Draft(t.Context(), made.ID)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = post.SaveDraft(t.Context(), made.ID, letter)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	require.NoError(t, post.DeleteDraft(t.Context(), made.ID))
	_, err = post.Send(t.Context(), outbox.Letter{Raw: raw, DraftID: made.ID})
	var refused *outbox.Refusal
	require.True(t, errors.As(err, &refused), "%v", err)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func TestDraftParts(t *testing.T) {
	p := open(t, options{scopes: sendScopes})
	post := p.post()
	big := strings.Repeat("0123456789", 5000)
	raw := "From: " + adaAddress + "\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" +
		"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\n" + big + "\r\n--b--\r\n"
	made, err := post.SaveDraft(t.Context(), "", outbox.Letter{Raw: []byte(raw)})
	require.NoError(t, err)
	d, err := post.Draft(t.Context(), made.ID)
	require.NoError(t, err)
	e := mail.ParseMessage(d.Message)
	require.Len(t, e.Attachments, 1)
	var out bytes.Buffer
	require.NoError(t, post.DraftPart(t.Context(), d, e.Attachments[0].PartID, &out))
	require.Equal(t, big, strings.TrimSpace(out.String()))
	require.True(t, fault.Is(post.DraftPart(t.Context(), d, "99", io.Discard), fault.Gone))
}

func TestAliases(t *testing.T) {
	p := open(t, options{scopes: sendScopes})
	settings := p.sim.Mail.(interface {
		AddSendAs(account, email, name string, verified bool) bool
	})
	require.True(t, settings.AddSendAs(adaAddress, "sales@northwind-lamps.example", "Sales", true))
	require.True(t, settings.AddSendAs(adaAddress, "new@northwind-lamps.example", "New", false))
	list, err := p.post().Aliases(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.True(t, list[0].Primary && list[0].Verified)
	require.Equal(t, crm.SendAs{Email: "sales@northwind-lamps.example", Name: "Sales", Verified: true}, list[1])
	require.False(t, list[2].Verified)
}

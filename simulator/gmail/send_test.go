package gmail_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	api "google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"

	"rapport/simulator/control"
	"rapport/simulator/front"
)

func unmarshal(t *testing.T, b []byte, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(b, into), "%s", b)
}

func only(t *testing.T, u *api.UsersService, q string) *api.Message {
	t.Helper()
	list, err := u.Messages.List("me").Q(q).Do()
	require.NoError(t, err)
	require.Len(t, list.Messages, 1, q)
	m, err := u.Messages.Get("me", list.Messages[0].Id).Do()
	require.NoError(t, err)
	return m
}

func TestSendArrives(t *testing.T) {
	h := open(t, 0)
	before, err := h.as(elena).GetProfile("me").Do()
	require.NoError(t, err)
	sent, err := h.as(mara).Messages.Send("me", &api.Message{Raw: raw(
		"From: Someone Else <boss@lamps.example>", "To: Elena <"+elena+">", "Bcc: "+jonas, "Subject: Offer", "Message-ID: <mine@crm.example>", "X-Crm: 42", "", "Hello")}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"SENT"}, sent.LabelIds)
	require.Equal(t, sent.Id, sent.ThreadId)

	mine, err := h.as(mara).Messages.Get("me", sent.Id).Do()
	require.NoError(t, err)
	require.Equal(t, `"Mara Lind" <`+mara+`>`, header(mine.Payload, "From"), "not an alias: rewritten")
	require.Equal(t, jonas, header(mine.Payload, "Bcc"))
	require.Equal(t, "42", header(mine.Payload, "X-Crm"))
	require.True(t, strings.HasSuffix(header(mine.Payload, "Message-ID"), "@mail.gmail.com>"))
	require.NotEmpty(t, header(mine.Payload, "Date"))

	for _, who := range []string{elena, jonas} {
		got := only(t, h.as(who), "in:inbox")
		require.Equal(t, []string{"UNREAD", "INBOX"}, got.LabelIds)
		require.Empty(t, header(got.Payload, "Bcc"))
		require.Equal(t, header(mine.Payload, "Message-ID"), header(got.Payload, "Message-ID"))
		require.Equal(t, who, header(got.Payload, "Delivered-To"))
	}
	after, err := h.as(elena).GetProfile("me").Do()
	require.NoError(t, err)
	require.Greater(t, after.HistoryId, before.HistoryId)

	log := h.sim.Mail.Sent()
	require.Len(t, log, 1)
	require.Equal(t, control.Sent{Time: log[0].Time, From: mara, To: []string{elena, jonas}, Subject: "Offer",
		MessageID: header(mine.Payload, "Message-ID"), ID: sent.Id, Why: "send"}, log[0])
}

func TestReplyIsThreadedOnBothSides(t *testing.T) {
	h := open(t, 0)
	first, err := h.as(mara).Messages.Send("me", &api.Message{Raw: raw("To: "+elena, "Subject: Offer", "", "Hello")}).Do()
	require.NoError(t, err)
	got := only(t, h.as(elena), "in:inbox")
	id := header(got.Payload, "Message-ID")
	reply, err := h.as(elena).Messages.Send("me", &api.Message{ThreadId: got.ThreadId, Raw: raw("To: "+mara, "Subject: Re: Offer", "In-Reply-To: "+id, "References: "+id, "", "Thanks")}).Do()
	require.NoError(t, err)
	require.Equal(t, got.ThreadId, reply.ThreadId)
	back := only(t, h.as(mara), "in:inbox")
	require.Equal(t, first.ThreadId, back.ThreadId)
	th, err := h.as(mara).Threads.Get("me", first.ThreadId).Do()
	require.NoError(t, err)
	require.Equal(t, []string{first.Id, back.Id}, []string{th.Messages[0].Id, th.Messages[1].Id}, "oldest first")

	for name, c := range map[string]api.Message{
		"another subject starts a thread": {ThreadId: got.ThreadId, Raw: raw("To: "+mara, "Subject: Something else", "References: "+id, "", "x")},
		"no references starts a thread":   {ThreadId: got.ThreadId, Raw: raw("To: "+mara, "Subject: Re: Offer", "", "x")},
		"no thread id starts a thread":    {Raw: raw("To: "+mara, "Subject: Re: Offer", "References: "+id, "", "x")},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := h.as(elena).Messages.Send("me", &c).Do()
			require.NoError(t, err)
			require.Equal(t, m.Id, m.ThreadId)
		})
	}
}

func TestSendToSelf(t *testing.T) {
	h := open(t, 0)
	m, err := h.as(mara).Messages.Send("me", &api.Message{Raw: raw("To: "+mara, "Subject: Note", "", "x")}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"UNREAD", "SENT", "INBOX"}, m.LabelIds)
	p, err := h.as(mara).GetProfile("me").Do()
	require.NoError(t, err)
	require.EqualValues(t, 1, p.MessagesTotal)
}

func TestSendRefusals(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	for name, c := range map[string]struct {
		m       api.Message
		code    int
		message string
	}{
		"no recipient":       {api.Message{Raw: raw("Subject: x", "", "y")}, 400, "Recipient address required"},
		"no raw":             {api.Message{ThreadId: "18c0000000000000"}, 400, "'raw' RFC822 payload message string or uploading message via /upload/* URL required"},
		"bad address":        {api.Message{Raw: raw("To: not an address", "", "y")}, 400, "Invalid To header"},
		"bad copy":           {api.Message{Raw: raw("To: "+jonas, "Cc: <<>>", "", "y")}, 400, "Invalid Cc header"},
		"malformed threadId": {api.Message{ThreadId: "xyz", Raw: raw("To: "+jonas, "", "y")}, 400, "Invalid thread_id value"},
		"absent threadId":    {api.Message{ThreadId: "18c0000000000000", Raw: raw("To: "+jonas, "", "y")}, 404, "Requested entity was not found."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := u.Messages.Send("me", &c.m).Do()
			reason := "invalidArgument"
			if c.code == 404 {
				reason = "notFound"
			}
			refused(t, err, c.code, reason, c.message)
		})
	}
	_, err := u.Messages.Send("me", &api.Message{Raw: "VG86IGE/Pz8+Cg=="}).Do() // standard alphabet
	require.ErrorContains(t, err, "Base64 decoding failed")
	require.Empty(t, h.sim.Mail.Sent())
}

func TestUpload(t *testing.T) {
	h := open(t, 0)
	for _, size := range []int{1 << 10, 18 << 20} { // multipart, resumable
		body := "To: " + elena + "\r\nSubject: Big\r\n\r\n" + strings.Repeat("0123456789abcde\n", size/16)
		m, err := h.as(mara).Messages.Send("me", nil).Media(strings.NewReader(body), googleapi.ContentType("message/rfc822")).Do()
		require.NoError(t, err)
		got, err := h.as(mara).Messages.Get("me", m.Id).Format("minimal").Do()
		require.NoError(t, err)
		require.Greater(t, got.SizeEstimate, int64(size))
	}
}

func TestUnknownUserBounces(t *testing.T) {
	h := open(t, 0)
	sent, err := h.as(mara).Messages.Send("me", &api.Message{Raw: raw("To: nobody@hotel.example, far@away.example", "Subject: Offer", "", "x")}).Do()
	require.NoError(t, err)
	b := only(t, h.as(mara), "in:inbox")
	require.Equal(t, "nobody@hotel.example", header(b.Payload, "X-Failed-Recipients"))
	require.Equal(t, "multipart/report", b.Payload.MimeType)
	require.NotEqual(t, sent.ThreadId, b.ThreadId, "another subject")
}

func TestOtherRoomsSend(t *testing.T) {
	h := open(t, 0)
	require.NoError(t, h.room().Outbox().Deliver(front.Outgoing{From: mara, To: []string{elena}, Why: "invite",
		Raw: []byte("From: " + mara + "\r\nTo: " + elena + "\r\nSubject: Invitation\r\nMessage-ID: <cal-1@google.com>\r\n\r\nCome\r\n")}))
	only(t, h.as(elena), "subject:invitation")
	require.Equal(t, "invite", h.sim.Mail.Sent()[0].Why)
	p, err := h.as(mara).GetProfile("me").Do()
	require.NoError(t, err)
	require.Zero(t, p.MessagesTotal)
}

func TestInsertAndImport(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	old := raw("From: a@b.example", "To: "+mara, "Subject: Old", "Date: Tue, 3 Mar 2020 10:00:00 +0100", "Message-ID: <old@b.example>", "", "x")
	ins, err := u.Messages.Insert("me", &api.Message{Raw: old, LabelIds: []string{"INBOX"}}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"INBOX"}, ins.LabelIds)
	got, err := u.Messages.Get("me", ins.Id).Do()
	require.NoError(t, err)
	require.Equal(t, start.UnixMilli(), got.InternalDate)
	imp, err := u.Messages.Import("me", &api.Message{Raw: raw("From: c@b.example", "Subject: Re: Old", "Date: Wed, 4 Mar 2020 10:00:00 +0100", "References: <old@b.example>", "", "x")}).Do()
	require.NoError(t, err)
	require.Equal(t, ins.ThreadId, imp.ThreadId)
	got, err = u.Messages.Get("me", imp.Id).Do()
	require.NoError(t, err)
	require.EqualValues(t, 1583312400000, got.InternalDate)
	list, err := u.Messages.List("me").Do()
	require.NoError(t, err)
	require.Equal(t, ins.Id, list.Messages[0].Id, "order is by internalDate, not by id")
	require.Empty(t, h.sim.Mail.Sent())
}

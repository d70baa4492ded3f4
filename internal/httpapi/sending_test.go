package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	stdmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gmail "google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator/control"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// desk is somebody who sends mail through the API.
type desk struct {
	*apptest.World
	t     *testing.T
	owner *client.Client
	home  *client.InWorkspace
}

func newDesk(t *testing.T, d storetest.Database) *desk {
	t.Helper()
	w := apptest.Start(t, d)
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	return &desk{World: w, t: t, owner: owner, home: owner.Workspace(w.Home)}
}

// until waits for a state of a message, at each event and now and then.
func (d *desk) until(id string, is func(client.Outgoing) bool) client.Outgoing {
	d.t.Helper()
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	happened := make(chan struct{}, 1)
	go func() {
		_ = d.home.Events(limited, func(client.Happening) error {
			select {
			case happened <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		o, err := d.home.Outgoing(limited, id)
		require.NoError(d.t, err)
		if is(o) {
			return o
		}
		select {
		case <-limited.Done():
			require.FailNow(d.t, "waited too long", "%+v", o)
		case <-happened:
		case <-look.C:
		}
	}
}

func sent(o client.Outgoing) bool { return o.State == "sent" }

// raw is a message as it stands in an account's mailbox: header, text parts and
// files by their names.
type letter struct {
	stdmail.Header
	text, html string
	files      map[string][]byte
	inline     map[string][]byte // by Content-ID
}

func (d *desk) gmail(account string) *gmail.Service {
	d.t.Helper()
	token, err := d.Sim.OAuth.IssueToken(account, world.DemoClientID, []string{"https://mail.google.com/", "https://www.googleapis.com/auth/gmail.settings.basic"})
	require.NoError(d.t, err)
	s, err := gmail.NewService(ctx, option.WithEndpoint(d.Sim.URL()+"/"), option.WithHTTPClient(&http.Client{Transport: bearing(token)}))
	require.NoError(d.t, err)
	return s
}

type bearing string

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// newest reads the newest message of an account with a subject.
func (d *desk) newest(account, subject string) (*gmail.Message, letter) {
	d.t.Helper()
	g := d.gmail(account)
	list, err := g.Users.Messages.List("me").Q(`subject:"` + subject + `"`).Do()
	require.NoError(d.t, err)
	require.NotEmpty(d.t, list.Messages, "%s has no message %q", account, subject)
	m, err := g.Users.Messages.Get("me", list.Messages[0].Id).Format("raw").Do()
	require.NoError(d.t, err)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(m.Raw, "="))
	require.NoError(d.t, err)
	return m, opened(d.t, raw)
}

// opened takes a message apart with the standard library alone.
func opened(t *testing.T, raw []byte) letter {
	t.Helper()
	m, err := stdmail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	out := letter{Header: m.Header, files: map[string][]byte{}, inline: map[string][]byte{}}
	out.part(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Header.Get("Content-Disposition"), "", m.Body)
	return out
}

func (l *letter) part(t *testing.T, kind, encoding, disposition, id string, body io.Reader) {
	t.Helper()
	media, params, err := mime.ParseMediaType(kind)
	require.NoError(t, err, "%q", kind)
	if strings.HasPrefix(media, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return
			}
			require.NoError(t, err)
			l.part(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p.Header.Get("Content-Id"), p)
		}
	}
	switch encoding {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	how, named, _ := mime.ParseMediaType(disposition)
	switch {
	case how == "attachment":
		l.files[named["filename"]] = text
	case how == "inline":
		l.inline[strings.Trim(id, "<>")] = text
	case media == "text/html":
		l.html = string(text)
	default:
		l.text = string(text)
	}
}

func (l *letter) subject(t *testing.T) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(l.Get("Subject"))
	require.NoError(t, err)
	return s
}

// delivery puts a message into Mara's mailbox and gives it as it was synced.
func (d *desk) delivery(m control.Message) client.Email {
	d.t.Helper()
	if m.To == nil {
		m.To = []string{apptest.Mara}
	}
	at, err := d.Sim.Mail.Deliver(apptest.Mara, m)
	require.NoError(d.t, err)
	for range 50 {
		_, err = d.home.Sync(ctx, client.SyncRequest{}, 10*time.Second)
		require.NoError(d.t, err)
		page, err := d.home.Emails(ctx, client.EmailQuery{Limit: 20})
		require.NoError(d.t, err)
		for _, e := range page.Items {
			if e.GmailID == at.ID {
				whole, err := d.home.Email(ctx, e.ID)
				require.NoError(d.t, err)
				return whole
			}
		}
	}
	require.FailNow(d.t, "the message was not synced")
	return client.Email{}
}

func TestSend(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db)
		t.Run("text and HTML with files, to all kinds of names", func(t *testing.T) {
			pdf := bytes.Repeat([]byte{0, 1, 2, 254, 255}, 5000)
			o, err := d.home.Keyed("k1").Send(ctx, client.SendRequest{
				To: []string{"Jonas Okafor <" + apptest.Jonas + ">"}, Cc: []string{"Marchetti, Elena <" + apptest.Elena + ">"}, Bcc: []string{"hidden@elsewhere.example"},
				Subject: "Größen\u202e für Łódź 灯 €", HTML: `<p onclick="x()">Hello <b>Jonas</b></p><script>alert(1)</script>`,
				Attachments: []client.SendAttachment{{Name: "Übersicht\u202e 灯.pdf", Type: "application/pdf", Data: pdf}, {Name: "a.txt", Type: "text/plain; charset=utf-8", Data: []byte("x\r\ny")}},
			})
			require.NoError(t, err)
			require.Contains(t, []string{"queued", "sending", "sent"}, o.State)
			again, err := d.home.Keyed("k1").Send(ctx, client.SendRequest{To: []string{"somebody@else.example"}})
			require.Equal(t, "idempotency_key_reused", client.Code(err), "%+v", again)
			o = d.until(o.ID, sent)
			require.NotEmpty(t, o.GmailID)
			require.NotEmpty(t, o.ThreadID)
			require.Empty(t, o.Error)
			m, l := d.newest(apptest.Jonas, "Größen")
			require.NotContains(t, m.LabelIds, "SENT")
			require.Equal(t, "Größen für Łódź 灯 €", l.subject(t))
			require.Equal(t, pdf, l.files["Übersicht 灯.pdf"])
			require.Equal(t, "x\r\ny", string(l.files["a.txt"]))
			require.Contains(t, l.html, "<b>Jonas</b>")
			require.NotContains(t, l.html, "script")
			require.NotContains(t, l.html, "onclick")
			require.Equal(t, "Hello Jonas", strings.TrimSpace(l.text))
			require.Empty(t, l.Get("Bcc"))
			cc, err := l.AddressList("Cc")
			require.NoError(t, err)
			require.Equal(t, "Marchetti, Elena", cc[0].Name)
			from, err := l.AddressList("From")
			require.NoError(t, err)
			require.Equal(t, apptest.Mara, from[0].Address)
			require.NotEmpty(t, l.Get("Date"))
			// It appears among our own mail, and the row knows it.
			o = d.until(o.ID, func(o client.Outgoing) bool { return o.EmailID != "" })
			e, err := d.home.Email(ctx, o.EmailID)
			require.NoError(t, err)
			require.Equal(t, o.GmailID, e.GmailID)
		})
		t.Run("the same key gives the same row", func(t *testing.T) {
			in := client.SendRequest{To: []string{apptest.Jonas}, Subject: "Double click", Text: "x"}
			one, err := d.home.Keyed("k2").Send(ctx, in)
			require.NoError(t, err)
			two, err := d.home.Keyed("k2").Send(ctx, in)
			require.NoError(t, err)
			require.Equal(t, one.ID, two.ID)
			d.until(one.ID, sent)
			require.Equal(t, 1, d.copies("Double click"))
		})
		t.Run("undo", func(t *testing.T) {
			o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Rash", Text: "x", UndoSeconds: 30})
			require.NoError(t, err)
			require.True(t, o.CanCancel)
			o, err = d.home.CancelOutgoing(ctx, o.ID)
			require.NoError(t, err)
			require.Equal(t, "cancelled", o.State)
			require.False(t, o.CanCancel)
			o, err = d.home.CancelOutgoing(ctx, o.ID) // once more is harmless
			require.NoError(t, err)
			require.Equal(t, "cancelled", o.State)
			_, err = d.home.RetryOutgoing(ctx, o.ID)
			require.Equal(t, "conflict", client.Code(err))
			require.Zero(t, d.copies("Rash"))
		})
		t.Run("planned, moved, and too late", func(t *testing.T) {
			at := time.Now().Add(time.Hour)
			o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Planned", Text: "x", SendAt: &at})
			require.NoError(t, err)
			require.Equal(t, "queued", o.State)
			o, err = d.home.RescheduleOutgoing(ctx, o.ID, time.Now().Add(2*time.Hour))
			require.NoError(t, err)
			require.Equal(t, "queued", o.State)
			page, err := d.home.Outbox(ctx, "queued", client.Page{})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			_, err = d.home.RescheduleOutgoing(ctx, o.ID, time.Now())
			require.NoError(t, err)
			d.until(o.ID, sent)
			_, err = d.home.CancelOutgoing(ctx, o.ID)
			require.Equal(t, "too_late", client.Code(err))
			_, err = d.home.RescheduleOutgoing(ctx, o.ID, time.Now())
			require.Equal(t, "too_late", client.Code(err))
			_, err = d.home.RescheduleOutgoing(ctx, o.ID, time.Now().AddDate(3, 0, 0))
			require.Equal(t, "validation_failed", client.Code(err))
		})
		t.Run("what is not there is a mistake", func(t *testing.T) {
			for _, body := range []string{`{"to":["a@b.example"],"sendat":"2030-01-01T00:00:00Z"}`, `{"to":["a@b.example"],"attachments":[{"name":"x","date":"eA=="}]}`,
				`{"to":["a@b.example"],"attachments":[{"name":"x","data":"%%%"}]}`, `{"to":"a@b.example"}`, `{`, ``, `null`} {
				before := len(d.Sim.Mail.Sent())
				answer, text := d.post("/gmail/send", body)
				require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, answer.StatusCode, "%s: %s", body, text)
				require.Contains(t, text, `"code"`)
				require.Len(t, d.Sim.Mail.Sent(), before)
			}
		})
		t.Run("every state is told", func(t *testing.T) {
			limited, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			var states []string
			id := ""
			err := d.home.Events(limited, func(h client.Happening) error {
				if h.Kind == "ready" && id == "" {
					o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Told", Text: "x", UndoSeconds: 1})
					require.NoError(t, err)
					id = o.ID
				}
				if h.Kind == "mail.sending" && h.Data["outgoing_id"] == id {
					states = append(states, h.Data["state"].(string))
					if states[len(states)-1] == "sent" {
						return io.EOF
					}
				}
				return nil
			})
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, []string{"queued", "sending", "sent"}, states)
			log, err := d.home.Audit(ctx, client.AuditQuery{Action: "mail.send"})
			require.NoError(t, err)
			require.Equal(t, id, log.Items[0].Target)
			require.Equal(t, "to one recipient", log.Items[0].Detail)
		})
		t.Run("mistakes", func(t *testing.T) { d.mistakes(t) })
		t.Run("25 MB", func(t *testing.T) { d.large(t) })
	})
}

// post sends a body as it is.
func (d *desk) post(path, body string) (*http.Response, string) {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodPost, d.URL+"/api/v1/workspaces/"+d.Home+"/integrations/google"+path, strings.NewReader(body))
	require.NoError(d.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token(d.t, d.World, apptest.Mara))
	answer, err := http.DefaultClient.Do(r)
	require.NoError(d.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(d.t, err)
	return answer, string(text)
}

// copies counts what left Mara's mailbox with a subject.
func (d *desk) copies(subject string) int {
	n := 0
	for _, s := range d.Sim.Mail.Sent() {
		if s.From == apptest.Mara && s.Subject == subject && s.Why == "send" {
			n++
		}
	}
	return n
}

func (d *desk) mistakes(t *testing.T) {
	many := make([]string, 501)
	for i := range many {
		many[i] = "p" + strings.Repeat("a", i%50) + string(rune('a'+i%26)) + "@" + string(rune('a'+i/26)) + ".example"
	}
	before := len(d.Sim.Mail.Sent())
	for name, c := range map[string]struct {
		in          client.SendRequest
		code, field string
	}{
		"lists without end":  {client.SendRequest{To: []string{apptest.Jonas}, Attachments: make([]client.SendAttachment, 60_000)}, "validation_failed", "body"},
		"nobody":             {client.SendRequest{Subject: "x"}, "validation_failed", "to"},
		"no address":         {client.SendRequest{To: []string{"Jonas"}}, "validation_failed", "to"},
		"injected address":   {client.SendRequest{To: []string{"a@b.example\r\nBcc: evil@x.example"}}, "validation_failed", "to"},
		"injected name":      {client.SendRequest{To: []string{"A\nBcc: evil@x.example <a@b.example>"}}, "validation_failed", "to"},
		"injected cc":        {client.SendRequest{To: []string{apptest.Jonas}, Cc: []string{"a@b.example\x00"}}, "validation_failed", "cc"},
		"injected subject":   {client.SendRequest{To: []string{apptest.Jonas}, Subject: "Hi\r\nBcc: evil@x.example"}, "validation_failed", "subject"},
		"injected file name": {client.SendRequest{To: []string{apptest.Jonas}, Attachments: []client.SendAttachment{{Name: "a\r\nX: y", Data: []byte("x")}}}, "validation_failed", "attachments"},
		"injected type":      {client.SendRequest{To: []string{apptest.Jonas}, Attachments: []client.SendAttachment{{Name: "a", Type: "text/plain\r\nX: y", Data: []byte("x")}}}, "validation_failed", "attachments"},
		"injected from":      {client.SendRequest{To: []string{apptest.Jonas}, From: apptest.Mara + "\r\nX: y"}, "validation_failed", "from"},
		"too many":           {client.SendRequest{To: many}, "too_many_recipients", "to"},
		"foreign address":    {client.SendRequest{To: []string{apptest.Jonas}, From: "boss@northwind-lamps.example"}, "unknown_alias", "from"},
		"no such original":   {client.SendRequest{To: []string{apptest.Jonas}, ReplyToEmailID: "01900000-0000-7000-8000-000000000000"}, "not_found", ""},
		"no such connection": {client.SendRequest{To: []string{apptest.Jonas}, ConnectionID: "01900000-0000-7000-8000-000000000000"}, "not_found", ""},
		"reply and forward":  {client.SendRequest{To: []string{apptest.Jonas}, ReplyToEmailID: "a", ForwardEmailID: "b"}, "validation_failed", "forward_email_id"},
		"a year and more":    {client.SendRequest{To: []string{apptest.Jonas}, SendAt: new(time.Now().AddDate(2, 0, 0))}, "validation_failed", "send_at"},
		"draft of nobody's":  {client.SendRequest{To: []string{apptest.Jonas}, DraftID: "r-1", Attachments: []client.SendAttachment{{ID: "1"}}}, "not_found", ""},
		"undo for an hour":   {client.SendRequest{To: []string{apptest.Jonas}, UndoSeconds: 3600}, "validation_failed", "undo_seconds"},
		"undo before":        {client.SendRequest{To: []string{apptest.Jonas}, UndoSeconds: -1}, "validation_failed", "undo_seconds"},
		"file of nothing":    {client.SendRequest{To: []string{apptest.Jonas}, Attachments: []client.SendAttachment{{ID: "1"}}}, "unknown_attachment", "attachments"},
		"passed on, nothing": {client.SendRequest{To: []string{apptest.Jonas}, AttachmentIDs: &[]string{"1"}}, "unknown_attachment", "attachment_ids"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.home.Send(ctx, c.in)
			var p *client.Problem
			require.ErrorAs(t, err, &p)
			require.Equal(t, c.code, p.Code, p.Detail)
			if c.field != "" {
				require.Contains(t, p.Fields, c.field)
			}
		})
	}
	require.Len(t, d.Sim.Mail.Sent(), before, "nothing left")
}

// large sends what just fits, by the upload address, and is told about what does not.
func (d *desk) large(t *testing.T) {
	fits := bytes.Repeat([]byte("0123456789abcdef"), 18<<20/16)
	o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Big", Text: "x", Attachments: []client.SendAttachment{{Name: "big.bin", Data: fits}}})
	require.NoError(t, err)
	d.until(o.ID, sent)
	_, l := d.newest(apptest.Jonas, "Big")
	require.True(t, bytes.Equal(fits, l.files["big.bin"]))
	_, err = d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Bigger", Attachments: []client.SendAttachment{{Name: "big.bin", Data: make([]byte, 20<<20)}}})
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, "too_large", p.Code)
	require.Contains(t, p.Detail, "25 MB")
	_, err = d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Attachments: []client.SendAttachment{{Name: "huge.bin", Data: make([]byte, 31<<20)}}})
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusRequestEntityTooLarge, p.Status)
	require.Equal(t, "This message is too large: Gmail takes 25 MB, attachments encoded. Leave some out, or share them as links.", p.Detail)
}

func TestReplyAndForward(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db)
		settings := d.Sim.Mail.(interface {
			AddSendAs(account, email, name string, verified bool) bool
		})
		require.True(t, settings.AddSendAs(apptest.Mara, "sales@northwind-lamps.example", "Northwind Sales", true))
		require.True(t, settings.AddSendAs(apptest.Mara, "new@northwind-lamps.example", "Not yet", false))
		g := d.gmail(apptest.Mara)
		_, err := g.Users.Settings.SendAs.Patch("me", apptest.Mara, &gmail.SendAs{Signature: `<b>Mara Lindqvist</b><br>Northwind Lamps`}).Do()
		require.NoError(t, err)
		pixel, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
		require.NoError(t, err)
		raw := strings.ReplaceAll(`From: Elena Marchetti <`+apptest.Elena+`>
To: Mara <`+apptest.Mara+`>, Jonas Okafor <`+apptest.Jonas+`>, sales@northwind-lamps.example
Cc: "Sì, Ada" <ada@bellafonte-alberghi.example>
Subject: =?utf-8?q?Angebot_f=C3=BCr_Lampen?=
Message-ID: <first@bellafonte-alberghi.example>
References: <zero@bellafonte-alberghi.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p>Two lamps <img src="cid:logo@x"> please</p>
--r
Content-Type: image/png
Content-ID: <logo@x>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

`+base64.StdEncoding.EncodeToString(pixel)+`
--r--
--m
Content-Type: application/pdf
Content-Disposition: attachment; filename="order.pdf"
Content-Transfer-Encoding: base64

`+base64.StdEncoding.EncodeToString([]byte("%PDF order"))+`
--m--
`, "\n", "\r\n")
		e := d.delivery(control.Message{Raw: base64.RawURLEncoding.EncodeToString([]byte(raw))})

		t.Run("reply", func(t *testing.T) {
			c, err := d.home.Compose(ctx, e.ID, "reply")
			require.NoError(t, err)
			require.Regexp(t, `On \w{3}, .* at \d\d:\d\d UTC, Elena Marchetti`, c.Text, "a time that is told without a zone says which it is in")
			var near client.Composition
			at := "/api/v1/workspaces/" + d.Home + "/integrations/google/gmail/emails/" + e.ID + "/compose?time_zone="
			require.NoError(t, d.owner.Do(ctx, http.MethodGet, at+"Asia/Kolkata", nil, &near))
			kolkata, err := time.LoadLocation("Asia/Kolkata")
			require.NoError(t, err)
			require.Contains(t, near.Text, "On "+e.GmailDate.In(kolkata).Format("Mon, 2 Jan 2006 at 15:04")+", Elena Marchetti")
			require.Equal(t, "validation_failed", client.Code(d.owner.Do(ctx, http.MethodGet, at+"Moon/Base", nil, &near)))
			require.Equal(t, []string{"Elena Marchetti <" + apptest.Elena + ">"}, c.To)
			require.Empty(t, c.Cc)
			require.Equal(t, "Re: Angebot für Lampen", c.Subject)
			require.Equal(t, e.ID, c.ReplyToEmailID)
			require.Less(t, strings.Index(c.HTML, "Mara Lindqvist"), strings.Index(c.HTML, "Two lamps"), "the signature stands above the quotation")
			require.Contains(t, c.HTML, "blockquote")
			o, err := d.home.Send(ctx, client.SendRequest{To: c.To, Subject: c.Subject, HTML: "<p>Yes.</p>" + c.HTML, ReplyToEmailID: c.ReplyToEmailID})
			require.NoError(t, err)
			o = d.until(o.ID, sent)
			require.Equal(t, e.GmailThreadID, o.ThreadID, "Gmail keeps it in the conversation")
			_, l := d.newest(apptest.Elena, "Angebot")
			require.Equal(t, "<first@bellafonte-alberghi.example>", l.Get("In-Reply-To"))
			require.Equal(t, "<zero@bellafonte-alberghi.example> <first@bellafonte-alberghi.example>", l.Get("References"))
			require.Equal(t, "Re: Angebot für Lampen", l.subject(t))
			require.Equal(t, pixel, l.inline["logo@x"], "pictures of the original travel along")
			require.Contains(t, l.html, `src="cid:logo@x"`)
			require.Empty(t, l.files)
		})
		t.Run("another subject is another conversation", func(t *testing.T) {
			o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Elena}, Subject: "Something else", Text: "x", ReplyToEmailID: e.ID})
			require.NoError(t, err)
			o = d.until(o.ID, sent)
			require.NotEqual(t, e.GmailThreadID, o.ThreadID)
		})
		t.Run("reply to all", func(t *testing.T) {
			c, err := d.home.Compose(ctx, e.ID, "reply_all")
			require.NoError(t, err)
			require.Equal(t, []string{"Elena Marchetti <" + apptest.Elena + ">"}, c.To)
			require.Equal(t, []string{"Jonas Okafor <" + apptest.Jonas + ">", "Sì, Ada <ada@bellafonte-alberghi.example>"}, c.Cc, "without our own addresses")
		})
		t.Run("forward", func(t *testing.T) {
			c, err := d.home.Compose(ctx, e.ID, "forward")
			require.NoError(t, err)
			require.Empty(t, c.To)
			require.Equal(t, "Fwd: Angebot für Lampen", c.Subject)
			require.Contains(t, c.HTML, "Forwarded message")
			require.Len(t, c.Attachments, 1)
			o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: c.Subject, HTML: c.HTML, ForwardEmailID: c.ForwardEmailID})
			require.NoError(t, err)
			o = d.until(o.ID, sent)
			_, l := d.newest(apptest.Jonas, "Fwd")
			require.Equal(t, "%PDF order", string(l.files["order.pdf"]))
			require.Len(t, l.files, 1)
			require.Contains(t, l.text, "From: Elena Marchetti")
			none := []string{}
			o, err = d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Fwd without", HTML: "x", ForwardEmailID: e.ID, AttachmentIDs: &none})
			require.NoError(t, err)
			d.until(o.ID, sent)
			_, l = d.newest(apptest.Jonas, "without")
			require.Empty(t, l.files)
			for field, in := range map[string]client.SendRequest{"attachments": {Attachments: []client.SendAttachment{{ID: "nothing"}}}, "attachment_ids": {AttachmentIDs: &[]string{"nothing"}}} {
				in.To, in.Subject, in.ForwardEmailID = []string{apptest.Jonas}, "Fwd of nothing", e.ID
				_, err = d.home.Send(ctx, in)
				var p *client.Problem
				require.ErrorAs(t, err, &p)
				require.Equal(t, "unknown_attachment", p.Code)
				require.Contains(t, p.Fields, field)
			}
			// Opened again later, a draft shows its pictures in the text, and keeps them there.
			begun, err := d.home.SaveDraft(ctx, client.SendRequest{Subject: "Fwd later", HTML: c.HTML, ForwardEmailID: e.ID})
			require.NoError(t, err)
			again, err := d.home.Draft(ctx, "", begun.ID)
			require.NoError(t, err)
			require.Equal(t, begun, again, "saving answers what reading does")
			require.Contains(t, again.HTML, `src="data:image/png;base64,`+base64.StdEncoding.EncodeToString(pixel)+`"`)
			require.Len(t, again.Attachments, 1, "the order alone, not the picture")
			o, err = d.home.Send(ctx, client.SendRequest{DraftID: again.ID, To: []string{apptest.Jonas}, Subject: "Fwd later", HTML: again.HTML,
				Attachments: []client.SendAttachment{{ID: again.Attachments[0].ID}}})
			require.NoError(t, err)
			d.until(o.ID, sent)
			_, l = d.newest(apptest.Jonas, "later")
			require.Len(t, l.files, 1)
			require.Equal(t, [][]byte{pixel}, slices.Collect(maps.Values(l.inline)))

			// A draft of a forward keeps its own files, beside those passed on.
			draft, err := d.home.SaveDraft(ctx, client.SendRequest{Subject: "Fwd drafted", HTML: "x", ForwardEmailID: e.ID, AttachmentIDs: &none,
				Attachments: []client.SendAttachment{{Name: "plan.txt", Type: "text/plain", Data: []byte("plan")}}})
			require.NoError(t, err)
			require.Len(t, draft.Attachments, 1)
			o, err = d.home.Send(ctx, client.SendRequest{DraftID: draft.ID, To: []string{apptest.Jonas}, Subject: "Fwd drafted", HTML: "x", ForwardEmailID: e.ID,
				AttachmentIDs: &[]string{c.Attachments[0].ID}, Attachments: []client.SendAttachment{{ID: draft.Attachments[0].ID}}})
			require.NoError(t, err)
			d.until(o.ID, sent)
			_, l = d.newest(apptest.Jonas, "drafted")
			require.Equal(t, "plan", string(l.files["plan.txt"]))
			require.Equal(t, "%PDF order", string(l.files["order.pdf"]))
		})
		t.Run("aliases", func(t *testing.T) {
			list, err := d.home.SendAs(ctx, "")
			require.NoError(t, err)
			require.Len(t, list, 3)
			require.Equal(t, []bool{true, true, false}, []bool{list[0].Verified, list[1].Verified, list[2].Verified})
			require.Contains(t, list[0].SignatureHTML, "<b>Mara Lindqvist</b>")
			o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "From sales", Text: "x", From: "sales@northwind-lamps.example"})
			require.NoError(t, err)
			d.until(o.ID, sent)
			_, l := d.newest(apptest.Jonas, "From sales")
			from, err := l.AddressList("From")
			require.NoError(t, err)
			require.Equal(t, stdmail.Address{Name: "Northwind Sales", Address: "sales@northwind-lamps.example"}, *from[0])
			_, err = d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Text: "x", From: "new@northwind-lamps.example"})
			require.Equal(t, "alias_not_verified", client.Code(err))
		})
		t.Run("a conversation that is gone is no obstacle", func(t *testing.T) {
			_, err := g.Users.Threads.Trash("me", e.GmailThreadID).Do()
			require.NoError(t, err)
			require.NoError(t, g.Users.Threads.Delete("me", e.GmailThreadID).Do())
			o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Elena}, Subject: "Re: Angebot für Lampen", Text: "late", ReplyToEmailID: e.ID})
			if client.Code(err) == "not_found" { // the deletion was synced already
				return
			}
			require.NoError(t, err)
			o = d.until(o.ID, sent)
			require.NotEqual(t, e.GmailThreadID, o.ThreadID)
		})
	})
}

// TestConversation: an answer to an answer to an answer stays in one conversation
// at both ends.
func TestConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db)
		elena := d.gmail(apptest.Elena)
		o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Elena}, Subject: "Lamps for the lobby", Text: "How many?"})
		require.NoError(t, err)
		o = d.until(o.ID, sent)
		here, there := o.ThreadID, ""
		for round := range 3 {
			got, l := d.newest(apptest.Elena, "lobby")
			if there == "" {
				there = got.ThreadId
			}
			require.Equal(t, there, got.ThreadId, "round %d, at her end", round)
			raw := "From: " + apptest.Elena + "\r\nTo: " + apptest.Mara + "\r\nSubject: Re: Lamps for the lobby\r\nIn-Reply-To: " + l.Get("Message-Id") +
				"\r\nReferences: " + strings.TrimSpace(l.Get("References")+" "+l.Get("Message-Id")) + "\r\n\r\nFour, round " + string(rune('a'+round)) + "\r\n"
			_, err := elena.Users.Messages.Send("me", &gmail.Message{ThreadId: there, Raw: base64.RawURLEncoding.EncodeToString([]byte(raw))}).Do()
			require.NoError(t, err)
			e := d.fromElena(round + 1)
			require.Equal(t, here, e.GmailThreadID, "round %d, here", round)
			c, err := d.home.Compose(ctx, e.ID, "reply")
			require.NoError(t, err)
			o, err = d.home.Send(ctx, client.SendRequest{To: c.To, Subject: c.Subject, HTML: "<p>Round " + string(rune('a'+round)) + "</p>" + c.HTML, ReplyToEmailID: e.ID})
			require.NoError(t, err)
			o = d.until(o.ID, sent)
			require.Equal(t, here, o.ThreadID)
		}
	})
}

// fromElena waits for the n-th message of Elena's in the conversation about the
// lobby and gives the newest.
func (d *desk) fromElena(n int) client.EmailItem {
	d.t.Helper()
	for range 100 {
		_, err := d.home.Sync(ctx, client.SyncRequest{}, 10*time.Second)
		require.NoError(d.t, err)
		page, err := d.home.Emails(ctx, client.EmailQuery{Q: "from:" + apptest.Elena + " subject:lobby"})
		require.NoError(d.t, err)
		if len(page.Items) == n {
			return page.Items[0]
		}
	}
	require.FailNow(d.t, "her answer was not synced")
	return client.EmailItem{}
}

func TestDrafts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db)
		made, err := d.home.SaveDraft(ctx, client.SendRequest{Subject: "An idea", HTML: "<p>One</p>", Attachments: []client.SendAttachment{{Name: "plan.txt", Type: "text/plain", Data: []byte("plan")}}})
		require.NoError(t, err)
		require.NotEmpty(t, made.ID)
		require.Equal(t, "An idea", made.Subject)
		require.Len(t, made.Attachments, 1)
		list, err := d.home.Drafts(ctx, "", client.Page{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, "An idea", list.Items[0].Subject)
		kept := client.SendAttachment{ID: made.Attachments[0].ID}
		edited, err := d.home.SaveDraft(ctx, client.SendRequest{DraftID: made.ID, To: []string{apptest.Jonas}, Subject: "A better idea", HTML: "<p>Two</p>", Attachments: []client.SendAttachment{kept}})
		require.NoError(t, err)
		require.Equal(t, made.ID, edited.ID)
		require.NotEqual(t, made.GmailMessageID, edited.GmailMessageID)
		require.Equal(t, "Two", strings.TrimSpace(edited.Text))
		require.Len(t, edited.Attachments, 1)
		one, err := d.home.SendDraft(ctx, "", made.ID, client.SendDraft{})
		require.NoError(t, err)
		two, err := d.home.SendDraft(ctx, "", made.ID, client.SendDraft{})
		require.NoError(t, err)
		require.Equal(t, one.ID, two.ID)
		d.until(one.ID, sent)
		three, err := d.home.SendDraft(ctx, "", made.ID, client.SendDraft{})
		require.NoError(t, err)
		require.Equal(t, one.ID, three.ID, "after it was sent, too")
		require.Equal(t, 1, d.copies("A better idea"))
		_, l := d.newest(apptest.Jonas, "better")
		require.Equal(t, "plan", string(l.files["plan.txt"]))
		_, err = d.home.Draft(ctx, "", made.ID)
		require.Equal(t, "not_found", client.Code(err))

		second, err := d.home.SaveDraft(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Composer", Text: "x"})
		require.NoError(t, err)
		o, err := d.home.Send(ctx, client.SendRequest{DraftID: second.ID, To: []string{apptest.Jonas}, Subject: "Composer at last", Text: "y"})
		require.NoError(t, err)
		d.until(o.ID, sent)
		list, err = d.home.Drafts(ctx, "", client.Page{})
		require.NoError(t, err)
		require.Empty(t, list.Items, "the draft is gone with it")
		require.Equal(t, 1, d.copies("Composer at last"))

		third, err := d.home.SaveDraft(ctx, client.SendRequest{Subject: "Nothing"})
		require.NoError(t, err)
		_, err = d.home.SendDraft(ctx, "", third.ID, client.SendDraft{})
		require.Equal(t, "validation_failed", client.Code(err), "a draft without recipients")
		require.NoError(t, d.home.DeleteDraft(ctx, "", third.ID))
		require.NoError(t, d.home.DeleteDraft(ctx, "", third.ID))

		fourth, err := d.home.SaveDraft(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Gone meanwhile", Text: "x"})
		require.NoError(t, err)
		o, err = d.home.Send(ctx, client.SendRequest{DraftID: fourth.ID, To: []string{apptest.Jonas}, Subject: "Gone meanwhile", Text: "x", SendAt: new(time.Now().Add(time.Hour))})
		require.NoError(t, err)
		require.NoError(t, d.gmail(apptest.Mara).Users.Drafts.Delete("me", fourth.ID).Do())
		_, err = d.home.RescheduleOutgoing(ctx, o.ID, time.Now())
		require.NoError(t, err)
		o = d.until(o.ID, func(o client.Outgoing) bool { return o.State == "failed" })
		require.Contains(t, o.Error, "draft")
		require.Zero(t, d.copies("Gone meanwhile"))
	})
}

// TestSendingPermission: without the permission to send, the way to give it is
// named.
func TestSendingPermission(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		w := apptest.Start(t, db)
		owner := w.SetUp()
		require.Equal(t, "degraded", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara, Scopes: []string{"https://www.googleapis.com/auth/gmail.readonly"}}))
		home := owner.Workspace(w.Home)
		_, err := home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "x", Text: "x"})
		var p *client.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, "insufficient_permission", p.Code)
		require.Contains(t, p.ActionURL, "/integrations/google/connect?redirect=1&connection_id=")
		require.Equal(t, []string{"https://www.googleapis.com/auth/gmail.send"}, p.Scopes)
		// Others' outboxes do not exist, keys see their own.
		jonas := w.AddMember(owner, apptest.Jonas, "member")
		require.Equal(t, "connected", w.Connect(jonas, client.ConnectWish{}, apptest.Consent{Account: apptest.Jonas}))
		o, err := jonas.Workspace(w.Home).Send(ctx, client.SendRequest{To: []string{apptest.Mara}, Subject: "Mine", Text: "x", UndoSeconds: 30})
		require.NoError(t, err)
		_, err = home.Outgoing(ctx, o.ID)
		require.Equal(t, "not_found", client.Code(err))
		_, err = home.CancelOutgoing(ctx, o.ID)
		require.Equal(t, "not_found", client.Code(err))
		list, err := home.Outbox(ctx, "", client.Page{})
		require.NoError(t, err)
		require.Empty(t, list.Items)
	})
}

// TestSendingLimit: Gmail's daily limit is waited for, in words.
func TestSendingLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db)
		_, err := d.Sim.Front.Faults.Add(front.Fault{Method: "messages.send", Kind: "status", Status: 429, Reason: "rateLimitExceeded", RetryAfter: []byte("14400")})
		require.NoError(t, err)
		o, err := d.home.Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Tomorrow then", Text: "x"})
		require.NoError(t, err)
		o = d.until(o.ID, func(o client.Outgoing) bool { return o.State == "retry" })
		require.Contains(t, o.Error, "limit")
		require.Contains(t, o.NextStep, "4 hours")
		require.WithinDuration(t, time.Now().Add(4*time.Hour), *o.NextTryAt, time.Minute)
	})
}

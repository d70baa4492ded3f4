package gmail_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	api "google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"rapport/simulator"
	"rapport/simulator/control"
	"rapport/simulator/front"
	"rapport/simulator/gmail"
	"rapport/simulator/world"
)

// start of the clock in tests: a Friday afternoon.
var start = time.Date(2026, 11, 20, 15, 4, 0, 0, time.UTC)

const (
	mara  = "mara@lamps.example"
	jonas = "jonas@lamps.example"
	elena = "elena@hotel.example"
	full  = "https://mail.google.com/"
)

// house is a simulator with a few accounts, talked to by Google's own client.
type house struct {
	t   *testing.T
	sim *simulator.Simulator
}

func open(t *testing.T, messages int) *house {
	t.Helper()
	opt := simulator.Options{
		Seed: 1, Quota: "none",
		Now: func() time.Time { return start },
		Accounts: []simulator.Account{
			{Email: mara, Name: "Mara Lind", Domain: "lamps.example", Messages: messages, Seed: 7},
			{Email: jonas, Name: "Jonas Berg", Domain: "lamps.example"},
			{Email: elena, Name: "Elena Conti", Domain: "hotel.example", Kind: world.Outside},
		},
	}
	sim, err := simulator.New(opt)
	require.NoError(t, err)
	if sim.Mail == nil { // the assembly has no mail room of its own
		opt.Rooms = []simulator.RoomMaker{func(k simulator.Kit) (front.Room, error) { return gmail.New(k.World, k.Publisher), nil }}
		require.NoError(t, sim.Close())
		sim, err = simulator.New(opt)
		require.NoError(t, err)
	}
	require.NoError(t, sim.Start("127.0.0.1:0"))
	t.Cleanup(func() { require.NoError(t, sim.Close()) })
	return &house{t, sim}
}

func (h *house) room() *gmail.Room { return h.sim.Mail.(*gmail.Room) }

// as returns Google's client with a token of an account; no scopes means all.
func (h *house) as(email string, scopes ...string) *api.UsersService {
	h.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{full, "https://www.googleapis.com/auth/gmail.settings.basic"}
	}
	tokens := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: h.token(email, scopes...)})
	client := &http.Client{Transport: &oauth2.Transport{Source: tokens, Base: &checked{t: h.t}}}
	svc, err := api.NewService(context.Background(), option.WithEndpoint(h.sim.URL()), option.WithHTTPClient(client))
	require.NoError(h.t, err)
	return svc.Users
}

func (h *house) token(email string, scopes ...string) string {
	h.t.Helper()
	body := fmt.Sprintf(`{"client_id":%q,"scopes":["%s"]}`, world.DemoClientID, strings.Join(scopes, `","`))
	resp, err := http.Post(h.sim.URL()+"/_sim/accounts/"+email+"/token", "application/json", strings.NewReader(body))
	require.NoError(h.t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	require.Equal(h.t, 200, resp.StatusCode, "%s", out)
	var tok struct {
		AccessToken string `json:"access_token"`
	}
	unmarshal(h.t, out, &tok)
	return tok.AccessToken
}

// deliver puts a message into a mailbox and returns its id.
func (h *house) deliver(to string, m control.Message) string {
	h.t.Helper()
	if m.From == "" {
		m.From = "Paula Stern <paula@shop.example>"
	}
	d, err := h.sim.Mail.Deliver(to, m)
	require.NoError(h.t, err)
	return d.ID
}

func raw(lines ...string) string {
	return base64.URLEncoding.EncodeToString([]byte(strings.Join(lines, "\r\n")))
}

// refused checks status, reason and text of an error.
func refused(t *testing.T, err error, code int, reason, message string) {
	t.Helper()
	var g *googleapi.Error
	require.True(t, errors.As(err, &g), "%v", err)
	require.Equal(t, code, g.Code, g.Body)
	require.Equal(t, message, g.Message)
	require.NotEmpty(t, g.Errors, g.Body)
	require.Equal(t, reason, g.Errors[0].Reason)
}

func TestProfile(t *testing.T) {
	h := open(t, 50)
	p, err := h.as(mara).GetProfile("me").Do()
	require.NoError(t, err)
	require.Equal(t, mara, p.EmailAddress)
	require.EqualValues(t, 50, p.MessagesTotal)
	require.Less(t, p.ThreadsTotal, int64(50))
	require.NotZero(t, p.HistoryId)
	_, err = h.as(mara).GetProfile("MARA@lamps.example").Do()
	require.NoError(t, err)
	_, err = h.as(mara).GetProfile(jonas).Do()
	refused(t, err, 403, "forbidden", "Delegation denied for "+jonas)
}

func TestFormats(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	id := h.deliver(mara, control.Message{
		Subject: "Café – prices & \"terms\"", Text: "Don't forget the <offer>.\n\nPaula", HTML: "<p>Don't forget</p>",
		Attachments: []control.Attachment{{Name: "prices.csv", Type: "text/csv", Data: base64.StdEncoding.EncodeToString([]byte("a;b\n"))}},
	})
	m, err := u.Messages.Get("me", id).Do()
	require.NoError(t, err)
	require.Equal(t, id, m.ThreadId)
	require.Equal(t, []string{"UNREAD", "INBOX"}, m.LabelIds)
	require.Equal(t, "Don&#39;t forget the &lt;offer&gt;. Paula", m.Snippet)
	require.Equal(t, start.UnixMilli(), m.InternalDate)
	require.Empty(t, m.Raw)
	require.Equal(t, "multipart/mixed", m.Payload.MimeType)
	require.Equal(t, "", m.Payload.PartId)
	require.Equal(t, "Café – prices & \"terms\"", header(m.Payload, "Subject"))
	require.Equal(t, []string{"0", "1"}, []string{m.Payload.Parts[0].PartId, m.Payload.Parts[1].PartId})
	alt := m.Payload.Parts[0]
	require.Equal(t, "text/plain", alt.Parts[0].MimeType)
	require.Equal(t, "0.0", alt.Parts[0].PartId)
	require.Contains(t, decode(t, alt.Parts[0].Body.Data), "Don't forget the <offer>.")
	file := m.Payload.Parts[1]
	require.Equal(t, "prices.csv", file.Filename)
	require.Empty(t, file.Body.Data)
	require.EqualValues(t, 4, file.Body.Size)

	t.Run("attachment ids change and are bound to their message", func(t *testing.T) {
		again, err := u.Messages.Get("me", id).Do()
		require.NoError(t, err)
		require.NotEqual(t, file.Body.AttachmentId, again.Payload.Parts[1].Body.AttachmentId)
		for _, aid := range []string{file.Body.AttachmentId, again.Payload.Parts[1].Body.AttachmentId} {
			a, err := u.Messages.Attachments.Get("me", id, aid).Do()
			require.NoError(t, err)
			require.Equal(t, "a;b\n", decode(t, a.Data))
		}
		other := h.deliver(mara, control.Message{Subject: "x", Text: "y"})
		_, err = u.Messages.Attachments.Get("me", other, file.Body.AttachmentId).Do()
		refused(t, err, 400, "invalidArgument", "Invalid attachment token")
		h.sim.World.Clock.Advance(25 * time.Hour)
		defer h.sim.World.Clock.Reset()
		_, err = h.as(mara).Messages.Attachments.Get("me", id, file.Body.AttachmentId).Do()
		refused(t, err, 400, "invalidArgument", "Invalid attachment token")
	})
	t.Run("minimal", func(t *testing.T) {
		m, err := u.Messages.Get("me", id).Format("minimal").Do()
		require.NoError(t, err)
		require.Nil(t, m.Payload)
		require.NotEmpty(t, m.Snippet)
	})
	t.Run("metadata", func(t *testing.T) {
		m, err := u.Messages.Get("me", id).Format("metadata").MetadataHeaders("subject", "From").Do()
		require.NoError(t, err)
		require.Len(t, m.Payload.Headers, 2)
		require.Empty(t, m.Payload.Parts)
		m, err = u.Messages.Get("me", id).Format("metadata").Do()
		require.NoError(t, err)
		require.Greater(t, len(m.Payload.Headers), 8)
	})
	t.Run("raw", func(t *testing.T) {
		m, err := u.Messages.Get("me", id).Format("raw").Do()
		require.NoError(t, err)
		require.Nil(t, m.Payload)
		require.Contains(t, decode(t, m.Raw), "Delivered-To: "+mara)
		require.EqualValues(t, len(decode(t, m.Raw)), m.SizeEstimate)
	})
	t.Run("ids", func(t *testing.T) {
		_, err := u.Messages.Get("me", "nonsense").Do()
		refused(t, err, 400, "invalidArgument", "Invalid id value")
		_, err = u.Messages.Get("me", "18c0000000000000").Do()
		refused(t, err, 404, "notFound", "Requested entity was not found.")
	})
}

// Text parts come as UTF-8 whatever their Content-Type says.
func TestCharsets(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	id := h.deliver(mara, control.Message{Raw: base64.StdEncoding.EncodeToString([]byte("From: a@b.example\r\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n" +
		"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSch\xf6ne Gr\xfc\xdfe\r\n"))})
	m, err := u.Messages.Get("me", id).Do()
	require.NoError(t, err)
	require.Equal(t, "Schöne Grüße\r\n", decode(t, m.Payload.Body.Data))
	require.Equal(t, "Schöne Grüße", m.Snippet)
	require.Equal(t, "Grüße", header(m.Payload, "Subject"))
	require.Equal(t, "text/plain; charset=iso-8859-1", header(m.Payload, "Content-Type"))
}

func header(p *api.MessagePart, name string) string {
	for _, h := range p.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

func decode(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.URLEncoding.DecodeString(s)
	require.NoError(t, err)
	return string(b)
}

func TestListPagesAreStable(t *testing.T) {
	h := open(t, 230)
	u := h.as(mara)
	seen := map[string]bool{}
	var last int64 = 1 << 62
	token := ""
	for pages := 0; ; pages++ {
		res, err := u.Messages.List("me").MaxResults(50).IncludeSpamTrash(true).PageToken(token).Do()
		require.NoError(t, err)
		for _, m := range res.Messages {
			require.False(t, seen[m.Id])
			seen[m.Id] = true
			got, err := u.Messages.Get("me", m.Id).Format("minimal").Do()
			require.NoError(t, err)
			require.LessOrEqual(t, got.InternalDate, last, "newest first")
			last = got.InternalDate
		}
		h.deliver(mara, control.Message{Subject: "in between", Text: "x"})
		if token = res.NextPageToken; token == "" {
			require.Equal(t, 4, pages)
			break
		}
		_, err = u.Messages.List("me").Q("other").PageToken(token).Do()
		refused(t, err, 400, "invalidArgument", "Invalid pageToken")
	}
	require.Len(t, seen, 230)
	res, err := u.Messages.List("me").Q("subject:nowhere-to-be-found").Do()
	require.NoError(t, err)
	require.Nil(t, res.Messages)
	require.Zero(t, res.ResultSizeEstimate)
}

func TestMetadataScope(t *testing.T) {
	h := open(t, 20)
	for _, scopes := range [][]string{
		{"https://www.googleapis.com/auth/gmail.metadata"},
		{"https://www.googleapis.com/auth/gmail.metadata", "https://www.googleapis.com/auth/gmail.readonly"},
	} {
		u := h.as(mara, scopes...)
		res, err := u.Messages.List("me").LabelIds("INBOX").Do()
		require.NoError(t, err)
		_, err = u.Messages.List("me").Q("x").Do()
		refused(t, err, 403, "forbidden", "Metadata scope does not support 'q' parameter")
		id := res.Messages[0].Id
		_, err = u.Messages.Get("me", id).Do()
		refused(t, err, 403, "forbidden", "Metadata scope doesn't allow format FULL")
		_, err = u.Messages.Get("me", id).Format("raw").Do()
		refused(t, err, 403, "forbidden", "Metadata scope doesn't allow format RAW")
		m, err := u.Messages.Get("me", id).Format("metadata").Do()
		require.NoError(t, err)
		require.Empty(t, m.Snippet)
		require.NotEmpty(t, m.Payload.Headers)
	}
}

func TestLabels(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	l, err := u.Labels.Create("me", &api.Label{Name: "Customers/Hotels", Color: &api.LabelColor{TextColor: "#ffffff", BackgroundColor: "#4a86e8"}}).Do()
	require.NoError(t, err)
	require.Equal(t, "Label_1", l.Id)
	require.Equal(t, "user", l.Type)
	for _, c := range []struct {
		name    string
		colour  *api.LabelColor
		code    int
		reason  string
		message string
	}{
		{"customers/hotels", nil, 409, "aborted", "Label name exists or conflicts"},
		{"Inbox", nil, 400, "invalidArgument", "Invalid label name"},
		{"Promotions", nil, 400, "invalidArgument", "Invalid label name"},
		{"travel", nil, 400, "invalidArgument", "Invalid label name"},
		{"", nil, 400, "invalidArgument", "Invalid label name"},
		{strings.Repeat("x", 226), nil, 400, "invalidArgument", "Invalid label name"},
		{"Blue", &api.LabelColor{TextColor: "#123456", BackgroundColor: "#4a86e8"}, 400, "invalidArgument", "Label color #4a86e8 is not on the allowed color palette"},
	} {
		_, err := u.Labels.Create("me", &api.Label{Name: c.name, Color: c.colour}).Do()
		refused(t, err, c.code, c.reason, c.message)
	}
	list, err := u.Labels.List("me").Do()
	require.NoError(t, err)
	var ids []string
	for _, l := range list.Labels {
		ids = append(ids, l.Id)
	}
	require.Equal(t, []string{"CHAT", "SENT", "INBOX", "IMPORTANT", "TRASH", "DRAFT", "SPAM"}, ids[:7])
	require.Equal(t, "Label_1", ids[len(ids)-1])

	id := h.deliver(mara, control.Message{Subject: "a", Text: "b"})
	_, err = u.Messages.Modify("me", id, &api.ModifyMessageRequest{AddLabelIds: []string{"Label_1"}}).Do()
	require.NoError(t, err)
	got, err := u.Labels.Get("me", "Label_1").Do()
	require.NoError(t, err)
	require.Equal(t, [4]int64{1, 1, 1, 1}, [4]int64{got.MessagesTotal, got.MessagesUnread, got.ThreadsTotal, got.ThreadsUnread})
	renamed, err := u.Labels.Patch("me", "Label_1", &api.Label{Name: "Guests"}).Do()
	require.NoError(t, err)
	require.Equal(t, "Guests", renamed.Name)
	require.Equal(t, "#4a86e8", renamed.Color.BackgroundColor)
	require.NoError(t, u.Labels.Delete("me", "Label_1").Do())
	m, err := u.Messages.Get("me", id).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"UNREAD", "INBOX"}, m.LabelIds)
	_, err = u.Labels.Get("me", "Label_1").Do()
	refused(t, err, 404, "notFound", "Requested entity was not found.")
	err = u.Labels.Delete("me", "INBOX").Do()
	refused(t, err, 400, "invalidArgument", "Invalid delete request")
}

func TestModify(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	id := h.deliver(mara, control.Message{Subject: "a", Text: "b"})
	m, err := u.Messages.Modify("me", id, &api.ModifyMessageRequest{AddLabelIds: []string{"STARRED"}, RemoveLabelIds: []string{"UNREAD"}}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"STARRED", "INBOX"}, m.LabelIds)
	require.Zero(t, m.HistoryId)
	m, err = u.Messages.Modify("me", id, &api.ModifyMessageRequest{AddLabelIds: []string{"SPAM"}}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"STARRED", "SPAM"}, m.LabelIds)
	m, err = u.Messages.Modify("me", id, &api.ModifyMessageRequest{RemoveLabelIds: []string{"SPAM"}}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"STARRED"}, m.LabelIds, "no place label comes back")
	m, err = u.Messages.Trash("me", id).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"STARRED", "TRASH"}, m.LabelIds)
	m, err = u.Messages.Untrash("me", id).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"STARRED"}, m.LabelIds)
	for _, bad := range []string{"ALL_MAIL", "SENT", "DRAFT", "Label_99"} {
		_, err = u.Messages.Modify("me", id, &api.ModifyMessageRequest{AddLabelIds: []string{bad}}).Do()
		refused(t, err, 400, "invalidArgument", "Invalid label: "+bad)
	}
	require.NoError(t, u.Messages.BatchModify("me", &api.BatchModifyMessagesRequest{Ids: []string{id, "18c0000000000000"}, AddLabelIds: []string{"INBOX"}}).Do())
	m, err = u.Messages.Get("me", id).Do()
	require.NoError(t, err)
	require.Contains(t, m.LabelIds, "INBOX")
	ids := make([]string, 1001)
	for i := range ids {
		ids[i] = id
	}
	require.Error(t, u.Messages.BatchModify("me", &api.BatchModifyMessagesRequest{Ids: ids, AddLabelIds: []string{"INBOX"}}).Do())
	require.NoError(t, u.Messages.Delete("me", id).Do())
	refused(t, u.Messages.Delete("me", id).Do(), 404, "notFound", "Requested entity was not found.")
	require.NoError(t, u.Messages.BatchDelete("me", &api.BatchDeleteMessagesRequest{Ids: []string{id}}).Do())
}

func TestDrafts(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	d, err := u.Drafts.Create("me", &api.Draft{Message: &api.Message{Raw: raw("To: "+elena, "Subject: Offer", "", "one")}}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"DRAFT"}, d.Message.LabelIds)
	d2, err := u.Drafts.Update("me", d.Id, &api.Draft{Message: &api.Message{Raw: raw("To: "+elena, "Subject: Offer", "", "two")}}).Do()
	require.NoError(t, err)
	require.Equal(t, d.Id, d2.Id)
	require.NotEqual(t, d.Message.Id, d2.Message.Id)
	_, err = u.Messages.Get("me", d.Message.Id).Do()
	refused(t, err, 404, "notFound", "Requested entity was not found.")
	list, err := u.Drafts.List("me").Do()
	require.NoError(t, err)
	require.Len(t, list.Drafts, 1)
	got, err := u.Drafts.Get("me", d.Id).Format("raw").Do()
	require.NoError(t, err)
	require.Contains(t, decode(t, got.Message.Raw), "two")
	sent, err := u.Drafts.Send("me", &api.Draft{Id: d.Id}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"SENT"}, sent.LabelIds)
	require.NotEqual(t, d2.Message.Id, sent.Id)
	_, err = u.Drafts.Get("me", d.Id).Do()
	refused(t, err, 404, "notFound", "Requested entity was not found.")
	inbox, err := h.as(elena).Messages.List("me").Do()
	require.NoError(t, err)
	require.Len(t, inbox.Messages, 1)
	_, err = u.Drafts.Create("me", &api.Draft{Message: &api.Message{}}).Do()
	refused(t, err, 400, "invalidArgument", "'raw' RFC822 payload message string or uploading message via /upload/* URL required")
}

func TestSettings(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	list, err := u.Settings.SendAs.List("me").Do()
	require.NoError(t, err)
	require.Len(t, list.SendAs, 1)
	require.True(t, list.SendAs[0].IsPrimary)
	s, err := u.Settings.SendAs.Patch("me", mara, &api.SendAs{Signature: `<b onclick="x()">Mara</b><script>alert(1)</script>`}).Do()
	require.NoError(t, err)
	require.Equal(t, "<b>Mara</b>", s.Signature)
	_, err = u.Settings.SendAs.Get("me", "nobody@lamps.example").Do()
	refused(t, err, 404, "notFound", "Requested entity was not found.")
	require.True(t, h.room().AddSendAs(mara, "sales@lamps.example", "Sales", true))
	_, err = u.Settings.SendAs.Patch("me", "sales@lamps.example", &api.SendAs{Signature: "x"}).Do()
	require.Error(t, err)
}

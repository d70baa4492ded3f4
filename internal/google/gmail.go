package google

import (
	"context"
	"fmt"
	"net/http"
	"time"

	gmail "google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/vault"
)

// Tokens gives access tokens of grants; the vault does.
type Tokens interface {
	Token(ctx context.Context, id crm.GrantID) (vault.Access, error)
	// Renew gives another token than the refused one.
	Renew(ctx context.Context, id crm.GrantID, refused crm.Secret) (vault.Access, error)
}

// Gmail opens mailboxes; it implements mail.Mailboxes.
type Gmail struct {
	Tokens  Tokens
	Limiter *Limiter
	OnUsage func(Usage) // optional; called for each attempt of a call

	base      string
	client    *http.Client
	userAgent string
	service   *gmail.Service
	now       func() time.Time
	after     func(d time.Duration, do func())
}

var (
	_ mail.Mailboxes = (*Gmail)(nil)
	_ mail.Mailbox   = (*mailbox)(nil)
	_ mail.Estimator = (*mailbox)(nil)
)

// GmailOptions of NewGmail. Now, After and UserAgent may be empty.
type GmailOptions struct {
	Endpoints Endpoints
	Client    *http.Client // of NewHTTPClient
	Tokens    Tokens
	Limiter   *Limiter
	Now       func() time.Time
	After     func(d time.Duration, do func()) // as in LimiterOptions, for pauses between tries
	UserAgent string                           // "Rapport/1.2"
	OnUsage   func(Usage)
}

// NewGmail makes the door to Gmail.
func NewGmail(o GmailOptions) (*Gmail, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.UserAgent == "" {
		o.UserAgent = "Rapport"
	}
	// The library does not retry, and is given tokens call by call.
	s, err := gmail.NewService(context.Background(), option.WithHTTPClient(o.Client), option.WithEndpoint(o.Endpoints.Gmail))
	if err != nil {
		return nil, fmt.Errorf("making the Gmail client: %w", err)
	}
	s.UserAgent = o.UserAgent
	return &Gmail{Tokens: o.Tokens, Limiter: o.Limiter, OnUsage: o.OnUsage,
		base: o.Endpoints.Gmail, client: o.Client, userAgent: o.UserAgent, service: s, now: o.Now, after: o.After}, nil
}

// mailbox is one opened mailbox. All mailboxes of one account share quota,
// cool-down and gate through account.
type mailbox struct {
	*line
	door       *Gmail
	connection crm.Connection
}

// gmailReading are the scopes of which one opens a mailbox.
var gmailReading = []string{vault.ScopeGmailReadonly, vault.ScopeGmailMetadata}

// Open opens the mailbox of a connection. fault.Reconnect when the grant is
// dead, fault.Permission when it has no scope to read mail.
func (g *Gmail) Open(ctx context.Context, c crm.Connection, p mail.Priority) (mail.Mailbox, error) {
	if c.GrantID == "" {
		return nil, &fault.Error{Kind: fault.Reconnect, Code: "google_reauthorization_required", Text: "This account is not connected."}
	}
	a, err := g.Tokens.Token(ctx, c.GrantID)
	if err != nil {
		return nil, err
	}
	if len(vault.Missing(a.Scopes, gmailReading)) == len(gmailReading) {
		return nil, noPermission(vault.ScopeGmailReadonly)
	}
	return g.open(c, p, a), nil
}

func (g *Gmail) open(c crm.Connection, p mail.Priority, a vault.Access) *mailbox {
	return &mailbox{door: g, connection: c, line: &line{tokens: g.Tokens, grant: c.GrantID, usedBy: c.ID, priority: p,
		account: g.Limiter.account(string(a.Client), c.GoogleSub), onUsage: g.OnUsage, now: g.now, after: g.after, access: a, asked: g.now()}}
}

func noPermission(scope string) error {
	return &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: []string{scope},
		Text: "The permission to read mail was not given at Google."}
}

// metadataOnly: headers and labels, no bodies, no searches.
func (m *mailbox) metadataOnly() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return vault.MetadataOnly(m.access.Scopes)
}

func (m *mailbox) format() string {
	if m.metadataOnly() {
		return "metadata"
	}
	return "full"
}

// Spent is the quota units used through this mailbox so far.
func (m *mailbox) Spent() int64 { return m.spent.Load() }

func (m *mailbox) cost(method string) int64 { return m.door.Limiter.quota.cost(method) }

// Estimate says what n messages cost one by one, and how long that takes from now.
func (m *mailbox) Estimate(n int64) (int64, time.Duration) {
	units := n*m.cost("messages.get") + (n+listPage-1)/listPage*m.cost("messages.list")
	return units, m.account.units.takes(float64(units), m.priority)
}

// ordinary makes a call through Google's client library.
func (m *mailbox) ordinary(ctx context.Context, method string, do func(ctx context.Context, header func(http.Header)) error) error {
	return m.call(ctx, spend{method, m.cost(method), 1}, false, func(ctx context.Context, token crm.Secret) (int, error) {
		err := do(ctx, func(h http.Header) { h.Set("Authorization", "Bearer "+token.Reveal()) })
		if err != nil {
			return 0, fromCall(err, m.now())
		}
		return 1, nil
	})
}

// Profile reads users.getProfile.
func (m *mailbox) Profile(ctx context.Context) (mail.Profile, error) {
	var out mail.Profile
	err := m.ordinary(ctx, "getProfile", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.GetProfile("me").Context(ctx)
		header(c.Header())
		p, err := c.Do()
		if err == nil {
			out = mail.Profile{Email: p.EmailAddress, Messages: p.MessagesTotal, Threads: p.ThreadsTotal, HistoryID: p.HistoryId}
		}
		return err
	})
	if err != nil {
		return mail.Profile{}, fmt.Errorf("reading the profile: %w", err)
	}
	return out, nil
}

// Labels reads users.labels.list.
func (m *mailbox) Labels(ctx context.Context) ([]crm.Label, error) {
	var out []crm.Label
	err := m.ordinary(ctx, "labels.list", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Labels.List("me").Context(ctx)
		header(c.Header())
		list, err := c.Do()
		if err != nil {
			return err
		}
		out = out[:0]
		for _, l := range list.Labels {
			label := crm.Label{ID: l.Id, Name: l.Name, Type: l.Type}
			if l.Color != nil {
				label.TextColor, label.BackgroundColor = l.Color.TextColor, l.Color.BackgroundColor
			}
			out = append(out, label)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing labels: %w", err)
	}
	return out, nil
}

// listPage is the largest page of messages.list and history.list.
const listPage = 500

// List gives a page of message ids, newest first. fault.Stale when Google does
// not take the page token any more.
func (m *mailbox) List(ctx context.Context, l mail.Listing, page string) (mail.Listed, error) {
	if l.Query != "" && m.metadataOnly() {
		return mail.Listed{}, noPermission(vault.ScopeGmailReadonly)
	}
	var out mail.Listed
	err := m.ordinary(ctx, "messages.list", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Messages.List("me").MaxResults(listPage).LabelIds(l.Labels...).Context(ctx)
		if l.Query != "" {
			c.Q(l.Query)
		}
		if l.IncludeSpamTrash {
			c.IncludeSpamTrash(true)
		}
		if page != "" {
			c.PageToken(page)
		}
		header(c.Header())
		list, err := c.Do()
		if err != nil {
			return err
		}
		out = mail.Listed{Next: list.NextPageToken, Estimate: list.ResultSizeEstimate, Refs: make([]mail.Ref, len(list.Messages))}
		for i, x := range list.Messages {
			out.Refs[i] = mail.Ref{ID: x.Id, ThreadID: x.ThreadId}
		}
		return nil
	})
	if fault.Is(err, fault.Invalid) && page != "" {
		err = &fault.Error{Kind: fault.Stale, Text: "Google has forgotten this position in the listing.", Err: err}
	}
	if err != nil {
		return mail.Listed{}, fmt.Errorf("listing messages: %w", err)
	}
	return out, nil
}

// History gives a page of changes. Google forgets old history ids: 404 means
// fault.Stale, an ordinary state (users.history.list).
func (m *mailbox) History(ctx context.Context, since uint64, page string) (mail.HistoryPage, error) {
	var out mail.HistoryPage
	err := m.ordinary(ctx, "history.list", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.History.List("me").StartHistoryId(since).MaxResults(listPage).Context(ctx)
		if page != "" {
			c.PageToken(page)
		}
		header(c.Header())
		list, err := c.Do()
		if err != nil {
			return err
		}
		out = mail.HistoryPage{Next: list.NextPageToken, HistoryID: list.HistoryId}
		for _, h := range list.History {
			out.Records = appendRecords(out.Records, h)
		}
		return nil
	})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) && page != "" {
		err = &fault.Error{Kind: fault.Stale, Text: "Google has forgotten this position in the mailbox's history.", Err: err}
	}
	if err != nil {
		return mail.HistoryPage{}, fmt.Errorf("listing history: %w", err)
	}
	return out, nil
}

// appendRecords flattens one history record. Within it, additions come before
// label changes before deletions: a message that was added and deleted appears
// in both.
func appendRecords(out []mail.HistoryRecord, h *gmail.History) []mail.HistoryRecord {
	add := func(kind mail.HistoryKind, x *gmail.Message, added, removed []string) {
		if x == nil || x.Id == "" {
			return
		}
		r := mail.HistoryRecord{ID: h.Id, Kind: kind, Ref: mail.Ref{ID: x.Id, ThreadID: x.ThreadId}, Added: added, Removed: removed}
		if kind != mail.MessageDeleted {
			r.Labels = append([]string{}, x.LabelIds...) // no labels left is not nil
		}
		out = append(out, r)
	}
	for _, x := range h.MessagesAdded {
		add(mail.MessageAdded, x.Message, nil, nil)
	}
	for _, x := range h.LabelsAdded {
		add(mail.LabelsChanged, x.Message, x.LabelIds, nil)
	}
	for _, x := range h.LabelsRemoved {
		add(mail.LabelsChanged, x.Message, nil, x.LabelIds)
	}
	for _, x := range h.MessagesDeleted {
		add(mail.MessageDeleted, x.Message, nil, nil)
	}
	return out
}

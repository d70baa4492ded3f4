// Command go-plugin shows how a program works with a user's Google account
// through Rapport: it asks Rapport for an access token of a service and calls
// Google with Google's own client library. It keeps no secrets of Google.
//
// Settings are environment variables: RAPPORT_URL, RAPPORT_API_KEY,
// RAPPORT_USER_ID, and, all optional, GOOGLE_BASE_URL (a simulator), MAIL_TO,
// SPREADSHEET_ID. Arguments choose the services; none means all.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/drive/v3"
	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/meet/v2"
	"google.golang.org/api/option"
	"google.golang.org/api/sheets/v4"
)

// rapport gives tokens of one user's Google account.
type rapport struct {
	url, key, user string
	http           *http.Client
}

// problem is how Rapport says no (RFC 9457).
type problem struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	ActionURL string `json:"action_url"` // where to go to change that
}

func (p *problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
	if p.ActionURL != "" {
		text += "\n  authorise at: " + p.ActionURL
	}
	return text
}

// service is a source of tokens for one service, as Google's libraries want one.
type service struct {
	*rapport
	ctx  context.Context
	name string
}

// Token asks Rapport, which refreshes at Google where it has to.
func (s service) Token() (*oauth2.Token, error) {
	address := s.url + "/api/token/" + url.PathEscape(s.user) + "/" + url.PathEscape(s.name)
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		no := &problem{Status: res.StatusCode}
		_ = json.NewDecoder(res.Body).Decode(no) // the status says enough
		return nil, no
	}
	var t struct {
		AccessToken string    `json:"access_token"`
		ExpiresAt   time.Time `json:"expires_at"`
	}
	if err := json.NewDecoder(res.Body).Decode(&t); err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	return &oauth2.Token{AccessToken: t.AccessToken, Expiry: t.ExpiresAt}, nil
}

// options make a client of Google's library for a service; path is what an API's
// address has behind the host. The first token is fetched at once, so that a
// missing authorisation shows before anything is done.
func (r *rapport) options(ctx context.Context, name, path string) ([]option.ClientOption, error) {
	source := service{r, ctx, name}
	first, err := source.Token()
	if err != nil {
		return nil, err
	}
	out := []option.ClientOption{option.WithTokenSource(oauth2.ReuseTokenSource(first, source))}
	if base := strings.TrimRight(os.Getenv("GOOGLE_BASE_URL"), "/"); base != "" {
		out = append(out, option.WithEndpoint(base+path))
	}
	return out, nil
}

func (r *rapport) gmail(ctx context.Context) (string, error) {
	opts, err := r.options(ctx, "gmail", "/")
	if err != nil {
		return "", err
	}
	g, err := gmail.NewService(ctx, opts...)
	if err != nil {
		return "", err
	}
	me, err := g.Users.GetProfile("me").Context(ctx).Do()
	if err != nil {
		return "", err
	}
	to := os.Getenv("MAIL_TO")
	if to == "" {
		to = me.EmailAddress
	}
	text := "From: " + me.EmailAddress + "\r\nTo: " + to + "\r\nSubject: Hello from the Go plugin\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSent with a token that Rapport gave.\r\n"
	sent, err := g.Users.Messages.Send("me", &gmail.Message{Raw: base64.URLEncoding.EncodeToString([]byte(text))}).Context(ctx).Do()
	if err != nil {
		return "", err
	}
	return "sent message " + sent.Id + " to " + to, nil
}

func (r *rapport) drive(ctx context.Context) (string, error) {
	opts, err := r.options(ctx, "drive", "/drive/v3/")
	if err != nil {
		return "", err
	}
	d, err := drive.NewService(ctx, opts...)
	if err != nil {
		return "", err
	}
	list, err := d.Files.List().Q("trashed = false").PageSize(10).Fields("files(id,name)").Context(ctx).Do()
	if err != nil {
		return "", err
	}
	made, err := d.Files.Create(&drive.File{Name: "From the Go plugin.txt", MimeType: "text/plain"}).Media(strings.NewReader("Hello.")).Context(ctx).Do()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("saw %d files, created file %s", len(list.Files), made.Id), nil
}

func (r *rapport) sheets(ctx context.Context) (string, error) {
	opts, err := r.options(ctx, "sheets", "/")
	if err != nil {
		return "", err
	}
	s, err := sheets.NewService(ctx, opts...)
	if err != nil {
		return "", err
	}
	id := os.Getenv("SPREADSHEET_ID")
	if id == "" {
		book, err := s.Spreadsheets.Create(&sheets.Spreadsheet{Properties: &sheets.SpreadsheetProperties{Title: "From the Go plugin"}}).Context(ctx).Do()
		if err != nil {
			return "", err
		}
		id = book.SpreadsheetId
	}
	row := &sheets.ValueRange{Values: [][]any{{"go", time.Now().UTC().Format(time.DateOnly), 1}}}
	done, err := s.Spreadsheets.Values.Append(id, "A1", row).ValueInputOption("USER_ENTERED").Context(ctx).Do()
	if err != nil {
		return "", err
	}
	return "appended " + done.Updates.UpdatedRange + " to spreadsheet " + id, nil
}

func (r *rapport) meet(ctx context.Context) (string, error) {
	opts, err := r.options(ctx, "meet", "/")
	if err != nil {
		return "", err
	}
	m, err := meet.NewService(ctx, opts...)
	if err != nil {
		return "", err
	}
	space, err := m.Spaces.Create(&meet.Space{}).Context(ctx).Do()
	if err != nil {
		return "", err
	}
	return "created " + space.Name + ", join at " + space.MeetingUri, nil
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := &rapport{url: strings.TrimRight(os.Getenv("RAPPORT_URL"), "/"), key: os.Getenv("RAPPORT_API_KEY"), user: os.Getenv("RAPPORT_USER_ID"), http: &http.Client{Timeout: 30 * time.Second}}
	if r.url == "" || r.key == "" || r.user == "" {
		fmt.Fprintln(os.Stderr, "set RAPPORT_URL, RAPPORT_API_KEY and RAPPORT_USER_ID")
		os.Exit(1)
	}
	if !r.run(ctx, os.Args[1:]) {
		os.Exit(1)
	}
}

// run does what the services stand for and reports whether all of it worked.
func (r *rapport) run(ctx context.Context, services []string) bool {
	all := true
	for _, step := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{{"gmail", r.gmail}, {"drive", r.drive}, {"sheets", r.sheets}, {"meet", r.meet}} {
		if len(services) > 0 && !slices.Contains(services, step.name) {
			continue
		}
		done, err := step.do(ctx)
		if err != nil {
			done, all = "not done: "+err.Error(), false
		}
		fmt.Println(step.name + ": " + done)
	}
	return all
}

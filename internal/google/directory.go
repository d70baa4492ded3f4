package google

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	admin "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/option"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/org"
	"rapport/internal/vault"
)

// Directory reads the directory of Google Workspace organisations (Admin SDK,
// users.list); it implements org.Directory.
type Directory struct {
	tokens  Tokens
	limiter *Limiter
	onUsage func(Usage)
	service *admin.Service
	now     func() time.Time
	after   func(d time.Duration, do func())
}

var _ org.Directory = (*Directory)(nil)

// DirectoryOptions of NewDirectory. Now, After, UserAgent and OnUsage may be
// empty.
type DirectoryOptions struct {
	Endpoints Endpoints
	Client    *http.Client // of NewHTTPClient
	Tokens    Tokens
	Now       func() time.Time
	After     func(d time.Duration, do func()) // as in LimiterOptions
	UserAgent string
	OnUsage   func(Usage)
}

// directoryQuota: the Directory API counts queries, 2,400 a minute for each user
// of a project (its page "Quota limits"); other programs of the project read, too.
var directoryQuota = Quota{Name: "directory", PerUser: 1200, PerProject: 12000}

// NewDirectory makes the door to the Directory API.
func NewDirectory(o DirectoryOptions) (*Directory, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.UserAgent == "" {
		o.UserAgent = "Rapport"
	}
	s, err := admin.NewService(context.Background(), option.WithHTTPClient(o.Client), option.WithEndpoint(o.Endpoints.Directory))
	if err != nil {
		return nil, fmt.Errorf("making the Directory client: %w", err)
	}
	s.UserAgent = o.UserAgent
	return &Directory{tokens: o.Tokens, limiter: NewLimiter(directoryQuota, LimiterOptions{Now: o.Now, After: o.After}),
		onUsage: o.OnUsage, service: s, now: o.Now, after: o.After}, nil
}

// directoryPage is the largest page of users.list.
const directoryPage = 500

const directoryFields = "nextPageToken,users(id,primaryEmail,aliases,nonEditableAliases,emails,name/fullName,thumbnailPhotoUrl,orgUnitPath,suspended,archived,isAdmin,isMailboxSetup)"

var directoryReading = []string{vault.ScopeDirectory, strings.TrimSuffix(vault.ScopeDirectory, ".readonly")}

// Users gives a page of the users of the organisation of the grant's account,
// ordered by address, suspended ones and those without a mailbox included. query
// is what somebody typed: words that a name or an address begins with.
// fault.Permission when the grant lacks the scope, fault.Forbidden when the
// account is no administrator or has no organisation, fault.Stale when the cursor
// has expired (after three days), fault.Reconnect when the grant is dead.
func (d *Directory) Users(ctx context.Context, g crm.GrantID, query, cursor string, n int) ([]org.DirectoryUser, string, error) {
	a, err := d.tokens.Token(ctx, g)
	if err != nil {
		return nil, "", fmt.Errorf("reading the directory: %w", err)
	}
	if len(vault.Missing(a.Scopes, directoryReading)) == len(directoryReading) {
		return nil, "", &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: directoryReading[:1],
			Text: "The permission to read the organisation's directory was not given at Google."}
	}
	l := &line{tokens: d.tokens, grant: g, priority: mail.Interactive, account: d.limiter.account(string(a.Client), string(g)),
		onUsage: d.onUsage, now: d.now, after: d.after, access: a, asked: d.now()}
	var page *admin.Users
	err = l.call(ctx, spend{"directory.users.list", 1, 1}, false, func(ctx context.Context, token crm.Secret) (int, error) {
		c := d.service.Users.List().Customer("my_customer").OrderBy("email").MaxResults(int64(min(max(n, 1), directoryPage))).
			PageToken(cursor).Query(directoryQuery(query)).Fields(directoryFields).Context(ctx)
		c.Header().Set("Authorization", "Bearer "+token.Reveal())
		var err error
		if page, err = c.Do(); err != nil {
			return 0, fromCall(err, d.now())
		}
		return 1, nil
	})
	if cursor != "" && fault.Is(err, fault.Invalid) {
		err = &fault.Error{Kind: fault.Stale, Code: "bad_cursor", Text: "The list of people has changed at Google since this page was made. Begin again.", Err: err}
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the directory: %w", err)
	}
	users := make([]org.DirectoryUser, len(page.Users))
	for i, u := range page.Users {
		users[i] = directoryUser(u)
	}
	return users, page.NextPageToken, nil
}

func directoryUser(u *admin.User) org.DirectoryUser {
	out := org.DirectoryUser{ID: u.Id, Email: strings.ToLower(u.PrimaryEmail), PhotoURL: u.ThumbnailPhotoUrl, OrgUnit: u.OrgUnitPath,
		Aliases: otherAddresses(u), Suspended: u.Suspended, Archived: u.Archived, Admin: u.IsAdmin, NoMailbox: !u.IsMailboxSetup}
	if u.Name != nil {
		out.Name = u.Name.FullName
	}
	return out
}

// otherAddresses are all addresses of a user besides the first. What an
// administrator noted as an address elsewhere (emails) is among them.
func otherAddresses(u *admin.User) []string {
	all := slices.Concat(u.Aliases, u.NonEditableAliases)
	noted, _ := u.Emails.([]any) // the library leaves its shape open
	for _, e := range noted {
		entry, _ := e.(map[string]any)
		address, _ := entry["address"].(string)
		all = append(all, address)
	}
	var out []string
	for _, a := range all {
		if a = strings.ToLower(a); a != "" && a != strings.ToLower(u.PrimaryEmail) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// directoryQuery writes typed words as the guide "Search for users" wants them:
// a word without a field is compared with given name, family name and address,
// one with an @ can only be an address.
func directoryQuery(text string) string {
	var clauses []string
	for _, word := range strings.Fields(text) {
		address := strings.Contains(word, "@")
		word = strings.Trim(word, "*@")
		switch {
		case word == "":
		case address && strings.Trim(strings.ToLower(word), "abcdefghijklmnopqrstuvwxyz0123456789.-_+@") == "":
			clauses = append(clauses, "email:"+word+"*")
		default:
			clauses = append(clauses, quotedWord(word))
		}
	}
	return strings.Join(clauses, " ")
}

// quotedWord puts a word in quotes where something in it means something else.
func quotedWord(word string) string {
	if !strings.ContainsAny(word, `'\:=*<>[](),`) {
		return word
	}
	word = strings.ReplaceAll(word, "*", " ")
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(word) + "'"
}

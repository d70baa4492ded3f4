package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/vault"
)

// What doctor looks at at Google before anybody is connected: addresses, clock,
// the OAuth client and what is registered with it.

const (
	credentialsPage = "https://console.cloud.google.com/apis/credentials"
	audiencePage    = "https://console.cloud.google.com/auth/audience"
)

// endpoints asks each of Google's addresses.
func (x *examination) endpoints(ctx context.Context) Finding {
	e := x.config.Endpoints()
	for _, p := range []struct{ name, address string }{
		{"The keys of id tokens", e.JWKS}, {"The token endpoint", e.Token}, {"The consent page", e.Auth}, {"The revocation", e.Revoke},
		{"The userinfo endpoint", e.Userinfo}, {"The Gmail API", e.Gmail},
	} {
		answer, err := x.ask(ctx, http.MethodGet, p.address, nil)
		if err != nil {
			return broken("Check the network, a proxy (HTTPS_PROXY), and the GOOGLE_ addresses.", "%s (%s) cannot be reached: %s", p.name, p.address, lastWord(err))
		}
		if answer.status >= 500 || p.address == e.JWKS && answer.status != http.StatusOK {
			return broken("Try again later; check the GOOGLE_ addresses.", "%s (%s) answered %d.", p.name, p.address, answer.status)
		}
		if p.address != e.JWKS {
			continue
		}
		if !holdsKeys(answer.body) {
			return broken("Look at the network: a proxy, or the sign-in page of a network, answers in Google's place. Then check GOOGLE_JWKS_URL and GOOGLE_BASE_URL.",
				"%s (%s) are not what came back: something else than Google answers.", p.name, p.address)
		}
		x.date = answer.date
	}
	return good("All answer (%s).", e.Token)
}

// holdsKeys reports whether an answer is a list of public keys.
func holdsKeys(body []byte) bool {
	var list struct {
		Keys []struct {
			Kind string `json:"kty"`
			ID   string `json:"kid"`
		}
	}
	return json.Unmarshal(body, &list) == nil && len(list.Keys) > 0 && list.Keys[0].Kind != "" && list.Keys[0].ID != ""
}

// Clocks that are away by more than this: Google's tokens and codes are good for
// minutes, and its signatures say when they were made.
const (
	skewBroken = 5 * time.Minute
	skewWarned = 30 * time.Second
)

func (x *examination) clock(context.Context) Finding {
	theirs, err := http.ParseTime(x.date)
	if err != nil {
		return skipped("Google's time is not known.")
	}
	skew := x.now().Sub(theirs).Round(time.Second)
	const fix = "Let this machine keep its clock by NTP (timedatectl set-ntp true)."
	switch away := skew.Abs(); {
	case away > skewBroken:
		return broken(fix, "This machine's clock is %s from Google's; sign-in and tokens will fail.", ahead(skew))
	case away > skewWarned:
		return warned(fix, "This machine's clock is %s from Google's.", ahead(skew))
	default:
		return good("Within %s of Google's.", max(away, time.Second))
	}
}

func ahead(skew time.Duration) string {
	if skew < 0 {
		return (-skew).String() + " behind, away"
	}
	return skew.String() + " ahead, away"
}

// oauthClient redeems a code that cannot exist: a known client gets
// invalid_grant, an unknown one or a wrong secret invalid_client.
func (x *examination) oauthClient(ctx context.Context) Finding {
	client, err := x.defaultClient(ctx)
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound):
		return at(x.config.PublicURL+"/admin/google", broken("Make one in Google Cloud (docs/guides/google-cloud-setup.md), then enter its id and secret on the page Google credentials, or set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
			"None is configured."))
	case err != nil:
		return at(x.config.PublicURL+"/admin/google", broken("Enter its secret again on the page Google credentials.", "The stored OAuth client cannot be used: %s", plain(err)))
	}
	answer, err := x.ask(ctx, http.MethodPost, x.config.Endpoints().Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {"4/rapport-doctor"}, "client_id": {client.GoogleID},
		"client_secret": {client.Secret.Reveal()}, "redirect_uri": {x.config.GoogleRedirectURI},
	})
	if err != nil {
		return broken("Try again.", "The token endpoint cannot be reached: %s", lastWord(err))
	}
	switch says := errorOf(answer); says {
	case "invalid_grant":
		x.google = &client
		return good("Google knows the client and its secret.")
	case "redirect_uri_mismatch": // the client is fine; which URI is missing is said below
		x.google = &client
		return good("Google knows the client and its secret.")
	case "deleted_client":
		return at(credentialsPage, broken("Restore it in Google Cloud within 30 days, or make a new one and enter its id and secret.", "The OAuth client was deleted at Google."))
	case "invalid_client", "unauthorized_client":
		return at(credentialsPage, broken("Copy the client's id and secret again from Google Cloud, to the page Google credentials or to GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.", "Google refuses the client or its secret (%s).", says))
	default:
		return warned("Try again later.", "The token endpoint answered %d %s, which says nothing about the client.", answer.status, says)
	}
}

// defaultClient is what new connections are made with.
func (x *examination) defaultClient(ctx context.Context) (vault.Client, error) {
	if x.app == nil {
		return clients{config: x.config}.environment()
	}
	if _, err := x.home(ctx); err != nil && !fault.Is(err, fault.NotFound) {
		return vault.Client{}, err
	}
	return x.app.clients.Default(ctx, x.workspace)
}

// publishing tells an app in Testing by what became of its grants: Google says
// it nowhere else.
func (x *examination) publishing(ctx context.Context) Finding {
	if _, err := x.home(ctx); err != nil {
		return skipped("There is no workspace yet, or several: name one with --workspace.")
	}
	list, err := x.app.Vault.Health(ctx, x.workspace)
	if err != nil {
		return broken("Start the database again.", "The grants cannot be counted: %s", plain(err))
	}
	i := slices.IndexFunc(list, func(h vault.ClientHealth) bool { return h.Testing && (x.google == nil || h.Client == x.google.ID) })
	if i < 0 {
		if len(list) == 0 {
			return skipped("Nobody is connected yet; Google tells it by what it grants.")
		}
		return good("Nothing points to Testing: no grant ends by itself.")
	}
	const fix = "In Google Cloud (Google Auth Platform → Audience): choose Internal when everybody who connects is in your organisation, else press “Publish app”. Then let everybody connect once more."
	h := list[i]
	if h.Countdown == nil {
		return at(audiencePage, warned(fix, "The app is in Testing at Google: every connection ends seven days after consent. %s", h.Evidence))
	}
	left := h.Countdown.Sub(x.now())
	if left <= 0 {
		return at(audiencePage, warned(fix, "The app is in Testing at Google: every connection ends seven days after consent, and the time of at least one is over. %s", h.Evidence))
	}
	return at(audiencePage, warned(fix, "The app is in Testing at Google: every connection ends seven days after consent, the next one in %s (%s). %s",
		daysAndHours(left), h.Countdown.UTC().Format("2 January 15:04 MST"), h.Evidence))
}

func daysAndHours(d time.Duration) string {
	days, hours := int(d.Hours())/24, int(d.Hours())%24
	switch {
	case days > 0:
		return counted(days, "day", "days") + " " + counted(hours, "hour", "hours")
	case hours > 0:
		return counted(hours, "hour", "hours")
	}
	return counted(max(1, int(d.Minutes())), "minute", "minutes")
}

// errorOf is the "error" of an OAuth answer, "" when there is none.
func errorOf(a doctorAnswer) string {
	var says struct{ Error string }
	if json.Unmarshal(a.body, &says) != nil {
		return ""
	}
	return says.Error
}

// redirect asks the consent page, for nobody, whether it would send people back
// to us. With prompt=none it shows no page: it sends the browser to a registered
// URI with an error, and says redirect_uri_mismatch itself for another.
func (x *examination) redirect(ctx context.Context, uri string) Finding {
	if x.google == nil {
		return skipped("Not looked at, because it is not known whether the client is right.")
	}
	to, err := url.Parse(x.config.Endpoints().Auth)
	if err != nil {
		return broken("Correct GOOGLE_AUTH_URL.", "%s is not an address.", x.config.Endpoints().Auth)
	}
	q := to.Query()
	for k, v := range map[string]string{
		"client_id": x.google.GoogleID, "redirect_uri": uri, "response_type": "code", "scope": "openid", "state": "rapport-doctor", "prompt": "none",
	} {
		q.Set(k, v)
	}
	to.RawQuery = q.Encode()
	answer, err := x.ask(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return broken("Try again.", "The consent page cannot be reached: %s", lastWord(err))
	}
	switch why := pageError(answer, uri); why {
	case "":
		return good("%s is registered.", uri)
	case "redirect_uri_mismatch":
		return at(credentialsPage, broken("In Google Cloud (APIs & Services → Credentials → the client → Authorised redirect URIs) add exactly: "+uri, "%s is not registered with the OAuth client.", uri))
	case "unknown":
		return warned("", "Google's answer (%d) does not tell whether %s is registered.", answer.status, uri)
	default:
		return at(credentialsPage, broken("See Google's page about this client.", "Google refuses to open the consent page: %s.", why))
	}
}

var pageErrors = []string{"redirect_uri_mismatch", "invalid_client", "deleted_client", "disabled_client", "org_internal", "invalid_request"}

// pageError is what Google's page says, "" when it would have gone on.
func pageError(a doctorAnswer, uri string) string {
	text := a.location
	if strings.HasPrefix(text, uri) {
		return ""
	}
	if u, err := url.Parse(a.location); err == nil && u.Query().Get("authError") != "" {
		// The error page's address holds the error in an encoded message.
		coded := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(u.Query().Get("authError"), "="))
		decoded, _ := base64.RawStdEncoding.DecodeString(coded) // what cannot be decoded says nothing
		text = string(decoded)
	}
	if a.status/100 != 3 {
		text = string(a.body)
	}
	for _, e := range pageErrors {
		if strings.Contains(text, e) {
			return e
		}
	}
	if a.status/100 == 3 || a.status == http.StatusOK {
		return "" // a page to sign in on
	}
	return "unknown"
}

package oauth_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// browser walks the pages as a person does: it only follows what is on them.
type browser struct {
	t       *testing.T
	client  *http.Client
	address *url.URL
	status  int
	page    *html.Node
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t: t, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// open loads a page; where it was sent to instead is returned when the answer
// leads away.
func (b *browser) open(address string) *url.URL {
	b.t.Helper()
	resp, err := b.client.Get(address)
	require.NoError(b.t, err)
	return b.took(resp)
}

func (b *browser) took(resp *http.Response) *url.URL {
	b.t.Helper()
	defer resp.Body.Close()
	b.status, b.address = resp.StatusCode, resp.Request.URL
	if to := resp.Header.Get("Location"); to != "" {
		u, err := resp.Request.URL.Parse(to)
		require.NoError(b.t, err)
		return u
	}
	body, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	b.page, err = html.Parse(strings.NewReader(string(body)))
	require.NoError(b.t, err)
	return nil
}

func find(n *html.Node, ok func(*html.Node) bool) *html.Node {
	if n == nil || (n.Type == html.ElementNode && ok(n)) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if got := find(c, ok); got != nil {
			return got
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func (b *browser) element(id string) *html.Node {
	return find(b.page, func(n *html.Node) bool { return attr(n, "id") == id })
}

func (b *browser) text(id string) string {
	b.t.Helper()
	n := b.element(id)
	require.NotNil(b.t, n, "no element %s", id)
	var s strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			s.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.TrimSpace(s.String())
}

func (b *browser) inputs(name string) []*html.Node {
	var out []*html.Node
	find(b.page, func(n *html.Node) bool {
		if n.Data == "input" && attr(n, "name") == name {
			out = append(out, n)
		}
		return false
	})
	return out
}

// ticked returns the scopes whose boxes are ticked when the page appears.
func (b *browser) ticked() (all, on []string) {
	for _, n := range b.inputs("scope") {
		all = append(all, attr(n, "value"))
		if has(n, "checked") {
			on = append(on, attr(n, "value"))
		}
	}
	return all, on
}

// press submits the form of a button. tick says which boxes are ticked; nil
// leaves them as they are on the page.
func (b *browser) press(id string, tick []string) *url.URL {
	b.t.Helper()
	button := b.element(id)
	require.NotNil(b.t, button, "no button %s", id)
	form := button
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	require.NotNil(b.t, form)
	values := url.Values{}
	find(form, func(n *html.Node) bool {
		if n.Data != "input" {
			return false
		}
		name, value := attr(n, "name"), attr(n, "value")
		if attr(n, "type") == "checkbox" {
			on := has(n, "checked")
			if tick != nil {
				on = slices.Contains(tick, value) || slices.Contains(tick, name)
			}
			if !on {
				return false
			}
		}
		values.Add(name, value)
		return false
	})
	if attr(button, "name") != "" {
		values.Set(attr(button, "name"), attr(button, "value"))
	}
	to, err := b.address.Parse(attr(form, "action"))
	require.NoError(b.t, err)
	resp, err := b.client.PostForm(to.String(), values)
	require.NoError(b.t, err)
	return b.took(resp)
}

// choose presses the button of an account.
func (b *browser) choose(email string) *url.URL {
	b.t.Helper()
	return b.press("account-"+email, nil)
}

package oauth

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsShownCannotLeaveItsPlaceOnThePage(t *testing.T) {
	const evil = `<b onclick='x'>"&` + "`"
	who := person{Email: evil, Name: evil, Initial: evil, Colour: evil}
	boxes := []box{{Scope: evil, Title: evil, Detail: evil, Service: evil}, {Scope: evil, Title: evil, Ticked: true}}
	v := view{
		Title: evil, Action: evil, App: evil, Host: evil, Domain: evil, Who: who, People: []person{who}, More: 3, Unverified: true,
		Identity: boxes, Boxes: boxes, Error: &errorPage{Status: 400, Code: evil, Message: evil, App: evil, Account: evil},
	}
	single := v
	single.Single = true
	for name, page := range map[string]markup{"chooser": chooserPage(v), "consent": consentPage(v), "one permission": consentPage(single), "error": errorCard(v)} {
		require.NotContains(t, string(page), "<b onclick", name)
		require.NotContains(t, string(page), `'x'`, name)
		require.NotContains(t, string(page), `>"&`, name)
		require.Contains(t, string(page), "&lt;b onclick=&#39;x&#39;&gt;&#34;&amp;", name)
		require.Zero(t, strings.Count(string(page), "%!"), name+": a part is missing or too many")
	}
}

func TestPagesSayWhatTheyAreAsked(t *testing.T) {
	nobody := string(chooserPage(view{App: "Rapport"}))
	require.Contains(t, nobody, `id="no-accounts"`)
	require.NotContains(t, nobody, `id="other-account"`)
	require.NotContains(t, nobody, "Then back to")
	signIn := string(consentPage(view{App: "Rapport"}))
	require.Contains(t, signIn, `Sign in to <span id="app-name">Rapport</span>`)
	require.NotContains(t, signIn, "Make sure you trust")
	require.NotContains(t, signIn, `id="unverified"`)
	two := string(consentPage(view{App: "Rapport", Boxes: []box{{Scope: "a", Ticked: true}, {Scope: "b"}}}))
	require.Contains(t, two, `value="a" checked>`)
	require.Contains(t, two, `value="b">`)
	require.Contains(t, two, `id="select-all"`)
}

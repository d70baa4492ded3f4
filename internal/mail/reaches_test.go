package mail

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// Links to people keep their address in text; others do not.
func TestTextOfKeepsAddressesOfPeople(t *testing.T) {
	for in, want := range map[string]string{
		`<a href="https://www.linkedin.com/in/mara-lind/?trk=sig">LinkedIn</a>`:                                                             "LinkedIn <https://www.linkedin.com/in/mara-lind>",
		`<a href="https://de.linkedin.com/in/mara"><img src="x.png" alt="in"></a> x`:                                                        "in <https://de.linkedin.com/in/mara> x",
		`<p>Mara</p><a href="https://linkedin.com/in/mara"><img src="x.png"></a>`:                                                           "Mara\n\n<https://linkedin.com/in/mara>",
		`<a href="https://www.linkedin.com/in/mara">www.linkedin.com/in/mara</a>`:                                                           "www.linkedin.com/in/mara",
		`<a href="https://www.linkedin.com/in/mara">https://www.linkedin.com/in/mara/</a>`:                                                  "https://www.linkedin.com/in/mara/",
		`<a href="https://www.linkedin.com/company/lind">LinkedIn</a>`:                                                                      "LinkedIn",
		`<a href="https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.linkedin.com%2Fin%2Fmara&amp;data=05">LinkedIn</a>`: "LinkedIn <https://www.linkedin.com/in/mara>",
		`<a href="tel:+491174960123">Call me</a>`:                                                                                           "Call me <tel:+491174960123>",
		`<a href="tel:+491174960123">0117 / 496 01 23</a>`:                                                                                  "0117 / 496 01 23",
		`<a href="mailto:mara@lind.example?subject=Hi">Write to me</a>.`:                                                                    "Write to me <mara@lind.example>.",
		`<a href="mailto:Mara@lind.example">mara@lind.example</a>`:                                                                          "mara@lind.example",
		`<a href="https://northwind-lamps.example/offer?id=1">Our offer</a>`:                                                                "Our offer",
		`<a href="javascript:alert(1)">x</a><a href="tel:abc">y</a><a href="mailto:">z</a>`:                                                 "xyz",
		`<a href="tel:+491174960123">Call<a href="https://lind.example">Home</a>`:                                                           "CallHome",
		`<style><a href="tel:+491174960123">Call</a></style>x`:                                                                              "x",
		`<a href="mailto:a%0d%0ab@lind.example">x</a>`:                                                                                      "x",
	} {
		require.Equal(t, want, TextOf(in), "%s", in)
	}
}

func FuzzReaches(f *testing.F) {
	for _, s := range []string{"tel:+49 117", "mailto:a@b", "https://www.linkedin.com/in/x%20y", "https://www.google.com/url?q=https://linkedin.com/in/x", "TEL:%", "http://[::1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, href string) {
		got := reaches(href)
		require.False(t, strings.ContainsAny(got, "<>\n\r"), "%q", got)
		require.LessOrEqual(t, len(got), 2*maxLink+40)
		require.True(t, utf8.ValidString(got) || !utf8.ValidString(href))
	})
}

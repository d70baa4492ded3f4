package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/mail"
	"os"
	"slices"
	"strings"
	"unicode"

	"rapport/internal/enrich/signature"
)

// goldMail is a labelled message of the corpus gold-signatures; its README says
// what the parts mean.
type goldMail struct {
	ID        string   `json:"id"`
	FromName  string   `json:"from_name"`
	FromEmail string   `json:"from_email"`
	Date      string   `json:"date"`
	Subject   string   `json:"subject"`
	Text      string   `json:"text"`
	Class     string   `json:"signature_class"`
	Sender    string   `json:"sender_type"`
	Tags      []string `json:"tags"`
	Labels    struct {
		Name, Title, Company, LinkedIn, Address string
		Phones                                  []goldPhone
	} `json:"labels"`
	Accept   map[string][]string `json:"accept"`
	Optional struct {
		Name, Title, Company, Address []string
		Phones                        []goldPhone
	} `json:"optional"`
}

type goldPhone struct{ Raw, Kind, Digits, Ext string }

func (g *goldMail) message() signature.Message {
	m := signature.Message{FromName: g.FromName, FromEmail: g.FromEmail, Subject: g.Subject, Text: g.Text, Bulk: g.Sender != "person"}
	m.Date, _ = mail.ParseDate(g.Date) // some archives have none
	return m
}

// goldHalf is the half a message belongs to, by a hash of its id: "tuning" was
// looked at while the rules were written, "held out" was not.
func (g *goldMail) goldHalf() string {
	if crc32.ChecksumIEEE([]byte(g.ID))%2 == 0 {
		return "tuning"
	}
	return "held out"
}

func readGold(path string) ([]goldMail, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []goldMail
	for s := bufio.NewReader(f); ; {
		raw, err := s.ReadBytes('\n')
		if len(raw) > 1 {
			var g goldMail
			if err := json.Unmarshal(raw, &g); err != nil {
				return nil, fmt.Errorf("reading %s: %w", path, err)
			}
			out = append(out, g)
		}
		if err != nil {
			return out, nil
		}
	}
}

// tally counts right, wrong and missing values.
type tally struct{ right, wrong, missing int }

func (t *tally) add(o tally) { t.right += o.right; t.wrong += o.wrong; t.missing += o.missing }

func (t tally) precision() float64 { return ratio(t.right, t.right+t.wrong) }
func (t tally) recall() float64    { return ratio(t.right, t.right+t.missing) }
func (t tally) f1() float64        { return ratio(2*t.right, 2*t.right+t.wrong+t.missing) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// goldFields in the order they are printed.
var goldFields = []string{signature.FieldName, signature.FieldTitle, signature.FieldCompany, signature.FieldPhone, signature.FieldLinkedIn, signature.FieldAddress}

// score compares what was found in one message with its labels.
func (g *goldMail) score(f signature.Found) map[string]tally {
	return map[string]tally{
		signature.FieldName:     g.scoreText(f, signature.FieldName, g.Labels.Name, g.Optional.Name),
		signature.FieldTitle:    g.scoreText(f, signature.FieldTitle, g.Labels.Title, g.Optional.Title),
		signature.FieldCompany:  g.scoreText(f, signature.FieldCompany, g.Labels.Company, g.Optional.Company),
		signature.FieldAddress:  g.scoreText(f, signature.FieldAddress, g.Labels.Address, g.Optional.Address),
		signature.FieldLinkedIn: g.scoreText(f, signature.FieldLinkedIn, g.Labels.LinkedIn, nil),
		signature.FieldPhone:    g.scorePhones(f),
	}
}

func (g *goldMail) scoreText(f signature.Found, field, label string, optional []string) tally {
	same := func(a, b string) bool { return plainWords(a) == plainWords(b) }
	switch field {
	case signature.FieldAddress:
		same = func(a, b string) bool { return tokenF1(a, b) >= 0.7 }
	case signature.FieldLinkedIn:
		same = func(a, b string) bool { return profilePath(a) == profilePath(b) }
	}
	var t tally
	hit := false
	for _, v := range f.Values {
		if v.Field != field {
			continue
		}
		is := func(want string) bool { return want != "" && same(v.Value, want) }
		switch {
		case is(label) || slices.ContainsFunc(g.Accept[field], is):
			if !hit {
				t.right++
			}
			hit = true
		case slices.ContainsFunc(optional, is):
		default:
			t.wrong++
		}
	}
	if label != "" && !hit {
		t.missing++
	}
	return t
}

func (g *goldMail) scorePhones(f signature.Found) tally {
	var t tally
	used := make([]bool, len(g.Labels.Phones))
	for _, v := range f.Values {
		if v.Field != signature.FieldPhone {
			continue
		}
		is := func(p goldPhone) bool {
			return samePhone(v.Value, p.Digits) && (p.Kind == "fax") == (v.Label == signature.LabelFax)
		}
		i := slices.IndexFunc(g.Labels.Phones, is)
		switch {
		case i >= 0:
			used[i] = true
		case slices.ContainsFunc(g.Optional.Phones, is):
		default:
			t.wrong++
		}
	}
	for i := range used {
		if used[i] || slices.ContainsFunc(g.Labels.Phones[:i], func(p goldPhone) bool {
			return p.Digits == g.Labels.Phones[i].Digits && used[slices.IndexFunc(g.Labels.Phones, func(q goldPhone) bool { return q.Digits == p.Digits })]
		}) {
			t.right++
		} else {
			t.missing++
		}
	}
	return t
}

// plainWords folds case, punctuation, honorifics and degrees away.
func plainWords(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '?' })
	return strings.Join(slices.DeleteFunc(words, func(w string) bool {
		return slices.Contains([]string{"mr", "mrs", "ms", "dr", "prof", "professor"}, w) && len(words) > 2
	}), " ")
}

func samePhone(a, b string) bool {
	a, b = digits(strings.ReplaceAll(a, "(0)", "")), strings.TrimLeft(digits(b), "0")
	n := min(len(a), len(b), 9)
	return n >= 7 && (a == b || a[len(a)-n:] == b[len(b)-n:]) || n > 0 && a == b
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func profilePath(u string) string {
	_, path, _ := strings.Cut(strings.ToLower(u), "linkedin.com/")
	path, _, _ = strings.Cut(path, "?")
	return strings.Trim(path, "/")
}

// tokenF1 compares sets of words.
func tokenF1(a, b string) float64 {
	x, y := tokenSet(a), tokenSet(b)
	both := 0
	for w := range x {
		if y[w] {
			both++
		}
	}
	return ratio(2*both, len(x)+len(y))
}

func tokenSet(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '?' }) {
		out[w] = true
	}
	return out
}

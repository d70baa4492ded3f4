package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
)

// invented makes up messages for databases that are filled without Google:
// words by Zipf's law from a vocabulary of 30,000, conversations of 1.85
// messages on average, 2,000 senders. Message i is always the same. Marker
// words make hits countable: lantern<k> stands in every thousandth message,
// harbour in every hundredth, and the subject of every tenth has "quarterly".
type invented struct {
	words   []string
	people  []crm.Address
	weights []float64 // cumulative, of words
	newest  time.Time
	body    int // words in an average body
}

// minutesApart is the time between two invented messages.
const minutesApart = 7

func newInvented(body int) *invented {
	v := &invented{newest: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), body: body}
	r := rand.New(rand.NewPCG(1, 2))
	onset := strings.Fields("b br c ch d dr f fl g gr h j k l m n p pl qu r s sh st t tr v w z")
	vowel := strings.Fields("a e i o u ai ea ou")
	coda := strings.Fields("n r s t l m nd st rk ck")
	syllable := func() string {
		s := onset[r.IntN(len(onset))] + vowel[r.IntN(len(vowel))]
		if r.IntN(2) == 0 {
			s += coda[r.IntN(len(coda))]
		}
		return s
	}
	seen := map[string]bool{}
	total := 0.0
	for len(v.words) < 30_000 {
		w := syllable()
		for n := 1 + r.IntN(2) + len(v.words)/15_000; n > 0; n-- {
			w += syllable()
		}
		if seen[w] {
			continue
		}
		seen[w] = true
		v.words = append(v.words, w)
		total += 1 / math.Pow(float64(len(v.words))+2.7, 1.05)
		v.weights = append(v.weights, total)
	}
	for i := range 2000 {
		first, last := v.words[100+i], v.words[5000+i]
		v.people = append(v.people, crm.Address{Name: title(first) + " " + title(last), Email: fmt.Sprintf("%s.%s@%s.example", first, last, v.words[8000+i%300])})
	}
	return v
}

func title(w string) string { return strings.ToUpper(w[:1]) + w[1:] }

// word by Zipf's law.
func (v *invented) word(r *rand.Rand) string {
	x := r.Float64() * v.weights[len(v.weights)-1]
	lo, hi := 0, len(v.weights)-1
	for lo < hi {
		if mid := (lo + hi) / 2; v.weights[mid] < x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return v.words[lo]
}

func (v *invented) text(r *rand.Rand, b *strings.Builder, n int) {
	for i := range n {
		switch {
		case i == 0:
		case i%11 == 10:
			b.WriteString(".\n")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(v.word(r))
	}
}

// email is message i of n; 0 is the newest.
func (v *invented) email(i int) *crm.Email {
	r := rand.New(rand.NewPCG(uint64(i), 77))
	thread := i * 100 / 185
	tr := rand.New(rand.NewPCG(uint64(thread), 78))
	other := v.people[int(math.Pow(tr.Float64(), 2)*float64(len(v.people)))]
	owner := crm.Address{Name: "Mara Lindqvist", Email: ownerEmail}
	var b strings.Builder
	v.text(tr, &b, 3+tr.IntN(5))
	if i%10 == 3 {
		b.WriteString(" quarterly")
	}
	subject := b.String()
	b.Reset()
	v.text(r, &b, v.body/2+r.IntN(v.body))
	fmt.Fprintf(&b, " lantern%03d", i%1000)
	if i%100 == 7 {
		b.WriteString(" harbour")
	}
	text := b.String()
	e := &crm.Email{
		GmailID: strconv.FormatUint(0x19a0000000000000-uint64(i)<<20, 16), ThreadID: strconv.FormatUint(0x19a0000000000000-uint64(thread)<<24, 16),
		RFC822MessageID: fmt.Sprintf("<b%d@mail.example>", i), Subject: subject,
		From: other, To: []crm.Address{owner}, Snippet: text[:min(len(text), 120)], BodyText: text,
		Date: v.newest.Add(-time.Duration(i) * minutesApart * time.Minute), Size: int64(len(text)) + 2000, HistoryID: uint64(2_000_000_000 - i),
	}
	e.Labels = []string{"INBOX", "CATEGORY_PERSONAL"}
	switch {
	case i%5 == 4:
		e.From, e.To, e.Labels = owner, []crm.Address{other}, []string{"SENT"}
	case i%10 == 0:
		e.Labels = append(e.Labels, "UNREAD")
	case i%7 == 0:
		e.Labels = []string{"CATEGORY_UPDATES"} // archived
	}
	if i%8 == 2 {
		e.HasAttachments = true
		e.Attachments = []crm.Attachment{{PartID: "2", Name: v.word(r) + ".pdf", Type: "application/pdf", Size: 40_000}}
	}
	return e
}

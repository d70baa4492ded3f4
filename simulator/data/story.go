package data

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed text/*.txt
var texts embed.FS

// story is a scripted conversation.
type story struct {
	lang, kind string
	subject    template
	lines      []line
}

// line is one message of a story.
type line struct {
	who   byte // c, d, m, k
	files []string
	text  template
}

// library is all stories by "kind" and "kind/lang".
type library map[string][]*story

var stories = sync.OnceValue(func() library {
	lib := library{}
	for _, file := range []string{"english", "inside", "world", "single"} {
		b, err := texts.ReadFile("text/" + file + ".txt")
		if err != nil {
			panic(err)
		}
		list, err := parseStories(string(b))
		if err != nil {
			panic(fmt.Errorf("text/%s.txt: %w", file, err))
		}
		for _, s := range list {
			lib[s.kind+"/"+s.lang] = append(lib[s.kind+"/"+s.lang], s)
		}
	}
	return lib
})

func parseStories(text string) ([]*story, error) {
	var list []*story
	var body []string
	flush := func() error {
		if len(list) == 0 || len(list[len(list)-1].lines) == 0 {
			return nil
		}
		s := list[len(list)-1]
		t, err := compile(strings.TrimSpace(strings.Join(body, "\n")))
		s.lines[len(s.lines)-1].text, body = t, nil
		return err
	}
	for no, row := range strings.Split(text, "\n") {
		var err error
		switch {
		case strings.HasPrefix(row, "#"):
		case strings.HasPrefix(row, "== "):
			if err = flush(); err == nil {
				var s *story
				s, err = parseTitle(row[3:])
				list = append(list, s)
			}
		case strings.HasPrefix(row, "-- "):
			if err = flush(); err == nil {
				s := list[len(list)-1]
				s.lines = append(s.lines, parseLine(row[3:]))
			}
		default:
			body = append(body, row)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", no+1, err)
		}
	}
	return list, flush()
}

func parseTitle(s string) (*story, error) {
	head, subject, ok := strings.Cut(s, " | ")
	lang, kind, ok2 := strings.Cut(head, " ")
	if !ok || !ok2 {
		return nil, fmt.Errorf("want \"== language kind | subject\", have %q", s)
	}
	t, err := compile(subject)
	return &story{lang: lang, kind: kind, subject: t}, err
}

func parseLine(s string) line {
	words := strings.Fields(s)
	l := line{who: words[0][0]}
	for _, w := range words[1:] {
		l.files = append(l.files, strings.TrimPrefix(w, "+"))
	}
	return l
}

// template is text with {variables} and [[one|of|these]].
type template []node

type node struct {
	text   string
	name   variable
	choice []template
}

type variable byte

const (
	noVariable variable = iota
	vFirst
	vSecond
	vSender
	vMate
	vCompany
	vCity
	vMyCity
	vProject
	vProduct
	vProduct2
	vQty
	vQty2
	vKelvin
	vRAL
	vPrice
	vTotal
	vPct
	vWeeks
	vQuote
	vOrder
	vInvoice
	vTracking
	vWeekday
	vDate
	vMonth
	vTime
)

var variables = map[string]variable{
	"first": vFirst, "second": vSecond, "sender": vSender, "mate": vMate, "company": vCompany, "city": vCity, "mycity": vMyCity,
	"project": vProject, "product": vProduct, "product2": vProduct2, "qty": vQty, "qty2": vQty2, "kelvin": vKelvin, "ral": vRAL,
	"price": vPrice, "total": vTotal, "pct": vPct, "weeks": vWeeks, "quote": vQuote, "order": vOrder, "invoice": vInvoice,
	"tracking": vTracking, "weekday": vWeekday, "date": vDate, "month": vMonth, "time": vTime,
}

func compile(s string) (template, error) {
	var t template
	for s != "" {
		i := strings.IndexAny(s, "{[")
		if i < 0 {
			return append(t, node{text: s}), nil
		}
		if i > 0 {
			t = append(t, node{text: s[:i]})
			s = s[i:]
		}
		n, rest, err := compileOne(s)
		if err != nil {
			return nil, err
		}
		t, s = append(t, n), rest
	}
	return t, nil
}

func compileOne(s string) (node, string, error) {
	if !strings.HasPrefix(s, "[[") && s[0] == '[' {
		return node{text: "["}, s[1:], nil
	}
	if s[0] == '{' {
		name, rest, ok := strings.Cut(s[1:], "}")
		v := variables[name]
		if !ok || v == noVariable {
			return node{}, "", fmt.Errorf("no variable {%s}", name)
		}
		return node{name: v}, rest, nil
	}
	inner, rest, ok := strings.Cut(s[2:], "]]")
	if !ok {
		return node{}, "", fmt.Errorf("[[ without ]]: %.40q", s)
	}
	var n node
	for _, alt := range strings.Split(inner, "|") {
		t, err := compile(alt)
		if err != nil {
			return node{}, "", err
		}
		n.choice = append(n.choice, t)
	}
	return n, rest, nil
}

// scene is what variables mean in one message.
type scene struct {
	h     uint64 // of the thread: the same product and price all along
	at    int64  // time of the message, ms
	from  *Person
	other *Person // the customer
	extra *Person // the customer's colleague
	mate  *Person
	home  *Company
}

func (t template) render(dst []byte, sc *scene) []byte {
	for i := range t {
		n := &t[i]
		switch {
		case n.choice != nil:
			dst = n.choice[hash2(sc.h, uint64(i))%uint64(len(n.choice))].render(dst, sc)
		case n.name != noVariable:
			dst = sc.value(dst, n.name)
		default:
			dst = append(dst, n.text...)
		}
	}
	return dst
}

var rals = []string{"RAL 9005", "RAL 9016", "RAL 7016", "RAL 6021", "RAL 3012", "RAL 1013"}

func (sc *scene) value(dst []byte, v variable) []byte {
	d := dice(hash2(sc.h, uint64(v)+100))
	switch v {
	case vFirst:
		return append(dst, sc.other.Native...)
	case vSecond:
		return append(dst, sc.extra.Display...)
	case vSender:
		return append(dst, sc.from.Display...)
	case vMate:
		return append(dst, sc.mate.Native...)
	case vCompany:
		return append(dst, sc.other.Company.Name...)
	case vCity:
		return append(dst, sc.other.Company.City...)
	case vMyCity:
		return append(dst, sc.home.City...)
	case vProject:
		return append(dst, pick(&d, projects[sc.other.Company.Trade])...)
	case vProduct:
		return append(dst, products[sc.h%uint64(len(products))]...)
	case vProduct2:
		return append(dst, products[(sc.h+1+sc.h%7)%uint64(len(products))]...)
	case vKelvin:
		return append(dst, pick(&d, []string{"2700 K", "3000 K", "4000 K"})...)
	case vRAL:
		return append(dst, pick(&d, rals)...)
	case vPrice:
		return appendMoney(dst, int64(d.in(38, 420)*100+pick(&d, []int{0, 50, 90})), sc.other.Company.Currency)
	case vTotal:
		return appendMoney(dst, int64(d.in(80, 2400))*10000, sc.other.Company.Currency)
	case vWeekday, vDate, vMonth:
		return sc.day(dst, v, &d)
	case vTime:
		return append(dst, pick(&d, []string{"9:30", "10:00", "11:15", "13:30", "14:00", "15:30"})...)
	default:
		return sc.number(dst, v, &d)
	}
}

func (sc *scene) number(dst []byte, v variable, d *dice) []byte {
	switch v {
	case vQty:
		return strconv.AppendInt(dst, int64(pick(d, []int{12, 18, 24, 36, 40, 48, 60, 80, 96})), 10)
	case vQty2:
		return strconv.AppendInt(dst, int64(pick(d, []int{120, 150, 160, 200, 240, 320, 400})), 10)
	case vPct:
		return strconv.AppendInt(dst, int64(d.in(2, 7)), 10)
	case vWeeks:
		return strconv.AppendInt(dst, int64(d.in(3, 8)), 10)
	case vQuote:
		return strconv.AppendInt(append(dst, "Q-"...), int64(d.in(20100, 29899)), 10)
	case vOrder:
		return strconv.AppendInt(append(dst, "SO-"...), int64(d.in(40100, 58999)), 10)
	case vInvoice:
		return strconv.AppendInt(append(dst, "INV-"...), int64(d.in(70100, 88999)), 10)
	default:
		return strconv.AppendInt(append(dst, "PR"...), int64(d.in(100000000, 999999999)), 10)
	}
}

var (
	weekdays = map[string][7]string{
		"en": {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		"de": {"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		"es": {"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
		"pt": {"domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado"},
	}
	months = [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

// day writes a working day a little after the message.
func (sc *scene) day(dst []byte, v variable, d *dice) []byte {
	ahead := d.in(2, 6)
	if v == vDate {
		ahead = d.in(9, 40)
	}
	day := sc.at/86400000 + int64(ahead)
	if wd := (day + 4) % 7; wd == 0 || wd == 6 {
		day += 2
	}
	t := civil(day)
	switch v {
	case vWeekday:
		names, ok := weekdays[sc.from.Lang]
		if !ok || sc.other.Lang != sc.from.Lang {
			names = weekdays["en"]
		}
		return append(dst, names[(day+4)%7]...)
	case vMonth:
		return append(dst, months[t.month%12]...)
	default:
		dst = strconv.AppendInt(dst, int64(t.day), 10)
		return append(append(dst, ' '), months[t.month-1]...)
	}
}

// appendMoney writes cents with the currency's symbol or code.
func appendMoney(dst []byte, cents int64, currency string) []byte {
	switch currency {
	case "JPY":
		dst = appendGrouped(append(dst, "JPY "...), cents*150/100)
		return dst
	case "INR", "MXN", "DKK", "NOK":
		cents *= 10
	}
	switch currency {
	case "EUR":
		dst = append(dst, "EUR "...)
	case "GBP":
		dst = append(dst, "£"...)
	case "USD":
		dst = append(dst, '$')
	default:
		dst = append(append(dst, currency...), ' ')
	}
	dst = appendGrouped(dst, cents/100)
	if cents%100 != 0 {
		dst = append(dst, '.', byte('0'+cents%100/10), byte('0'+cents%10))
	}
	return dst
}

func appendGrouped(dst []byte, n int64) []byte {
	if n >= 1000 {
		dst = appendGrouped(dst, n/1000)
		return append(dst, ',', byte('0'+n%1000/100), byte('0'+n%100/10), byte('0'+n%10))
	}
	return strconv.AppendInt(dst, n, 10)
}

type date struct{ year, month, day int }

// civil turns days since 1970 into a date.
func civil(z int64) date {
	z += 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	m := mp + 3
	if m > 12 {
		m -= 12
	}
	y := yoe + era*400
	if m <= 2 {
		y++
	}
	return date{int(y), int(m), int(doy - (153*mp+2)/5 + 1)}
}

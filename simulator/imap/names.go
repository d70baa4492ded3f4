package imap

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/utf7"

	"rapport/simulator/gmail"
)

// Keys of the folders that every account has: ids of labels, and one of its own
// for All Mail.
const (
	keyAll = "ALL"
	keyIn  = "INBOX"
)

// special is a folder under [Gmail], in the order of LIST.
type special struct{ key, use, xlist, label string }

var specials = []special{
	{keyAll, `\All`, `\AllMail`, ""},
	{"DRAFT", `\Drafts`, `\Drafts`, `\Draft`},
	{"IMPORTANT", `\Important`, `\Important`, `\Important`},
	{"SENT", `\Sent`, `\Sent`, `\Sent`},
	{"SPAM", `\Junk`, `\Spam`, `\Spam`},
	{"STARRED", `\Flagged`, `\Starred`, `\Starred`},
	{"TRASH", `\Trash`, `\Trash`, `\Trash`},
}

// localNames are the names under [Gmail] in the language of an account, in the
// order of specials.
var localNames = map[string][]string{
	"en":    {"All Mail", "Drafts", "Important", "Sent Mail", "Spam", "Starred", "Trash"},
	"en-GB": {"All Mail", "Drafts", "Important", "Sent Mail", "Spam", "Starred", "Bin"},
	"de":    {"Alle Nachrichten", "Entwürfe", "Wichtig", "Gesendet", "Spam", "Markiert", "Papierkorb"},
	"fr":    {"Tous les messages", "Brouillons", "Important", "Messages envoyés", "Spam", "Suivis", "Corbeille"},
	"es":    {"Todos", "Borradores", "Importantes", "Enviados", "Spam", "Destacados", "Papelera"},
	"it":    {"Tutti i messaggi", "Bozze", "Importanti", "Posta inviata", "Spam", "Speciali", "Cestino"},
	"ja":    {"すべてのメール", "下書き", "重要", "送信済みメール", "迷惑メール", "スター付き", "ゴミ箱"},
}

// Languages lists the languages folders can be named in.
func Languages() []string {
	var out []string
	for l := range localNames {
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}

const root = "[Gmail]"

// named is a folder as LIST shows it.
type named struct {
	key, name  string // key "" for names that only have others below them
	use, xlist string
	children   bool
}

// hidden labels are no folders.
func shown(l gmail.Label) bool { return !l.System }

// list names all folders of a mailbox.
func list(b gmail.Mailbox, language string) []named {
	out := []named{{key: keyIn, name: "INBOX", xlist: `\Inbox`}, {name: root, children: true}}
	local := localNames[language]
	for i, s := range specials {
		out = append(out, named{key: s.key, name: root + "/" + local[i], use: s.use, xlist: s.xlist})
	}
	var own []named
	for _, l := range b.Labels() {
		if shown(l) {
			own = append(own, named{key: l.ID, name: l.Name})
		}
	}
	for i := 0; i < len(own); i++ { // parents that are no labels themselves
		at := strings.LastIndexByte(own[i].name, '/')
		if at <= 0 {
			continue
		}
		parent := own[i].name[:at]
		if j := slices.IndexFunc(own, func(n named) bool { return n.name == parent }); j >= 0 {
			own[j].children = true
		} else {
			own = append(own, named{name: parent, children: true})
		}
	}
	slices.SortFunc(own, func(a, b named) int { return strings.Compare(a.name, b.name) })
	return append(out, own...)
}

// byName finds a folder by its name; INBOX in any case.
func byName(all []named, name string) (named, bool) {
	i := slices.IndexFunc(all, func(n named) bool { return n.name == name || n.key == keyIn && strings.EqualFold(name, "INBOX") })
	if i < 0 {
		return named{}, false
	}
	return all[i], true
}

// has tells whether a message with these labels is in a folder. What is in spam
// or trash is nowhere else.
func has(key string, labels []string) bool {
	bin := slices.Contains(labels, "SPAM") || slices.Contains(labels, "TRASH")
	switch {
	case key == "SPAM" || key == "TRASH":
		return slices.Contains(labels, key)
	case bin:
		return false
	case key == keyAll:
		return !slices.Contains(labels, "CHAT")
	}
	return slices.Contains(labels, key)
}

func encoded(name string) string {
	text, err := utf7.Encoding.NewEncoder().String(name)
	if err != nil {
		return name
	}
	return text
}

func decoded(name string) (string, bool) {
	text, err := utf7.Encoding.NewDecoder().String(name)
	return text, err == nil
}

// matches compares a name with a pattern of LIST: * is anything, % anything up to
// the next level.
func matches(name, pattern string) bool {
	can := make([]bool, len(name)+1) // the pattern so far fits name[:i]
	can[0] = true
	for p := range len(pattern) {
		c, before := pattern[p], false
		next := make([]bool, len(can))
		for i := range can {
			switch {
			case c == '*':
				before = before || can[i]
				next[i] = before
			case c == '%':
				before = can[i] || before && name[i-1] != '/'
				next[i] = before
			case i > 0:
				next[i] = can[i-1] && name[i-1] == c
			}
		}
		can = next
	}
	return can[len(name)]
}

// labelNames are what X-GM-LABELS shows. The label of the folder a message is
// looked at in is left out, as Gmail does.
func labelNames(labels []string, names map[string]string, but string) []string {
	out := []string{}
	for _, id := range labels {
		if id != but {
			if n, ok := names[id]; ok {
				out = append(out, n)
			}
		}
	}
	return out
}

// writtenLabels are the names that X-GM-LABELS uses, by label id: those of
// Google with a backslash, the user's in modified UTF-7.
func writtenLabels(b gmail.Mailbox) map[string]string {
	out := map[string]string{keyIn: `\Inbox`}
	for _, s := range specials {
		if s.label != "" {
			out[s.key] = s.label
		}
	}
	for _, l := range b.Labels() {
		if shown(l) {
			out[l.ID] = encoded(l.Name)
		}
	}
	return out
}

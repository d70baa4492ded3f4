package imap

import (
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap"
)

// append is APPEND, with APPENDUID (RFC 4315).
func (x *session) append(args []any) (string, error) {
	name, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	if len(args) < 2 {
		return "", bad("Missing argument")
	}
	raw, err := text(args, len(args)-1)
	if err != nil {
		return "", err
	}
	at := x.server.door.World.Clock.Now()
	var set []string
	for _, arg := range args[1 : len(args)-1] {
		switch v := arg.(type) {
		case []any:
			if set, err = imap.ParseStringList(v); err != nil {
				return "", bad("Could not parse command")
			}
		case string:
			t, err := time.Parse(imap.DateTimeLayout, v)
			if err != nil {
				return "", bad("Could not parse command")
			}
			at = t
		}
	}
	code := ""
	err = x.locked(func(a *account) error {
		n, ok := byName(listOf(a), name)
		if !ok || n.key == "" {
			return no("[TRYCREATE] No folder %s (Failure)", encoded(name))
		}
		f := a.folder(n.key)
		id := a.box.Insert([]byte(raw), at, labelsFor(n.key, canonical(set)))
		a.refresh()
		if uid, ok := f.uids[id]; ok {
			code = fmt.Sprintf("[APPENDUID %d %d] ", f.validity, uid)
		}
		return nil
	})
	return code + "(Success)", err
}

// labelsFor are the labels of a message that a client puts into a folder.
func labelsFor(key string, flags []string) []string {
	var out []string
	if key != keyAll {
		out = append(out, key)
	}
	if !slices.Contains(flags, `\Seen`) {
		out = append(out, "UNREAD")
	}
	if slices.Contains(flags, `\Flagged`) {
		out = append(out, "STARRED")
	}
	if slices.Contains(flags, `\Draft`) {
		out = append(out, "DRAFT")
	}
	return out
}

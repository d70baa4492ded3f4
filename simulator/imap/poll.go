package imap

import (
	"fmt"
	"slices"
	"strings"
)

// poll tells what became of the open folder. After FETCH, STORE and SEARCH by
// sequence number nothing is told, so that numbers stay (RFC 3501, 7.4.1).
func (x *session) poll(name string) error {
	if x.folder == nil || name == "FETCH" || name == "STORE" || name == "SEARCH" {
		return nil
	}
	var lines []string
	ended := false
	err := x.locked(func(a *account) error {
		if a.folders[x.folder.key] != x.folder {
			ended = true
			return nil
		}
		lines = x.newsOf(a)
		return nil
	})
	if err != nil || ended {
		x.bye("[UNAVAILABLE] Temporary System Error")
		return errEnd
	}
	for _, l := range lines {
		x.say("%s", l)
	}
	return nil
}

// newsOf brings what the client knows to the state of now and says how.
func (x *session) newsOf(a *account) []string {
	var lines []string
	f := x.folder
	known := x.view
	if x.gen != f.gen {
		x.gen = f.gen
		var kept []uint32
		n := 0
		for _, uid := range x.view {
			if _, ok := f.find(uid); ok {
				kept = append(kept, uid)
				n++
			} else {
				lines = append(lines, fmt.Sprintf("* %d EXPUNGE", n+1))
			}
		}
		x.view = uidsOf(f)
		known = kept
		if len(x.view) > len(kept) {
			lines = append(lines, fmt.Sprintf("* %d EXISTS", len(x.view)))
		}
	}
	told := map[uint64]bool{}
	for _, n := range a.news[x.heard:] {
		uid, in := f.uids[n.id]
		if !in || told[n.id] || n.history <= x.own[n.id] {
			continue
		}
		told[n.id] = true
		if seq, ok := slices.BinarySearch(known, uid); ok {
			s, alive := a.box.Message(n.id)
			if !alive {
				continue
			}
			i, _ := f.find(uid)
			lines = append(lines, fmt.Sprintf("* %d FETCH (UID %d MODSEQ (%d) FLAGS (%s))", seq+1, uid, s.History,
				strings.Join(flags(s, a.keywords[n.id], f.places[i].deleted), " ")))
		}
	}
	x.heard = len(a.news)
	return lines
}

// idle is IDLE (RFC 2177): changes are told at once.
func (x *session) idle([]any) (string, error) {
	x.say("+ idling")
	x.flush()
	type line struct {
		text string
		err  error
	}
	done := make(chan line, 1)
	go func() {
		text, err := x.lines.ReadString('\n')
		done <- line{strings.TrimRight(text, "\r\n"), err}
	}()
	for {
		x.account.mu.Lock()
		box := x.account.box
		x.account.mu.Unlock()
		changed := box.Changed()
		if err := x.poll("IDLE"); err != nil {
			return "", err
		}
		x.flush()
		select {
		case <-changed:
		case <-x.nudged:
		case l := <-done:
			if l.err != nil {
				return "", l.err
			}
			if !strings.EqualFold(l.text, "DONE") {
				return "", bad("Expected DONE")
			}
			return "IDLE terminated (Success)", nil
		}
	}
}

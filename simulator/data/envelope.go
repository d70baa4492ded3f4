package data

import "strconv"

// parts is who writes to whom, and what.
type parts struct {
	from *Person
	to   [2]*Person
	cc   [2]*Person
	line *line
}

func (m *parts) includes(p *Person) bool {
	return m.to[0] == p || m.to[1] == p || m.cc[0] == p || m.cc[1] == p
}

// parts of message pos.
func (s *Source) parts(t *thread, pos int) parts {
	if t.story == nil {
		m := parts{to: [2]*Person{s.owner}}
		if t.kind == invitation {
			m.from = t.other
			if !s.sells || t.h%3 == 0 {
				m.from = t.mate
			}
		}
		return m
	}
	m := parts{line: t.line(pos)}
	m.from = t.who(m.line.who)
	team := t.story.kind == "team"
	withMate := team || t.h>>12%5 == 0
	switch {
	case team && m.line.who == 'k':
		m.to[0] = t.me
	case team:
		m.to[0] = t.mate
	case m.line.who == 'm':
		m.to[0] = t.other
		if pos > 0 && t.line(pos-1).who == 'd' {
			m.to[0], m.cc[0] = t.extra, t.other
		}
		if withMate {
			m.cc[1] = t.mate
		}
	case m.line.who == 'k':
		m.to[0], m.cc[0] = t.other, t.me
	default:
		m.to[0] = t.me
		if m.line.who == 'd' {
			m.cc[0] = t.other
		}
		if withMate {
			m.cc[1] = t.mate
		}
	}
	if m.cc[0] == nil {
		m.cc[0], m.cc[1] = m.cc[1], nil
	}
	if m.cc[0] == m.to[0] || m.cc[0] == m.from {
		m.cc[0], m.cc[1] = m.cc[1], nil
	}
	return m
}

// Envelope is the part of a message that searching by people, subject and
// files needs. Its slices are valid until the next call with the same value.
type Envelope struct {
	From, To, Cc []byte // "Name <address>, …"
	Subject      []byte
	List         string
	Files        []string
	Date         int64
}

// Envelope fills e for a message without writing its text.
func (s *Source) Envelope(k Key, viewer *Person, e *Envelope) {
	t := s.thread(k.Thread)
	m := s.parts(&t, int(k.Pos))
	e.From, e.To, e.Cc = e.From[:0], e.To[:0], e.Cc[:0]
	e.List, e.Files = "", e.Files[:0]
	e.Date = s.date(&t, k)
	switch {
	case t.robot != nil:
		e.From = append(append(append(append(e.From, t.robot.name...), " <"...), t.robot.email...), '>')
		e.List = t.robot.list
	case t.kind == bounce:
		e.From = append(e.From, bounceFrom...)
	default:
		e.From = m.from.appendAddress(e.From)
	}
	for _, p := range m.to {
		e.To = appendPerson(e.To, p)
	}
	for _, p := range m.cc {
		e.Cc = appendPerson(e.Cc, p)
	}
	e.Subject = s.subject(e.Subject[:0], &t, &m, int(k.Pos), e.Date)
	e.Files = s.fileNames(e.Files, &t, &m)
}

const bounceFrom = "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"

func appendPerson(dst []byte, p *Person) []byte {
	if p == nil {
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, ", "...)
	}
	return p.appendAddress(dst)
}

func (p *Person) appendAddress(dst []byte) []byte {
	dst = append(append(dst, p.Display...), " <"...)
	return append(append(dst, p.Email...), '>')
}

func (s *Source) scene(t *thread, m *parts, at int64) scene {
	sc := scene{h: t.h, at: at, from: m.from, other: t.other, extra: t.extra, mate: t.mate, home: t.me.Company}
	if sc.from == nil {
		sc.from = t.other
	}
	if t.about != nil {
		sc.other = t.about
	}
	return sc
}

// subject of a message; replies carry the prefix of their writer's country.
func (s *Source) subject(dst []byte, t *thread, m *parts, pos int, at int64) []byte {
	first := at
	if pos > 0 {
		// The subject is the first message's: its dates must not move.
		first = s.date(t, Key{Thread: t.no})
	}
	switch {
	case t.story != nil:
		if pos > 0 {
			dst = append(dst, replyPrefix(m.from)...)
		}
		head := s.parts(t, 0)
		sc := s.scene(t, &head, first)
		return t.story.subject.render(dst, &sc)
	case t.robot != nil:
		sc := s.scene(t, m, first)
		return compiled(t.robot.subjects[t.h>>16%uint64(len(t.robot.subjects))]).render(dst, &sc)
	case t.kind == bounce:
		return append(dst, "Delivery Status Notification (Failure)"...)
	default:
		return s.invitationSubject(dst, t, at)
	}
}

func replyPrefix(p *Person) string {
	if p != nil && p.style%8 == 0 {
		switch p.Lang {
		case "de":
			return "AW: "
		case "sv":
			return "SV: "
		case "it":
			return "R: "
		}
	}
	return "Re: "
}

var topics = []string{"Finish samples", "Project kick-off", "Weekly call", "Price talk", "Site visit", "Lighting calculation", "Product training", "Quarterly review"}

func (s *Source) invitationSubject(dst []byte, t *thread, at int64) []byte {
	start := inviteStart(t, at)
	dt := civil(start / 86400000)
	dst = append(dst, "Invitation: "...)
	dst = append(dst, topics[t.h>>10%uint64(len(topics))]...)
	dst = append(dst, " @ "...)
	dst = append(dst, weekdays["en"][(start/86400000+4)%7][:3]...)
	dst = strconv.AppendInt(append(dst, ' '), int64(dt.day), 10)
	dst = append(append(dst, ' '), months[dt.month-1][:3]...)
	dst = strconv.AppendInt(append(dst, ' '), int64(dt.year), 10)
	dst = append(dst, ' ')
	dst = appendClock(dst, start)
	dst = append(dst, " - "...)
	dst = appendClock(dst, start+1800000)
	dst = append(dst, " (UTC) ("...)
	return append(append(dst, s.owner.Email...), ')')
}

func appendClock(dst []byte, ms int64) []byte {
	m := ms / 60000 % 1440
	return append(dst, byte('0'+m/600), byte('0'+m/60%10), ':', byte('0'+m%60/10), byte('0'+m%10))
}

// inviteStart is when the event of an invitation begins.
func inviteStart(t *thread, at int64) int64 {
	day := at/86400000 + 2 + int64(t.h>>30%9)
	if wd := (day + 4) % 7; wd == 0 || wd == 6 {
		day += 2
	}
	return day*86400000 + int64(8+t.h>>36%8)*3600000 + int64(t.h>>44%2)*1800000
}

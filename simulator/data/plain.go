package data

// AppendText writes the text of a message without headers, HTML and encoding:
// enough to search in, and much quicker than the whole message.
func (s *Source) AppendText(dst []byte, k Key) []byte {
	l := letters.Get().(*letter)
	defer letters.Put(l)
	*l = letter{s: s, k: k, viewer: s.owner, text: l.text[:0], html: l.html[:0], files: l.files[:0], ics: l.ics[:0]}
	l.t = s.thread(k.Thread)
	l.m = s.parts(&l.t, int(k.Pos))
	l.at = s.date(&l.t, k)
	if l.t.kind == conversation || l.t.kind == single {
		dst = s.appendBody(dst, &l.t, &l.m, k, l.at)
		return l.m.from.appendSignature(dst, false)
	}
	l.compose()
	return append(dst, l.text...)
}

package imapsmtp

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
)

// What a server may send. Literals are read into memory as a whole, so one that
// claims to be larger ends the connection before it is.
const (
	mostLiteral  = 64 << 20
	mostResponse = 80 << 20 // one line of an answer with its literals
)

var errTooMuch = errors.New("the server sent more than anybody asked for")

// bounded watches what an IMAP server sends: it follows lines and literals
// (RFC 3501, 4.3) and ends the connection at one that is too large.
type bounded struct {
	net.Conn
	line    []byte // end of the line so far
	start   []byte // beginning of the response so far
	literal int64  // bytes of a literal still to come
	total   int64  // of this response
	broken  error
	came    atomic.Int64 // bytes in all
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.broken != nil {
		return 0, b.broken
	}
	n, err := b.Conn.Read(p)
	b.came.Add(int64(n))
	if b.broken = b.watch(p[:n]); b.broken != nil {
		_ = b.Conn.Close()
		return 0, b.broken
	}
	return n, err
}

func (b *bounded) watch(p []byte) error {
	for len(p) > 0 {
		if b.literal > 0 {
			n := min(b.literal, int64(len(p)))
			b.literal -= n
			p = p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		b.total += int64(len(piece)) + 1
		if b.total > mostResponse {
			return errTooMuch
		}
		b.note(piece)
		if end < 0 {
			return nil
		}
		p = p[end+1:]
		if err := b.ended(); err != nil {
			return err
		}
	}
	return nil
}

// note keeps both ends of a line, that is all that tells what follows it.
func (b *bounded) note(piece []byte) {
	if room := 64 - len(b.start); room > 0 {
		b.start = append(b.start, piece[:min(room, len(piece))]...)
	}
	b.line = append(b.line, piece[max(0, len(piece)-32):]...)
	if extra := len(b.line) - 32; extra > 0 {
		b.line = b.line[extra:]
	}
}

// ended looks at the end of a line: a literal may follow.
func (b *bounded) ended() error {
	n, is := announced(b.line)
	b.line = b.line[:0]
	switch {
	case !is:
	case n > mostLiteral || b.total+n > mostResponse:
		return errTooMuch
	case !told(b.start):
		b.literal, b.total = n, b.total+n
		return nil
	}
	b.start, b.total = b.start[:0], 0
	return nil
}

// announced reads "{123}" at the end of a line.
func announced(line []byte) (int64, bool) {
	line = bytes.TrimRight(line, "\r")
	line, is := bytes.CutSuffix(line, []byte("}"))
	open := bytes.LastIndexByte(line, '{')
	if !is || open < 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSuffix(line[open+1:], []byte("+"))), 10, 64)
	if err != nil {
		// Digits that are no number any more are one that is too large.
		return mostLiteral + 1, len(line)-open > 10
	}
	return n, n >= 0
}

// told says that a response is text for people ("* OK …", "a1 NO …"), in which
// braces mean nothing.
func told(start []byte) bool {
	fields := bytes.Fields(start)
	if len(fields) < 2 || len(fields[0]) == 1 && fields[0][0] == '+' {
		return len(fields) > 0 && fields[0][0] == '+'
	}
	switch string(bytes.ToUpper(fields[1])) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

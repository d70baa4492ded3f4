package imap

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap"

	"rapport/simulator/postal"
)

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	in     *imap.Reader
	lines  *bufio.Reader
	safe   bool // TLS
	more   chan bool
	nudged chan struct{}
	done   chan struct{}

	outMu sync.Mutex
	out   *bufio.Writer
	ended bool // BYE was said

	login     postal.Login
	account   *account // nil before signing in
	condstore bool

	// The folder that is open, and what the client knows of it.
	folder   *folder
	name     named
	readOnly bool
	view     []uint32 // UIDs by sequence number
	gen      int
	heard    int               // position in the news
	own      map[uint64]uint64 // history of own changes, which are not told
}

// refused is a command's answer: NO or BAD with words.
type refused struct{ kind, text string }

func (r refused) Error() string { return r.kind + " " + r.text }

func no(format string, a ...any) error  { return refused{"NO", fmt.Sprintf(format, a...)} }
func bad(format string, a ...any) error { return refused{"BAD", fmt.Sprintf(format, a...)} }

var errEnd = errors.New("the session ends")

// appendLimit is the largest message that APPEND takes.
const appendLimit = 35651584

func newSession(s *Server, c net.Conn, withTLS bool) *session {
	x := &session{server: s, conn: c, safe: withTLS, nudged: make(chan struct{}, 1), done: make(chan struct{})}
	if withTLS {
		x.conn = tls.Server(c, s.tls)
	}
	x.attach(x.conn)
	return x
}

// attach reads and writes on a connection.
func (x *session) attach(c net.Conn) {
	x.outMu.Lock()
	defer x.outMu.Unlock()
	x.conn, x.out = c, bufio.NewWriterSize(c, 64<<10)
	if x.more != nil {
		close(x.more)
	}
	more := make(chan bool)
	go func() {
		for range more {
			x.say("+ go ahead")
			x.flush()
		}
	}()
	x.more, x.lines = more, bufio.NewReaderSize(c, 64<<10)
	x.in = imap.NewServerReader(x.lines, more)
	x.in.MaxLiteralSize = appendLimit
}

func (x *session) say(format string, a ...any) {
	x.outMu.Lock()
	defer x.outMu.Unlock()
	if !x.ended {
		_, _ = fmt.Fprintf(x.out, format+"\r\n", a...) // seen at the next read
	}
}

// respond writes an untagged response of fields.
func (x *session) respond(fields ...any) {
	x.outMu.Lock()
	defer x.outMu.Unlock()
	if !x.ended {
		_ = imap.NewUntaggedResp(fields).WriteTo(imap.NewWriter(x.out))
	}
}

func (x *session) flush() {
	x.outMu.Lock()
	defer x.outMu.Unlock()
	_ = x.out.Flush()
}

// bye ends the session with words.
func (x *session) bye(text string) {
	x.say("* BYE %s", text)
	x.outMu.Lock()
	x.ended = true
	_ = x.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_ = x.out.Flush()
	x.outMu.Unlock()
	_ = x.conn.Close()
}

// nudge makes an idle session look again.
func (x *session) nudge() {
	select {
	case x.nudged <- struct{}{}:
	default:
	}
}

func (x *session) run() {
	defer x.leave()
	if c, ok := x.conn.(*tls.Conn); ok {
		if c.Handshake() != nil {
			return
		}
	}
	x.say("* OK Gimap ready for requests from 127.0.0.1 sim")
	x.flush()
	for {
		fields, err := x.in.ReadLine()
		switch {
		case imap.IsParseError(err):
			if _, err := x.in.ReadInfo(); err != nil {
				return
			}
			x.say("* BAD Could not parse command")
			x.flush()
			continue
		case err != nil:
			return
		case len(fields) < 2:
			x.say("* BAD Unknown command")
			x.flush()
			continue
		}
		err = x.handle(fields)
		x.flush()
		if err != nil {
			return
		}
	}
}

// leave gives the seat of the account back.
func (x *session) leave() {
	close(x.done)
	close(x.more)
	_ = x.conn.Close()
	if a := x.account; a != nil {
		a.mu.Lock()
		delete(a.sessions, x)
		a.mu.Unlock()
	}
}

// handle carries out a command and answers it.
func (x *session) handle(fields []any) error {
	tag, _ := fields[0].(string)
	name, _ := fields[1].(string)
	name = strings.ToUpper(name)
	args := fields[2:]
	if name == "UID" && len(args) > 0 {
		sub, _ := args[0].(string)
		name, args = "UID "+strings.ToUpper(sub), args[1:]
	}
	if x.account != nil && !x.alive() {
		x.bye(expired)
		return errEnd
	}
	text, err := x.faulty(name)
	if err == nil {
		text, err = x.command(tag, name, args)
	}
	var r refused
	switch {
	case err == nil:
		if err := x.poll(name); err != nil {
			return err
		}
		x.say("%s OK %s", tag, text)
	case errors.Is(err, errSaid):
	case errors.As(err, &r):
		x.say("%s %s %s", tag, r.kind, r.text)
	default:
		return err
	}
	if name == "LOGOUT" {
		return errEnd
	}
	return nil
}

const expired = "Session expired, please login again."

func (x *session) alive() bool { return x.server.door.Alive(x.login) }

// faulty lets a fault of API "imap" happen: cut, slow, or a status as NO.
func (x *session) faulty(name string) (string, error) {
	f := x.server.door.Faults.Pick("imap", strings.ToLower(strings.ReplaceAll(name, " ", ".")), x.login.Email)
	if f == nil {
		return "", nil
	}
	switch f.Kind {
	case "slow":
		timer := time.NewTimer(f.Delay())
		defer timer.Stop()
		<-timer.C
		return "", nil
	case "status":
		text := f.Message
		if text == "" {
			text = "[UNAVAILABLE] Temporary System Error"
		}
		return "", no("%s", text)
	}
	_ = x.conn.Close()
	return "", io.ErrUnexpectedEOF
}

// command is one command in the state it is allowed in.
func (x *session) command(tag, name string, args []any) (string, error) {
	switch name {
	case "CAPABILITY":
		x.say("* CAPABILITY %s", x.capabilities())
		return "Thats all she wrote!", nil
	case "NOOP":
		return "Success", nil
	case "LOGOUT":
		x.say("* BYE LOGOUT Requested")
		return "73 good day (Success)", nil
	case "ID":
		x.say(`* ID ("name" "GImap" "vendor" "Google, Inc." "support-url" "https://support.google.com/mail" "version" "gmail_imap_sim" "remote-host" "127.0.0.1")`)
		return "Success", nil
	case "STARTTLS":
		return "", x.startTLS(tag)
	case "AUTHENTICATE":
		return x.authenticate(args)
	case "LOGIN":
		return "", errPassword
	}
	if x.account == nil {
		return "", bad("Unknown command")
	}
	if f := commands[name]; f != nil {
		return f(x, args)
	}
	if x.folder == nil && (inFolder[name] != nil || name == "EXPUNGE") {
		return "", bad("%s not allowed now.", name)
	}
	if f := inFolder[name]; f != nil {
		return f(x, args)
	}
	return "", bad("Unknown command")
}

var commands, inFolder map[string]func(*session, []any) (string, error)

func init() { // the table's functions use it
	commands = map[string]func(*session, []any) (string, error){
		"NAMESPACE": (*session).namespace, "ENABLE": (*session).enable, "LIST": (*session).list, "LSUB": (*session).lsub, "XLIST": (*session).xlist,
		"STATUS": (*session).status, "SELECT": (*session).selectIt, "EXAMINE": (*session).examine, "CREATE": (*session).create, "DELETE": (*session).remove,
		"RENAME": (*session).rename, "SUBSCRIBE": (*session).subscribe, "UNSUBSCRIBE": (*session).subscribe, "APPEND": (*session).append,
		"IDLE": (*session).idle, "GETQUOTA": (*session).quota, "GETQUOTAROOT": (*session).quotaRoot,
	}
	plain := map[string]func(*session, []any, bool) (string, error){
		"FETCH": (*session).fetch, "STORE": (*session).store, "SEARCH": (*session).search, "COPY": (*session).copy, "MOVE": (*session).move, "EXPUNGE": (*session).expunge,
	}
	inFolder = map[string]func(*session, []any) (string, error){
		"CHECK": (*session).check, "CLOSE": (*session).closeIt, "UNSELECT": (*session).unselect,
	}
	for name, f := range plain {
		inFolder[name] = func(x *session, args []any) (string, error) { return f(x, args, false) }
		inFolder["UID "+name] = func(x *session, args []any) (string, error) { return f(x, args, true) }
	}
}

func (x *session) capabilities() string {
	const always = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1"
	if x.account != nil {
		return always + " UIDPLUS ENABLE MOVE CONDSTORE ESEARCH LIST-EXTENDED LITERAL- SPECIAL-USE APPENDLIMIT=35651584"
	}
	offer := always + " SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=OAUTHBEARER"
	if !x.safe {
		offer += " STARTTLS"
	}
	return offer
}

func (x *session) startTLS(tag string) error {
	if x.safe || x.account != nil {
		return bad("STARTTLS not allowed now.")
	}
	x.say("%s OK Begin TLS negotiation now.", tag)
	x.flush()
	c := tls.Server(x.conn, x.server.tls)
	if err := c.Handshake(); err != nil {
		return err
	}
	x.safe = true
	x.attach(c)
	return errSaid
}

// errSaid: the command was answered already.
var errSaid = errors.New("answered")

// Package dovecottest runs a real IMAP server, Dovecot, for tests: on a free port
// of this machine with TLS, for any number of users, with passwords and with
// XOAUTH2 and OAUTHBEARER.
package dovecottest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/netguard/porttest"
)

// Password is everybody's.
const Password = "lamp-black-7"

// Connections is how many a user may have at a time.
const Connections = 6

// Server is a running Dovecot.
type Server struct {
	TLS, Plain string // addresses: TLS from the first byte, and STARTTLS
	Roots      *x509.CertPool
	CA         string // file of the authority
	dir        string
	config     string

	mu     sync.Mutex
	tokens map[string]string // token → user
}

// Hosts are the names that the certificate is good for.
var Hosts = []string{"imap.gmail.com", "smtp.gmail.com", "mail.northwind-lamps.example", "localhost"}

var running struct {
	sync.Mutex
	server *Server
	stop   func()
}

// Main runs the tests of a package and stops the server afterwards.
func Main(m *testing.M) {
	code := m.Run()
	running.Lock()
	if running.stop != nil {
		running.stop()
	}
	running.Unlock()
	os.Exit(code)
}

// Start gives the server of this test process. It is started by the first who
// asks, and ends with Main.
func Start(t testing.TB) *Server {
	t.Helper()
	running.Lock()
	defer running.Unlock()
	if running.server == nil {
		s, stop, err := start()
		require.NoError(t, err, "Dovecot is needed: scripts/need dovecot")
		running.server, running.stop = s, stop
	}
	return running.server
}

// Run starts a server of a test's own, that ends with the test.
func Run(t testing.TB) *Server {
	t.Helper()
	s, stop, err := start()
	require.NoError(t, err, "Dovecot is needed: scripts/need dovecot")
	t.Cleanup(stop)
	return s
}

// start tries again where another program has taken a port before Dovecot did.
func start() (s *Server, stop func(), err error) {
	program, err := exec.LookPath("dovecot")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/dovecot"); err != nil {
			return nil, nil, err
		}
	}
	for range 5 {
		if s, stop, err = launch(program); err == nil {
			break
		}
	}
	return s, stop, err
}

func launch(program string) (*Server, func(), error) {
	dir, err := os.MkdirTemp("", "dovecot") // short: sockets lie in it
	if err != nil {
		return nil, nil, err
	}
	s := &Server{dir: dir, config: filepath.Join(dir, "dovecot.conf"), tokens: map[string]string{}}
	introspection := httptest.NewServer(http.HandlerFunc(s.introspect))
	drop := func() {
		introspection.Close()
		_ = os.RemoveAll(dir)
	}
	if err := s.prepare(introspection.URL); err != nil {
		drop()
		return nil, nil, err
	}
	cmd := exec.Command(program, "-F", "-c", s.config)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		drop()
		return nil, nil, err
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	stop := func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-exited:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
		}
		drop()
	}
	if err := s.answers(exited); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		stop()
		return nil, nil, fmt.Errorf("%w: %s %s", err, out.String(), log)
	}
	return s, stop, nil
}

// answers waits until it is this server that takes connections.
func (s *Server) answers(exited <-chan struct{}) error {
	until := time.NewTimer(10 * time.Second)
	defer until.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if s.isHere() {
			return nil
		}
		select {
		case <-look.C:
		case <-exited:
			return fmt.Errorf("dovecot ended at once")
		case <-until.C:
			return fmt.Errorf("dovecot does not answer")
		}
	}
}

// isHere reports whether the server with our certificate answers with TLS, and somebody
// without.
func (s *Server) isHere() bool {
	d := &net.Dialer{Timeout: time.Second}
	safe, err := tls.DialWithDialer(d, "tcp", s.TLS, &tls.Config{RootCAs: s.Roots, ServerName: "localhost"})
	if err != nil {
		return false
	}
	_ = safe.Close()
	plain, err := d.Dial("tcp", s.Plain)
	if err != nil {
		return false
	}
	_ = plain.Close()
	return true
}

var configuration = template.Must(template.New("dovecot").Parse(`
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
ssl_dh =
disable_plaintext_auth = yes
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mailbox_list_index = yes
first_valid_uid = 1
mail_max_userip_connections = {{.Connections}}
imap_idle_notify_interval = 2 mins
default_internal_user = {{.Internal}}
default_internal_group = {{.InternalGroup}}
default_login_user = {{.Login}}
default_vsz_limit = 512M
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {{.Dir}}/oauth2.conf
}
passdb {
  driver = static
  mechanisms = plain login
  args = password={{.Password}}
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.GID}} home={{.Dir}}/mail/%n
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox "Gesendete Objekte" {
    auto = create
    special_use = \Sent
  }
  mailbox Entwürfe {
    auto = create
    special_use = \Drafts
  }
  mailbox Papierkorb {
    auto = create
    special_use = \Trash
  }
}
service imap-login {
  {{if .Own}}chroot ={{end}}
  inet_listener imap {
    port = {{.PlainPort}}
  }
  inet_listener imaps {
    port = {{.TLSPort}}
    ssl = yes
  }
  process_min_avail = 1
  service_count = 0
}
service imap {
  process_limit = 200
}
service anvil {
  {{if .Own}}chroot ={{end}}
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
{{if .Own}}service stats {
  chroot =
}{{end}}
`))

func (s *Server) prepare(introspection string) error {
	for _, d := range []string{"run", "state", "mail"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := s.certify(); err != nil {
		return err
	}
	safe, err := porttest.Free()
	if err != nil {
		return err
	}
	plain, err := porttest.Free()
	if err != nil {
		return err
	}
	s.TLS, s.Plain = net.JoinHostPort("127.0.0.1", safe), net.JoinHostPort("127.0.0.1", plain)
	v := map[string]any{"Dir": s.dir, "TLSPort": safe, "PlainPort": plain, "Password": Password, "Connections": Connections,
		"Internal": "dovecot", "InternalGroup": "dovecot", "Login": "dovenull", "UID": "65534", "GID": "65534", "Own": false}
	if os.Getuid() != 0 { // everything runs as this user then
		me, err := user.Current()
		if err != nil {
			return err
		}
		group, err := user.LookupGroupId(me.Gid)
		if err != nil {
			return err
		}
		v["Internal"], v["InternalGroup"], v["Login"], v["UID"], v["GID"], v["Own"] = me.Username, group.Name, me.Username, me.Uid, me.Gid, true
	} else if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(s.dir, "mail"), 0o777); err != nil {
		return err
	}
	oauth2 := "introspection_url = " + introspection + "/?token=\nintrospection_mode = get\nusername_attribute = email\nactive_attribute = active\nactive_value = true\ndebug = no\n"
	if err := os.WriteFile(filepath.Join(s.dir, "oauth2.conf"), []byte(oauth2), 0o644); err != nil {
		return err
	}
	f, err := os.Create(s.config)
	if err != nil {
		return err
	}
	if err := configuration.Execute(f, v); err != nil {
		return err
	}
	return f.Close()
}

// certify makes an authority and a certificate of it.
func (s *Server) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	self := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Northwind Lamps"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: Hosts, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, self, self, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(cert)
	s.CA = filepath.Join(s.dir, "cert.pem")
	if err := os.WriteFile(s.CA, cert, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}

// Certificate is the server's, for other servers beside it.
func (s *Server) Certificate(t testing.TB) *tls.Config {
	t.Helper()
	c, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem"))
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

// introspect tells Dovecot whose a token is (RFC 7662).
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	who, good := s.tokens[r.URL.Query().Get("token")]
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"active": strconv.FormatBool(good), "email": who})
}

// Grant makes a token good for a user; Forget ends it.
func (s *Server) Grant(token, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = user
}

// Forget makes a token worthless.
func (s *Server) Forget(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
}

// home is the folder of a user's mail.
func (s *Server) home(user string) string {
	name, _, _ := strings.Cut(user, "@")
	return filepath.Join(s.dir, "mail", name)
}

// Fill puts messages into the inbox of a user who has not signed in yet.
func (s *Server) Fill(t testing.TB, user string, messages ...[]byte) {
	t.Helper()
	box := filepath.Join(s.home(user), "Maildir")
	for _, d := range []string{"cur", "new", "tmp"} {
		require.NoError(t, os.MkdirAll(filepath.Join(box, d), 0o777))
	}
	for i, m := range messages {
		name := filepath.Join(box, "cur", fmt.Sprintf("%d.M%dP1.host,S=%d,W=%d:2,", 1700000000+i, i, len(m), len(m)))
		require.NoError(t, os.WriteFile(name, m, 0o666))
		at := time.Unix(int64(1700000000+i), 0)
		require.NoError(t, os.Chtimes(name, at, at))
	}
	if os.Getuid() == 0 {
		require.NoError(t, filepath.Walk(s.home(user), func(path string, _ os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, 65534, 65534)
		}))
	}
}

// Renumber gives the inbox of a user another UIDVALIDITY and its messages other
// UIDs, as a move to another server does.
func (s *Server) Renumber(t testing.TB, user string) {
	t.Helper()
	s.Kick(t, user)
	box := filepath.Join(s.home(user), "Maildir")
	list, err := os.ReadFile(filepath.Join(box, "dovecot-uidlist"))
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(list), "\n")
	fields := strings.Fields(head)
	for i, f := range fields {
		if strings.HasPrefix(f, "V") {
			n, err := strconv.ParseUint(f[1:], 10, 32)
			require.NoError(t, err)
			fields[i] = "V" + strconv.FormatUint(n+17, 10)
		}
		if strings.HasPrefix(f, "N") {
			fields[i] = "N1"
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(box, "dovecot-uidlist"), []byte(strings.Join(fields, " ")+"\n"), 0o666))
	indexes, err := filepath.Glob(filepath.Join(box, "dovecot.index*"))
	require.NoError(t, err)
	for _, f := range indexes {
		require.NoError(t, os.Remove(f))
	}
}

// Kick ends all sessions of a user.
func (s *Server) Kick(t testing.TB, user string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	doveadm, err := exec.LookPath("doveadm")
	if err != nil {
		doveadm = "/usr/bin/doveadm"
	}
	out, err := exec.CommandContext(ctx, doveadm, "-c", s.config, "kick", user).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "no users kicked") && len(out) > 0 {
		t.Fatalf("doveadm kick: %v: %s", err, out)
	}
}

// Log is what the server wrote down.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text)
}

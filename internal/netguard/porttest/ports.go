// Package porttest gives ports to servers that tests start as programs of their own,
// which cannot be handed a listener.
package porttest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// The ports lie below those the system gives to whoever listens on port 0 or calls
// somebody, so that neither takes one between our look and the server's.
const first, count = 15000, 15000

// next starts anywhere: tests of other packages and trees run at the same time.
var next atomic.Uint32

func init() { next.Store(rand.Uint32N(count)) }

// Free gives a port of 127.0.0.1 that nobody listens on, each time another one.
// Another program may still take it: who starts a server tries again.
func Free() (string, error) {
	for range 100 {
		port := strconv.Itoa(first + int(next.Add(1)%count))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return "", fmt.Errorf("no port is free from %d on", first)
}

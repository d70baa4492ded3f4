// Package world is what every part of the simulated Google shares: the clock,
// the seed, who has an account, and which applications (OAuth clients) exist.
// It holds no mail, no tokens and no events; those belong to the rooms.
package world

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// World is one simulated Google.
type World struct {
	Seed     int64
	Clock    *Clock
	Accounts *Accounts
	Clients  *Clients
	Domains  *Domains
	Projects *Projects

	Until time.Time // when generated contents end; zero: the time of the clock
}

// New makes an empty world. A nil clock means the machine's clock.
func New(seed int64, clock *Clock) *World {
	if clock == nil {
		clock = NewClock(nil)
	}
	return &World{
		Seed:     seed,
		Clock:    clock,
		Accounts: NewAccounts(seed),
		Clients:  NewClients(),
		Domains:  NewDomains(),
		Projects: NewProjects(),
	}
}

// Rand returns a random stream that depends on the seed and the name only, so
// that what one room draws never shifts what another one gets.
func (w *World) Rand(name ...string) *rand.Rand { return Rand(w.Seed, name...) }

// Rand is World.Rand for callers that only know the seed.
func Rand(seed int64, name ...string) *rand.Rand {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(seed))
	h.Write(b[:])
	for _, n := range name {
		h.Write([]byte(n))
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
}

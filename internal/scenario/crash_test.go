package scenario

import (
	"testing"
	"time"

	"rapport/internal/store/storetest"
)

func TestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		began := time.Now()
		w := newTown(t, d)
		t.Log("town", time.Since(began))
		for range 5 {
			began = time.Now()
			lap := func(what string) { t.Log(what, time.Since(began).Round(time.Millisecond)); began = time.Now() }
			h := w.newHouse(t, 60)
			s := h.furnish()
			lap("house")
			p := h.boot()
			lap("boot")
			h.connect(p)
			lap("connect")
			if err := p.begin(); err != nil {
				t.Fatal(err)
			}
			if err := p.settle(); err != nil {
				t.Fatal(err)
			}
			lap("full sync")
			h.sound()
			lap("sound")
			t.Log(p.calls.Load(), p.writes.Load())
			h.change(s)
			lap("change")
			if err := p.settle(); err != nil {
				t.Fatal(err)
			}
			lap("incremental")
			t.Log(p.calls.Load(), p.writes.Load())
			h.sound()
			p.stop()
			h.leave()
			lap("end")
			if t.Failed() {
				t.Log(p.trail.String())
				break
			}
		}
	})
}

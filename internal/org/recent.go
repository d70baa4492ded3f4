package org

import (
	"sync"
	"time"
)

const (
	recentLife = time.Second // what another process has changed is noticed after that at the latest
	recentSize = 20_000
)

// recent remembers what was read for a moment, so that a busy program does not
// read the same rows thousands of times a second. Changes made through this
// process are forgotten at once. The zero value is empty and ready.
type recent[K comparable, V any] struct {
	mu      sync.RWMutex
	changes uint64 // counts what was forgotten: what was read before is not remembered any more
	kept    map[K]remembered[V]
}

type remembered[V any] struct {
	value V
	since time.Time
}

// get gives what is remembered, or reads it. An error is not remembered.
func (r *recent[K, V]) get(k K, now time.Time, read func() (V, error)) (V, error) {
	r.mu.RLock()
	known, ok := r.kept[k]
	before := r.changes
	r.mu.RUnlock()
	if ok && fresh(known.since, now) {
		return known.value, nil
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes == before {
		r.makeRoom(now)
		r.kept[k] = remembered[V]{v, now}
	}
	return v, nil
}

// fresh also refuses what a clock that was set back has left in the future.
func fresh(since, now time.Time) bool {
	age := now.Sub(since)
	return age >= 0 && age < recentLife
}

func (r *recent[K, V]) makeRoom(now time.Time) {
	if r.kept == nil {
		r.kept = map[K]remembered[V]{}
	}
	if len(r.kept) < recentSize {
		return
	}
	for k, v := range r.kept {
		if !fresh(v.since, now) {
			delete(r.kept, k)
		}
	}
	if len(r.kept) >= recentSize {
		clear(r.kept)
	}
}

// change alters what is remembered under k, if anything is and it still holds.
func (r *recent[K, V]) change(k K, holds func(V) bool, change func(*V)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.kept[k]
	if !ok || !holds(v.value) {
		return false
	}
	change(&v.value)
	r.kept[k] = v
	return true
}

// forget drops what matches, and what is being read just now.
func (r *recent[K, V]) forget(out func(K, V) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	for k, v := range r.kept {
		if out(k, v.value) {
			delete(r.kept, k)
		}
	}
}

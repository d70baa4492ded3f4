package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// loadTask asks for the same kind of answer over and over, from a process of its
// own: plain connections that are kept, one request at a time on each, requests
// made beforehand, answers looked at and not decoded.
type loadTask struct {
	Addresses   []string // host:port, used in turn
	Paths       []string // asked for at random
	Proof       []string // what the answer to each path must hold
	Header      string   // lines, each with its end
	Connections int
	Requests    int // on each connection; 0: until Seconds are over
	Warm        float64
	Seconds     float64
}

type loadResult struct {
	used
	Answers      int64
	P50, P99     float64 // milliseconds
	Slowest      float64
	Wrong        int64
	FirstWrong   string
	CPUofAnswers float64 // microseconds of the generator for each answer
}

// wanted is a request, ready to be sent, and what proves its answer.
type wanted struct{ request, proof []byte }

func loadChild(ctx context.Context, task json.RawMessage) (any, error) {
	var t loadTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	all := make([]wanted, len(t.Paths))
	for i, path := range t.Paths {
		all[i] = wanted{fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n", path, t.Header), []byte(t.Proof[i])}
	}
	callers := make([]*caller, t.Connections)
	for i := range callers {
		c, err := net.DialTimeout("tcp", t.Addresses[i%len(t.Addresses)], 10*time.Second)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		callers[i] = &caller{conn: c, in: bufio.NewReaderSize(c, 4<<10), all: all, r: rand.New(rand.NewPCG(uint64(i), 1))}
	}
	if t.Warm > 0 {
		if _, err := together(ctx, callers, 0, t.Warm); err != nil {
			return nil, err
		}
		for _, c := range callers {
			c.took = c.took[:0]
		}
	}
	m := startMeter()
	if _, err := together(ctx, callers, t.Requests, t.Seconds); err != nil {
		return nil, err
	}
	out := loadResult{used: m.stop()}
	var times []float64
	for _, c := range callers {
		times = append(times, c.took...)
		out.Wrong += c.wrong
		if out.FirstWrong == "" {
			out.FirstWrong = c.first
		}
	}
	out.Answers = int64(len(times))
	out.P50, out.P99, out.Slowest = percentile(times, 50), percentile(times, 99), percentile(times, 100)
	out.CPUofAnswers = out.CPU / float64(max(out.Answers, 1)) * 1e6
	return out, nil
}

// together lets all callers begin at the same moment.
func together(ctx context.Context, callers []*caller, requests int, seconds float64) (time.Duration, error) {
	var over atomic.Bool
	if requests == 0 {
		t := time.AfterFunc(time.Duration(seconds*float64(time.Second)), func() { over.Store(true) })
		defer t.Stop()
	}
	stop := context.AfterFunc(ctx, func() { over.Store(true) })
	defer stop()
	var all sync.WaitGroup
	errs := make([]error, len(callers))
	start := make(chan struct{})
	for i, c := range callers {
		all.Go(func() {
			<-start
			for n := 0; !over.Load() && (requests == 0 || n < requests) && errs[i] == nil; n++ {
				errs[i] = c.one()
			}
		})
	}
	began := time.Now()
	close(start)
	all.Wait()
	return time.Since(began), errors.Join(errs...)
}

// caller is one connection.
type caller struct {
	conn  net.Conn
	in    *bufio.Reader
	all   []wanted
	r     *rand.Rand
	took  []float64
	body  []byte
	wrong int64
	first string
}

// one sends a request and reads its answer.
func (c *caller) one() error {
	w := c.all[c.r.IntN(len(c.all))]
	began := time.Now()
	if _, err := c.conn.Write(w.request); err != nil {
		return err
	}
	status, err := c.answer()
	if err != nil {
		return err
	}
	c.took = append(c.took, float64(time.Since(began).Nanoseconds())/1e6)
	if status != "200" || !bytes.Contains(c.body, w.proof) {
		if c.wrong++; c.first == "" {
			c.first = status + " " + tail(c.body, 200)
		}
	}
	return nil
}

var lengthName = []byte("content-length:")

// answer reads one answer into body. All that are measured name their length.
func (c *caller) answer() (status string, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	if len(line) < 12 {
		return "", fmt.Errorf("no answer of HTTP: %q", line)
	}
	status = string(line[9:12])
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return "", err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > len(lengthName) && bytes.EqualFold(line[:len(lengthName)], lengthName) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthName):]))); err != nil {
				return "", err
			}
		}
	}
	if length < 0 {
		return "", errors.New("an answer without its length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	for read := 0; read < length; {
		n, err := c.in.Read(c.body[read:])
		if err != nil {
			return "", err
		}
		read += n
	}
	return status, nil
}

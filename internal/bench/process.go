package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// process is a started program that answers HTTP.
type process struct {
	url  string
	pid  int
	cmd  *exec.Cmd
	log  *lastBytes
	gone chan struct{}
}

// freePort asks the kernel for a port.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// launch starts the program and waits until ready answers 200. It gives the
// time from the start to the first answer.
func (b *bench) launch(ctx context.Context, port int, ready string, env []string, args ...string) (*process, time.Duration, error) {
	p := &process{url: fmt.Sprintf("http://127.0.0.1:%d", port), log: &lastBytes{}, gone: make(chan struct{})}
	p.cmd = exec.Command(b.program, args...)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.scratch, "TMPDIR=" + b.scratch}, env...)
	p.cmd.Dir = b.scratch // no .env file of somebody's
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, 0, fmt.Errorf("starting %s: %w (make build)", b.program, err)
	}
	p.pid = p.cmd.Process.Pid
	go func() { _ = p.cmd.Wait(); close(p.gone) }()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := client.Get(p.url + ready)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p, time.Since(began), nil
			}
		}
		select {
		case <-p.gone:
			return nil, 0, fmt.Errorf("%s %v ended: %s", b.program, args, p.log)
		case <-ctx.Done():
			p.stop()
			return nil, 0, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > 60*time.Second {
			p.stop()
			return nil, 0, fmt.Errorf("%s %v does not answer %s: %s", b.program, args, ready, p.log)
		}
	}
}

// stop ends the process: politely, then for good.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

func (p *process) cpu() float64 {
	own, _, _, err := processTimes(p.pid)
	if err != nil {
		return 0
	}
	return own
}

func (p *process) rss() float64  { return memoryMB(strconv.Itoa(p.pid), "VmRSS") }
func (p *process) peak() float64 { return memoryMB(strconv.Itoa(p.pid), "VmHWM") }

// lastBytes keeps the end of what a process prints.
type lastBytes struct {
	mu sync.Mutex
	b  []byte
}

func (l *lastBytes) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b = append(l.b, p...); len(l.b) > 1<<14 {
		l.b = bytes.Clone(l.b[len(l.b)-1<<12:])
	}
	return len(p), nil
}

func (l *lastBytes) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return tail(l.b, 800)
}

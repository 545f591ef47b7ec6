package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An outage tells the operator of dials that fail: of the first at once, then with a
// line a second at most, which has the number of further ones, and of the first that
// succeeds again. It writes on a goroutine of its own: a loop must never wait for a log.
type outage struct {
	to   string
	wake chan struct{} // has room for one
	down atomic.Bool   // a dial has failed, and its end was not told yet

	mu     sync.Mutex
	err    error     // guarded by mu: of the last dial that failed
	failed int       // guarded by mu: dials, since the last line
	since  time.Time // guarded by mu: of the first that failed
	all    int       // guarded by mu: dials that failed since then
	back   bool      // guarded by mu: the last dial succeeded
}

func newOutage(to string) *outage { return &outage{to: to, wake: make(chan struct{}, 1)} }

// note takes the result of a dial. It may be called on any goroutine, and does not block.
func (o *outage) note(err error) {
	if err == nil && !o.down.Load() || errors.Is(err, net.ErrClosed) { // the client ended first
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.back = err == nil; !o.back {
		if o.all == 0 {
			o.since = time.Now()
		}
		o.err = err
		o.failed++
		o.all++
		o.down.Store(true)
	}
	o.stir()
}

func (o *outage) stir() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// report writes the lines, for as long as the process lives.
func (o *outage) report(out io.Writer) {
	for range o.wake {
		if line := o.line(); line != "" {
			fmt.Fprintln(out, line)
			time.Sleep(time.Second)
		}
	}
}

// line returns what there is to tell, "" if that is nothing.
func (o *outage) line() (line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.failed > 0:
		line = fmt.Sprintf("backend %s: %v", o.to, o.err)
		if o.failed > 1 {
			line += fmt.Sprintf(" (the last of %d dials that failed since the last line)", o.failed)
		}
		o.failed = 0
		if o.back {
			o.stir()
		}
	case o.back && o.all > 0:
		line = fmt.Sprintf("backend %s is back after %v, in which %d dials failed", o.to, time.Since(o.since).Round(time.Millisecond), o.all)
		o.all, o.back = 0, false
		o.down.Store(false)
	}
	return line
}

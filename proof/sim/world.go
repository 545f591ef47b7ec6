// Package sim runs the real loops, pollers, descriptors, pools and relays on a
// simulated kernel, one schedule after another, and checks after every step, and
// at the end, that nothing was lost, confused, leaked, hung or spun.
package sim

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/pool"
	"github.com/penstock/penstock/splice"
)

// A World is one run.
type World struct {
	tape    *Tape
	k       *simkernel.Kernel
	config  config
	srv     *loop.Server
	loops   []*loop.Loop
	epolls  map[int]int64 // deadlines of loops that sleep, where there are several
	lives   []*life
	links   []simkernel.Link
	mail    []func() // what other goroutines are about to do
	jobs    []job    // what workers do
	holds   []simkernel.Hold
	actors  []actor
	failure string
	trace   io.Writer

	posts, posted, ran int
	refused            int         // posts, by a loop that has ended
	ending             bool        // the server is being closed
	nested             bool        // a loop makes a turn between two calls of another
	drained            bool        // the server is being drained
	busy               bool        // a party acts: no call is the runtime's
	fatal              bool        // a fault was injected that may cut a connection
	running            int         // the loop that is being run
	owners             map[int]int // by the number of their epoll
	looks              []int64     // when each loop last looked for events
	pausedAt           int64       // when the process was last stopped, until
	quiet              bool        // no more interleaving, faults or holds
	bound              bounds
}

// Run makes one run of a tape, and answers what failed: "" if nothing did.
func Run(t *Tape, exact *Scenario, trace io.Writer) string {
	w := &World{tape: t, trace: trace}
	w.config = exact.choose(t)
	w.run()
	return w.failure
}

func (w *World) run() {
	defer ended.Add(1)
	defer func() {
		if v := recover(); v != nil && w.failure == "" {
			w.failure = fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	w.begin()
	w.turns()
	if w.failure == "" {
		w.judge()
	}
	w.shut()
}

// begin makes the kernel, the server and the lives.
func (w *World) begin() {
	c := &w.config
	c.kernel.Scheduler = w
	w.k = simkernel.New(c.kernel)
	w.busy = true
	for i := range c.lives {
		w.lives = append(w.lives, w.newLife(i, c.lives[i]))
	}
	w.posts = c.posts
	w.srv = &loop.Server{
		Handler: loop.OnOpen(w.open),
		Config:  loop.Config{Loops: c.loops, Watchdog: -1, Workers: 1, Kernel: w.k, Stepped: true, Logger: slog.New(w)},
		Marks:   c.marks,
		Socket:  fd.Options{Linger: c.closeWait},
	}
	if c.shared {
		w.srv.Balance = loop.ByKernel
	}
	if err := w.listen(); err != nil {
		w.fail("listen: %v", err)
		return
	}
	w.srv.Group().Hand(w.work)
	w.loops = w.srv.Group().Loops()
	w.epolls = make(map[int]int64, len(w.loops))
	w.looks = make([]int64, len(w.loops))
	w.owners = make(map[int]int, len(w.loops))
	w.srv.Accept()
	w.busy = false
}

// open is the server's handler. It runs on a loop.
func (w *World) open(c *loop.Conn) error {
	remote := c.RemoteAddr()
	if remote == nil {
		return io.ErrUnexpectedEOF // it was reset in the backlog
	}
	v := w.find(c, remote)
	v.opened = true
	v.loop = c.Loop().ID()
	switch v.kind {
	case echoed:
		return c.Serve(&echo{w, v})
	case replied:
		return c.Serve(&reply{echo: echo{w, v}})
	case panicked:
		return c.Serve(&panics{echo{w, v}})
	case fronted:
		return c.Serve(&front{w: w, v: v})
	case remoted:
		return c.Serve(&distant{echo: echo{w, v}, pauses: w.tape.Pick(4)})
	case handed:
		return c.Serve(&handsOff{echo: echo{w, v}})
	case spoken:
		return w.speak(v, c)
	case monkeyed:
		return c.Serve(w.newMonkey(v, c))
	}
	return w.dial(v, c, func(up *loop.Conn) error {
		if v.kind == proxied {
			return w.join(v, c, up)
		}
		return w.relay(v, c, up)
	})
}

// dial connects to the backend of a life.
func (w *World) dial(v *life, c *loop.Conn, then func(up *loop.Conn) error) error {
	v.dialledAt = w.k.Clock()
	d := &loop.Dialer{Timeout: w.config.dial, Socket: fd.Options{Linger: w.config.closeWait}}
	if v.named != nil {
		d.Timeout, d.Resolver = v.named.timeout, &resolver{w}
	}
	err := d.DialFor(c, v.network, v.address, func(up *loop.Conn, err error) error {
		if !w.quiet {
			w.overstays(v)
		}
		began := v.dialledAt
		v.dialledAt = 0
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.judgeDial(v)
		}
		// The error may be that of the first address, though it was time that ended the dial.
		v.timedOut = v.timedOut || err != nil && w.k.Clock() >= began+int64(d.Timeout)
		if err != nil {
			v.gaveUp = errors.Is(err, net.ErrClosed)
			w.judgeFailure(v, err)
			return err
		}
		w.chosen(v, up)
		return then(up)
	})
	switch {
	case errors.Is(err, pool.ErrBusy):
		v.dialledAt, v.refuses = 0, true // no worker was free
	case err == nil && v.named != nil && v.named.twin:
		w.dialTwin(v, d, c)
	}
	return err
}

func (w *World) relay(v *life, c, up *loop.Conn) error {
	o := w.config.relay
	o.Done = func(r splice.Result) {
		v.result = &r
		w.judgeTime(v, r.Err)
	}
	v.relayedAt = w.k.Clock()
	for i, c := range [2]*loop.Conn{c, up} {
		v.ends[i], _ = w.k.Opposite(c.FD().Num())
	}
	return splice.Relay(c, up, &o)
}

// fail ends the run. The first failure counts.
func (w *World) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
		w.say("FAILURE: %s", w.failure)
	}
}

func (w *World) say(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%10.3f ms  "+format+"\n", append([]any{float64(w.k.Clock()-int64(time.Hour)) / 1e6}, args...)...)
	}
}

// shut ends the server, and checks that it gave back all that it had.
func (w *World) shut() {
	w.quiet = true
	for _, h := range w.holds {
		h.Release()
	}
	if w.srv.Group() == nil {
		return
	}
	w.ending = true
	w.srv.Close()
	for len(w.jobs) > 0 {
		w.do(0) // what it brings comes too late
	}
	if w.posted != w.ran+w.refused {
		w.fail("posts were lost: %d posted, %d ran, %d were refused", w.posted, w.ran, w.refused)
	}
	if w.failure == "" {
		w.judgeRest()
	}
}

// Streams of what a reply consists of.
func replyStream(v *life) content.Stream { return content.Stream{K: v.client.k} }

var _ simkernel.Scheduler = (*World)(nil)

// Pending is whether a signal is pending at an urgent mark. The runtime outlasts two in
// a row.
func (w *World) Pending() bool {
	n := &w.bound.pending[w.running]
	if w.quiet || !w.config.odd || *n == 2 || !w.tape.Odds(4) {
		return false
	}
	*n++
	return true
}

var _ sys.Kernel = (*simkernel.Kernel)(nil)

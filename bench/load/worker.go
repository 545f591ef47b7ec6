package load

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// A workload is what one worker does to the target. Its methods are called on the
// worker's loop.
type workload interface {
	// opened takes a connection that was dialled for slot k of the worker.
	opened(c wire, k int) error
	// standing is how many connections are opened before the load begins.
	standing() int
	// begin begins the load, on the standing connections.
	begin()
	// due is called for each request of an open loop, when it should be sent.
	due(intended int64)
	// halt ends the load: nothing new is begun, and what is under way is waited for.
	halt()
}

// A preparer is a workload that has something to do between its connections and its
// begin. It calls ready once.
type preparer interface{ prepare(ready func(error)) }

// A worker is the part of the load that one loop generates. All of it belongs to
// that loop, but open.
type worker struct {
	id      int
	loop    *loop.Loop
	plan    *plan.Plan // this worker's share
	load    workload
	random  *rand.Rand
	dialers []*loop.Dialer
	first   uint64 // number of its first connection among those of all workers
	open    atomic.Int64
	halted  bool

	seen     *result.Interval // this window
	idle     *result.Interval // empty, for the next
	began    int64            // of this window
	inFlight int
	area     float64 // requests under way × ns, of this window
	at       int64   // up to when area is counted

	arrivals arrivals

	tls   *tls.Config // nil: the target is not https
	plain []byte      // what TLS decrypts into
}

func newWorker(l *loop.Loop, p *plan.Plan, id, of int) *worker {
	w := &worker{
		id: id, loop: l, plan: p,
		random: rand.New(rand.NewPCG(p.Seed, uint64(id))),
		first:  p.Seed<<24 + uint64(id)<<20,
		seen:   result.Empty(), idle: result.Empty(),
	}
	w.arrivals.w = w
	if t := p.Target; t.TLS() {
		host, _, _ := net.SplitHostPort(t.Address)
		w.tls = &tls.Config{ServerName: host, InsecureSkipVerify: p.Insecure, NextProtos: []string{"http/1.1"}}
		w.plain = make([]byte, 64<<10)
	}
	socket := fd.Options{KeepAlive: -1}
	// Responses are read while requests wait to be sent: an echo that holds as much as
	// it will would wait for us as we for it. The plan bounds what is under way.
	marks := loop.Marks{High: 1 << 40}
	for s := range max(p.Sources, 1) {
		d := &loop.Dialer{Timeout: p.Timeout, Socket: socket, Marks: marks}
		if p.Sources > 0 {
			d.Source = fmt.Sprintf("127.0.0.%d", 2+s)
		}
		w.dialers = append(w.dialers, d)
	}
	return w
}

// now is the clock of the loop, read anew.
func (w *worker) now() int64 { return w.loop.Kernel().Now() }

// dialsAtATime bounds the backlog that a worker fills.
const dialsAtATime = 64

// connect opens the standing connections, and tells ready when all are, or why one
// could not be.
func (w *worker) connect(ready chan<- error) {
	paced(w.load.standing(), dialsAtATime, w.dialStanding, func(err error) {
		if p, ok := w.load.(preparer); ok && err == nil {
			p.prepare(func(err error) { ready <- err })
			return
		}
		ready <- err
	})
}

func (w *worker) dialStanding(k int, done func(error)) {
	if err := w.dial(k, done); err != nil {
		done(err)
	}
}

// dial opens a connection for slot k, and hands it to the workload.
func (w *worker) dial(k int, told func(error)) error {
	return w.dialBy(w.dialers[k%len(w.dialers)], k, told)
}

func (w *worker) dialBy(d *loop.Dialer, k int, told func(error)) error {
	t := w.plan.Target
	began := w.now()
	w.open.Add(1)
	ready := func(c wire, err error) error {
		if err == nil {
			w.seen.Connects++
			w.seen.Connect.Record(w.now() - began)
			err = w.load.opened(c, k)
		} else {
			w.open.Add(-1)
		}
		told(err)
		return err
	}
	err := d.Dial(w.loop, t.Network, t.Address, func(c *loop.Conn, err error) error {
		if err != nil || w.tls == nil {
			return ready(wire{Conn: c}, err)
		}
		w.secure(c, func(c wire, err error) {
			if ready(c, err) != nil {
				c.Abort()
			}
		})
		return nil
	})
	if err != nil {
		w.open.Add(-1)
	}
	return err
}

// again opens a connection for slot k in place of one that failed, after a moment.
func (w *worker) again(k int) {
	if w.halted {
		return
	}
	w.loop.AfterFunc(100*time.Millisecond, func() {
		if w.halted {
			return
		}
		err := w.dial(k, func(err error) {
			if err != nil {
				w.fail("dial", err)
				w.again(k)
			}
		})
		if err != nil {
			w.fail("dial", err)
			w.again(k)
		}
	})
}

// enter and leave count n requests under way.
func (w *worker) enter(now int64, n int) {
	w.area += float64(w.inFlight) * float64(now-w.at)
	w.inFlight, w.at = w.inFlight+n, now
}

func (w *worker) leave(now int64, n int) { w.enter(now, -n) }

// reset begins the first window.
func (w *worker) reset(now int64) {
	w.began, w.at, w.area = now, now, 0
}

// swap ends a window and begins the next.
func (w *worker) swap() *result.Interval {
	now := w.now()
	w.enter(now, 0)
	seen := w.seen
	w.seen, w.idle = w.idle, nil
	if w.seen == nil {
		w.seen = result.Empty()
	}
	if now > w.began {
		seen.InFlight = w.area / float64(now-w.began)
	}
	seen.To, seen.Open = time.Duration(now), int(w.open.Load())
	seen.Backlog, seen.Unanswered = w.arrivals.waiting(), w.inFlight
	w.reset(now)
	return seen
}

// spare takes an interval back that has been merged. It comes from another
// goroutine, which has seen the swap end.
func (w *worker) spare(i *result.Interval) {
	i.Reset()
	w.loop.Post(func() { w.idle = i })
}

func (w *worker) halt() {
	w.halted = true
	w.arrivals.stop()
	w.load.halt()
}

// errAgain is what loop reads answer when nothing is there.
var errAgain error = sys.EAGAIN

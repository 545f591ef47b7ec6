// Package loop runs event loops: one goroutine each, which owns an epoll
// instance, its registrations, ready list, timers, pipes and counters. A Server
// accepts connections onto them; a Conn belongs to its loop's goroutine, and
// everyone else holds a Handle.
//
// # Callbacks
//
// A loop invokes one callback at a time: Open, Data, Writable, Drain and Closed, what Do
// and Post were given, a timer's function, a dial's, a relay's Done. It invokes none
// within another, nor within a call such as Dial or Abort: what a callback brings about
// follows when it has returned. A callback that panics, or calls runtime.Goexit, has its
// connection reset.
//
// # Writing more than the peer reads
//
// Write never waits: what the socket does not take is queued, up to a limit (Marks). A
// session that produces more than that writes while Conn.Congested returns false, and
// goes on in Writable, which is called every time that it had returned true. See the
// example of Conn.Congested.
package loop

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/poller"
	"github.com/penstock/penstock/pool"
)

// Errors of this package. Others are those of packages net, os and syscall.
var (
	// ErrPanic is what a connection ended with whose handler panicked, or called
	// runtime.Goexit.
	ErrPanic = errors.New("penstock: handler panicked")
	// ErrServerClosed is what a connection ended with that outlived the drain, and
	// what Listen and Serve answer after Close.
	ErrServerClosed = errors.New("penstock: server closed")
	// ErrQueueFull is answered by Write when the write queue is at its limit.
	// Nothing of the write was taken.
	ErrQueueFull = errors.New("penstock: write queue is full")
	// ErrAgain is answered by reading calls when nothing is there now: it is
	// syscall.EAGAIN. Data will be called again.
	ErrAgain error = sys.EAGAIN
)

// batch is how many events a wait takes, which bounds the events of a turn.
const batch = 256

// timersPerTurn bounds the timers of a turn.
const timersPerTurn = 256

// A Loop is one event loop. Methods may be called on its own goroutine only
// (from handlers, posted functions and timers), except those that say otherwise.
type Loop struct {
	k     sys.Kernel
	group *Group
	id    int
	poll  *poller.Poller

	slab   slab
	peers  peers
	light  readyList // ready, and quickly served
	heavy  readyList // ready, and with much to move
	timers timers
	late   late
	slow   slowTurns
	now    int64  // the clock, read once a turn
	batch  uint32 // number of this turn
	left   int    // what is left of the current visit's budget

	pipes    *pool.Pipes
	buffers  pool.Buffers
	read     []byte // what Conn.Next reads into
	trim     Timer
	dials    []*dial                 // old ones, to be used again
	last     []func()                // to be called once the running function has returned
	visited  *Registration           // whose task runs now
	exiting  bool                    // a callback ends the loop's goroutine by runtime.Goexit
	children map[*Registration]*dial // the dials on behalf of a connection
	count    Counters
	ending   bool // run returns after this turn
	ended    bool // nothing may be registered any more
	draining bool
	yielded  int64 // when yield last went through the scheduler
	restedAt int64 // when the loop last had nothing to do; 0 if not since the last turn
	few      bool  // the last sleep brought few events
	cpuRead  int64 // when the thread's CPU time was last read

	// Shared with other goroutines.
	tasks     tasks
	published published
	conns     atomic.Int64 // for the choice of the loop with fewest
	turns     atomic.Uint64
	goid      atomic.Uint64
	running   running
}

func newLoop(g *Group, id int) (*Loop, error) {
	p, err := poller.Open(g.k, batch)
	if err != nil {
		return nil, err
	}
	return &Loop{
		k: g.k, group: g, id: id, poll: p, now: g.k.Now(),
		pipes: pool.NewPipes(g.k, g.governor),
		read:  make([]byte, pool.BufferSize),
	}, nil
}

// ID is the loop's number in its group, from 0. Any goroutine may call it.
func (l *Loop) ID() int { return l.id }

// Group is the group that the loop is one of. Any goroutine may call it.
func (l *Loop) Group() *Group { return l.group }

// Kernel is what the loop makes its system calls with.
func (l *Loop) Kernel() sys.Kernel { return l.k }

// run turns until the loop is told to end.
func (l *Loop) run() {
	for !l.ending {
		l.turn(true)
	}
	l.end()
}

// turn is the whole of the loop: take events, then run what was posted, what is
// ready and what is due, each within a limit. Timers come last: what is ready may
// put a timeout off. It waits for events only if there is nothing else to do, and
// not even then if mayBlock is false.
func (l *Loop) turn(mayBlock bool) {
	l.runLater() // of a callback that ended the goroutine that ran it
	l.running.clear()
	l.batch++
	l.turns.Store(uint64(l.batch))
	l.count.Turns++
	l.restedAt = 0
	events := l.wait(mayBlock)
	l.tick(l.k.Now())
	for i := range events {
		l.dispatch(&events[i])
	}
	l.runTasks()
	visited := l.runReady()
	if l.caughtUp(len(events), visited) {
		l.runTimers()
	}
	if l.batch%publishTurns == 0 {
		l.publish()
	}
}

// wait polls first, which costs little and tells the scheduler nothing, and goes
// to sleep only when that brings no event and nothing else is to do. While every
// sleep ends with an event or two the poll is left out.
func (l *Loop) wait(mayBlock bool) []sys.Event {
	mayBlock = mayBlock && l.light.length+l.heavy.length == 0
	if mayBlock && l.few {
		if timeout := l.idleFor(); timeout != 0 {
			return l.sleep(timeout)
		}
	}
	l.count.Polls++
	events, e := l.poll.Poll()
	if e != 0 {
		panic("penstock: epoll_wait: " + e.Error()) // a descriptor of ours was closed by others
	}
	if len(events) == 0 && mayBlock {
		if timeout := l.idleFor(); timeout != 0 {
			return l.sleep(timeout)
		}
	}
	return events
}

// idleFor is how long nothing is to do, in ns, negative without limit: 0 if a task
// has been posted or a timer is due.
func (l *Loop) idleFor() int64 {
	if !l.tasks.none() {
		return 0
	}
	l.restedAt = l.k.Now()
	return l.timers.next(l.restedAt)
}

// sleep waits for events in the kernel.
func (l *Loop) sleep(timeout int64) []sys.Event {
	l.yield()
	l.publish()
	l.count.Sleeps++
	events, e := l.poll.Sleep(timeout, l.tasks.none)
	if e == 0 && len(events) == 0 && l.timers.next(l.k.Now()) == 0 {
		// A signal may have interrupted the wait, as SIGCONT does after a stop. The wait
		// then brought no event, whatever has happened meanwhile (signal(7)).
		l.count.Polls++
		events, e = l.poll.Poll()
	}
	if e != 0 {
		panic("penstock: epoll_wait: " + e.Error())
	}
	l.few = len(events) <= fewEvents
	return events
}

// fewEvents is how many events at the end of a sleep make it likely that the next
// poll would find none, so that the loop goes to sleep without it.
const fewEvents = 2

// yieldAfter is less than the runtime's time slice of 10 ms (forcePreemptNS).
const yieldAfter = int64(5 * time.Millisecond)

// yield goes through the scheduler once in a while, before a sleep. A goroutine
// that never does counts as one that has run for longer than its time slice:
// sysmon then takes its P away in every sleep, and wakes every 20 us to do so
// (runtime.retake). It was 12 to 18 % of the CPU time of a relay under half load.
func (l *Loop) yield() {
	if now := l.k.Now(); now-l.yielded > yieldAfter {
		l.yielded = now
		runtime.Gosched()
	}
}

func (l *Loop) runTimers() {
	for ran, spent := 0, 0; ran < timersPerTurn && spent < turnBytes; ran++ {
		t := l.timers.expired(l.now)
		if t == nil {
			return
		}
		l.count.Timers++
		l.running.calls(t.owner)
		spent += l.guard(nil, t.owner.Expire)
		l.runLater()
	}
}

// end gives back everything. It runs on the loop's goroutine, after its last turn, and
// again if a callback ended that goroutine.
func (l *Loop) end() {
	l.tasks.close()
	for f := l.tasks.take(); f != nil; f = l.tasks.take() {
		l.guard(nil, f)
		l.runLater()
	}
	l.ended = true
	for i := range l.slab.used {
		if r := l.slab.at(i).r; r != nil && r.task != nil {
			l.guard(r, func() { r.task.Fail(ErrServerClosed) })
			l.runLater()
		}
	}
	for len(l.timers) > 0 { // dials that have no socket yet are told, too
		t := l.timers[0]
		l.Disarm(t)
		if task, ok := t.owner.(interface{ Fail(error) }); ok {
			l.guard(nil, func() { task.Fail(ErrServerClosed) })
			l.runLater()
		}
	}
	l.pipes.Close()
	l.publish()
	l.poll.Close()
}

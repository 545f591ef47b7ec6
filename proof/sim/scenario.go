package sim

import (
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

type loopT = loop.Loop

// config is what a run has chosen before it begins.
type config struct {
	kernel     simkernel.Config
	loops      int
	lives      []kind
	marks      loop.Marks
	relay      splice.Options
	peers      int // bytes that a peer's queues hold
	mss        int // bytes that the network delivers at a time
	posts      int
	feeds      int  // how many times more a posted function posts itself
	interleave int  // once in so many calls something else happens
	odd        bool // parties reset, stall, send urgent bytes
	faults     bool
	deadly     bool // of those, also such that may cut a connection
	failing    int  // how many calls fail; below 0: without limit
	holds      bool
	spurious   bool
	between    int // how many times; below 0: without limit
	linger     int // how many times more comes before a loop is awake; below 0: without limit
	exact      *Scenario

	timed  bool          // timeouts, and parties of every pace
	dial   time.Duration // timeout of a dial
	pauses int           // how many times the process is stopped
	nested bool          // of two loops, one makes turns between two calls of the other
	shared bool          // each loop has a listener
	drains bool          // the server is drained at some time
	big    bool          // one direction of more than 4 GiB

	front   entry
	backs   []back // of the lives; nil: all by TCP over IPv4
	workers int

	closeWait time.Duration // Linger; 0: the default
}

func (s *Scenario) choose(t *Tape) config {
	if s != nil {
		return s.exact(t)
	}
	first := t.Pick(4)
	more, mixed := first&1 != 0, first&2 != 0
	c := config{
		loops:      1,
		workers:    4,
		dial:       longDial,
		lives:      make([]kind, 1+t.Pick(3)),
		interleave: Of(t, 8, 2, 4, 32),
		mss:        Of(t, 1448, 65536, 1, 100, 16384),
		peers:      Of(t, 64<<10, 2000, 10000, 300<<10),
		posts:      t.Pick(4),
		odd:        t.Pick(4) > 0,
		faults:     t.Pick(3) == 2,
		holds:      t.Odds(8),
		spurious:   t.Odds(4),
		failing:    -1,
		between:    -1,
		linger:     -1,
	}
	if t.Odds(8) {
		c.loops = 2
	}
	c.kernel = simkernel.Config{
		Send: Of(t, 64<<10, 3000, 20000, 400<<10),
		Recv: Of(t, 64<<10, 3000, 20000, 400<<10),
		Slot: Of(t, 4096, 1448, 17000),
	}
	if c.mss < 100 {
		c.mss = 8192
		c.kernel.Slot = 300 // many small pieces, at the price of few
	}
	c.relay.Mode = Of(t, splice.Splice, splice.Auto, splice.Copy)
	c.relay.StallTimeout = -1
	if c.faults {
		c.deadly = t.Odds(4)
		c.kernel.Narrow = Of(t, 0, 1, 2)
		if few := Of(t, 0, 2, 4, 7); few > 0 {
			c.kernel.Files = c.ownFiles() + few
		}
		c.kernel.Pipes = sys.PipeLimits{Soft: Of(t, 0, 16, 64, 1024)}
	}
	for i := range c.lives {
		if t.Odds(4) {
			c.lives[i] = kind(t.Pick(4))
		}
	}
	if t.Odds(4) {
		c.marks = loop.Marks{Low: 1000, High: 8000, Limit: 8000}
	}
	if more {
		c.more(t)
	}
	if mixed && !c.big {
		c.mix(t)
	}
	return c
}

// more chooses what is not in the simplest runs.
func (c *config) more(t *Tape) {
	if t.Pick(2) == 0 {
		c.time(t)
	}
	if t.Pick(4) == 3 {
		c.loops, c.nested, c.shared = 2, true, t.Pick(4) == 3
	}
	c.drains = t.Pick(8) == 7
	for i := range c.lives {
		if t.Pick(3) == 2 {
			c.lives[i] = fronted + kind(t.Pick(int(handed-fronted)))
			if c.lives[i] == remoted {
				c.marks = loop.Marks{} // nothing paces what a Handle writes: past the limit it resets
			}
		}
	}
	if c.faults && c.kernel.Files > 0 && c.loops == 2 {
		c.kernel.Files += 3 // of the second loop, and its listener
	}
	if c.loops == 1 && t.Odds(512) {
		c.makeBig()
	}
}

// makeBig makes a run of one relay through which more than 4 GiB go, in calls as large
// as the kernel allows, or it would take seconds.
func (c *config) makeBig() {
	const buffer = 8 << 20
	c.big, c.lives = true, make([]kind, 1)
	c.odd, c.faults, c.holds, c.spurious, c.pauses, c.interleave, c.linger = false, false, false, false, 0, 64, 0
	c.kernel = simkernel.Config{Send: buffer, Recv: buffer, Slot: 64 << 10}
	c.peers, c.mss = buffer, buffer
	c.relay.Mode = splice.Splice
	c.marks = loop.Marks{}
}

// ownFiles is how many descriptors a server has without any connection: from 3 on two
// for each loop, the listener and the reserve.
func (c *config) ownFiles() int { return 3 + 2*c.loops + 2 }

// bounds count what must not go on for ever.
type bounds struct {
	linger   int
	between  int    // things that happened between two calls
	calls    int    // without anything having changed
	progress uint64 // as it was
	inTurn   int    // calls since the last wait
	tasks    int    // posted functions since the last wait
	failed   int    // calls
	bytes    uint64 // moved before the turn began
	total    int
	after    int    // calls of a run that has failed
	pending  [2]int // signals at a mark, in this turn of each loop
	atEnd    int    // things that happened while the loops ended
	paused   int    // how many times
	acts     int    // of others, without anything having changed
	acted    uint64
}

func (b *bounds) turn(k *simkernel.Kernel, running int) {
	b.inTurn, b.tasks, b.bytes, b.pending[running] = 0, 0, k.Taken, 0
}

// Limits of a run: what is seen, and more.
const (
	stuckCalls = 100     // calls in a row that change nothing, for each life and one
	turnCalls  = 8000    // calls of one turn
	turnTasks  = 1000    // posted functions of one turn
	turnBytes  = 8 << 20 // bytes taken in one turn
	totalCalls = 300_000 // calls of a run
)

// spins ends a run that makes calls without getting anywhere. One that has failed is
// given some more, to end in order.
func (w *World) spins(c simkernel.Call) {
	b := &w.bound
	if w.failure != "" {
		if b.after++; b.after > turnCalls {
			panic(w.failure)
		}
		return
	}
	if w.k.Progress != b.progress {
		b.progress, b.calls = w.k.Progress, 0
	}
	b.calls++
	b.inTurn++
	b.total++
	if c == simkernel.EpollWait {
		b.turn(w.k, w.running)
	}
	switch {
	case b.calls > stuckCalls*(1+len(w.lives)):
		w.fail("spin: %d calls in a row that change nothing", b.calls)
	case b.inTurn > turnCalls:
		w.fail("a turn without end: %d calls since epoll was asked", b.inTurn)
	case w.k.Taken-b.bytes > turnBytes:
		w.fail("a turn without end: %d bytes since epoll was asked", w.k.Taken-b.bytes)
	case b.total > w.mostCalls():
		w.fail("spin: %d calls in one run, for %d bytes", b.total, w.k.Given)
	default:
		return
	}
	panic(w.failure)
}

// mostCalls is how many calls a run may make. A flow of gigabytes is spliced through big
// pipes but for its beginning, so that a MiB takes about six.
func (w *World) mostCalls() int {
	if w.config.big {
		return 10_000 + 10*int(w.k.Given>>20)
	}
	return totalCalls
}

// faults by call: those that must be got over, and those that may cut a connection.
var gotOver = map[simkernel.Call][]sys.Errno{
	simkernel.Accept:      {sys.EMFILE, sys.ENFILE, sys.ENOBUFS, sys.ENOMEM, sys.ECONNABORTED, sys.EPERM},
	simkernel.Socket:      {sys.EMFILE, sys.ENFILE, sys.ENOBUFS, sys.ENOMEM},
	simkernel.Eventfd:     {sys.EMFILE, sys.ENFILE, sys.ENOMEM},
	simkernel.Pipe:        {sys.EMFILE, sys.ENFILE},
	simkernel.SetPipeSize: {sys.EPERM, sys.EBUSY, sys.ENOMEM},
}

var deadly = map[simkernel.Call][]sys.Errno{
	simkernel.SetOption: {sys.ENOBUFS, sys.ENOPROTOOPT},
	simkernel.Connect:   {sys.EADDRNOTAVAIL, sys.ECONNREFUSED, sys.ETIMEDOUT, sys.EPERM},
	simkernel.EpollAdd:  {sys.ENOMEM},
	simkernel.Recv:      {sys.ENOMEM, sys.ETIMEDOUT},
	simkernel.Send:      {sys.ENOMEM, sys.ENOBUFS},
	simkernel.Splice:    {sys.ENOMEM, sys.EINVAL},
}

// ways are the errors with which a call may fail now.
func (w *World) ways(c simkernel.Call) []sys.Errno {
	switch errs := gotOver[c]; {
	case w.registered() == 0:
		return nil // a server that cannot listen does not serve
	case errs != nil:
		return errs
	case w.config.deadly:
		return deadly[c]
	}
	return nil
}

// fault chooses how a call fails, if it does.
func (w *World) fault(c simkernel.Call) sys.Errno {
	errs := w.ways(c)
	if len(errs) == 0 || !w.tape.Odds(64) {
		return 0
	}
	w.bound.failed++
	w.fatal = w.fatal || gotOver[c] == nil
	e := Of(w.tape, errs...)
	w.say("%v fails: %v", c, e)
	return e
}

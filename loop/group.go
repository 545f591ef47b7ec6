package loop

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/pool"
)

// Config is how a Group runs. The zero value is the default.
type Config struct {
	// Loops is the number of loops. Default (0): GOMAXPROCS. Give the scheduler one
	// processor more than there are loops, runtime.GOMAXPROCS(loops+1), as the examples
	// do: with none to spare the runtime's monitor takes that of a loop which sleeps
	// away, and wakes every 20 us to see whether it should.
	Loops int
	// Workers is how many blocking jobs (Group.Do, name resolution) run at a time;
	// one more is refused with pool.ErrBusy. Default (0): 256.
	Workers int
	// Watchdog is how long a turn may last before a warning names the session and its
	// peer, or the function, that holds its loop; with less than 1,000 goroutines the
	// stack as well. Default (0): 1 s. Negative: no watchdog.
	Watchdog time.Duration
	// LockThreads keeps each loop on a thread of its own (runtime.LockOSThread),
	// and measures that thread's CPU time: Counters.CPU. Default: off.
	LockThreads bool
	// Logger takes warnings and panics. Its handler is called on a goroutine of the
	// group's own, and may block: up to 256 records wait for it, further ones are
	// dropped (Group.LogDropped). Default (nil): slog.Default.
	Logger *slog.Logger
	// Kernel and Stepped are for the tests of Penstock itself. Default (nil): the
	// host's kernel. Stepped starts no goroutine: whoever made the group runs its
	// loops, by Loop.Step, and its server accepts after Server.Accept.
	Kernel  sys.Kernel
	Stepped bool
}

// A Group is a set of loops that share a page budget, workers and a watchdog. Its
// methods may be called by any goroutine.
type Group struct {
	k        sys.Kernel
	log      *slog.Logger // hands records over to recorder
	recorder *recorder
	loops    []*Loop
	governor *pool.Governor
	workers  *pool.Workers
	do       func(f func()) error // of workers; Hand has another
	names    names
	config   Config

	conns    atomic.Int64  // on all loops
	drained  chan struct{} // told when conns comes down to 0
	spare    atomic.Int64  // the reserve descriptor, -1 when lent
	starving atomic.Int64  // dials that wait for a descriptor
	paused   atomic.Int64  // listeners that wait for one
	handed   atomic.Int64  // connections handed over and not opened yet
	files    int           // how many descriptors the process may have
	ended    sync.WaitGroup
	closing  atomic.Bool
	stop     chan struct{} // closed when the group begins to end, which ends the watchdog
	over     chan struct{} // closed when it has ended

	mu        sync.Mutex
	listeners []*listener // guarded by mu
}

// Start starts the loops. Close ends them.
func Start(config Config) (*Group, error) {
	if config.Loops < 0 || config.Workers < 0 {
		return nil, fmt.Errorf("penstock: %d loops, %d workers: must be at least 0, which stands for the default", config.Loops, config.Workers)
	}
	g, err := newGroup(config)
	if err != nil {
		return nil, err
	}
	if g.config.Stepped {
		return g, nil
	}
	for _, l := range g.loops {
		g.ended.Add(1)
		go g.run(l)
	}
	if g.config.Watchdog > 0 {
		g.ended.Add(1)
		go g.watch(g.config.Watchdog)
	}
	return g, nil
}

func newGroup(config Config) (*Group, error) {
	config = config.withDefaults()
	if config.Kernel == nil {
		k, err := sys.Host()
		if err != nil {
			return nil, fmt.Errorf("penstock: this system has no epoll: %w", err)
		}
		config.Kernel = k
	}
	recorder := newRecorder(config.Logger.Handler())
	g := &Group{
		k: config.Kernel, log: slog.New(recorder), recorder: recorder, config: config,
		governor: pool.NewGovernor(config.Kernel),
		files:    config.Kernel.MaxFiles(),
		drained:  make(chan struct{}, 1),
		stop:     make(chan struct{}),
		over:     make(chan struct{}),
	}
	if config.Stepped {
		g.log = config.Logger // no goroutine, and no loop of its own to hold
	}
	g.workers = pool.NewWorkers(config.Workers, func(v any) {
		g.log.Error("penstock: worker panicked", slog.String("panic", fmt.Sprint(v)))
	})
	g.do = g.workers.Do
	g.names.group = g
	g.spare.Store(-1)
	for i := range config.Loops {
		l, err := newLoop(g, i)
		if err != nil {
			for _, l := range g.loops {
				l.end()
			}
			recorder.close()
			return nil, fmt.Errorf("penstock: loop %d of %d: %w", i+1, config.Loops, err)
		}
		g.loops = append(g.loops, l)
	}
	g.refillSpare()
	return g, nil
}

func (c Config) withDefaults() Config {
	if c.Loops == 0 {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	if c.Workers == 0 {
		c.Workers = 256
	}
	if c.Watchdog == 0 {
		c.Watchdog = time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// run runs a loop, on a goroutine of its own, and on a new one if a handler called
// runtime.Goexit.
func (g *Group) run(l *Loop) {
	defer func() {
		if l.exiting {
			l.exiting = false
			go g.run(l)
			return
		}
		g.ended.Done()
	}()
	if g.config.LockThreads {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	l.goid.Store(goroutineID())
	l.run()
}

// Loops answers the loops.
func (g *Group) Loops() []*Loop { return g.loops }

// Least answers the loop with the fewest connections.
func (g *Group) Least() *Loop {
	least := g.loops[0]
	for _, l := range g.loops[1:] {
		if l.conns.Load() < least.conns.Load() {
			least = l
		}
	}
	return least
}

// Counters answers the sum of the loops' counters.
func (g *Group) Counters() Counters {
	var sum Counters
	for _, l := range g.loops {
		c := l.Counters()
		sum.Add(&c)
	}
	return sum
}

// PipePages is how many pages the pipes have, and may have at most.
func (g *Group) PipePages() (used, budget int) { return g.governor.Used(), g.governor.Budget() }

// Do runs f, which may block, on a worker. It answers pool.ErrBusy, and f does
// not run, if all are busy, and pool.ErrStopped after Close. What f finds it brings back with Handle.Do.
func (g *Group) Do(f func()) error { return g.do(f) }

// Close ends the loops: connections that are left are reset, and told
// ErrServerClosed. It returns when everything has been given back, be it by another
// Close, and then with an error; but blocking jobs (Do) are waited for one second only,
// and then run on. Called on the goroutine of one of the loops, it returns nil at once, and the
// group ends later.
func (g *Group) Close() error {
	if g.onLoop() {
		go g.close()
		return nil
	}
	return g.close()
}

func (g *Group) close() error {
	if g.closing.Swap(true) {
		<-g.over
		return errors.New("penstock: the group has been closed before")
	}
	for _, l := range g.loops {
		l.Post(func() { l.ending = true })
	}
	close(g.stop)
	if g.config.Stepped {
		g.endStepped()
	}
	defer close(g.over)
	g.ended.Wait()
	g.workers.Close()
	g.recorder.close()
	g.lendSpare()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.listeners {
		a.fd.Close(g.k) // those that never came to accept
	}
	return nil
}

// Log returns a logger for handlers. It writes to Config.Logger as the group itself
// does, on another goroutine: it never waits, and drops what is too much. Arguments
// are formatted later, and must not be changed. Any goroutine may call it.
func (g *Group) Log() *slog.Logger { return g.log }

// LogDropped returns how many log records were dropped because Config.Logger did
// not take them fast enough. Any goroutine may call it.
func (g *Group) LogDropped() uint64 { return g.recorder.dropped.Load() }

// addConn counts connections as soon as they are meant for the loop: the next
// choice of the loop with fewest takes it into account.
func (l *Loop) addConn(n int64) {
	l.conns.Add(n)
	if l.group.conns.Add(n) == 0 {
		select {
		case l.group.drained <- struct{}{}:
		default:
		}
	}
}

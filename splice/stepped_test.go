package splice

import (
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// A world is one relay on a loop that the test turns, on a kernel made of memory. Its
// clock goes on only while the loop sleeps, so that every time is exact.
type world struct {
	t       *testing.T
	k       *simkernel.Kernel
	srv     *loop.Server
	l       *loop.Loop
	r       *relay
	a, b    simkernel.Peer // who talks to conn 0 and to conn 1
	began   int64
	until   int64   // the clock does not go past it
	held    bool    // nothing is delivered by itself
	looked  []int64 // when SIOCOUTQ was asked
	fail    map[simkernel.Call]sys.Errno
	result  *Result
	relays  int // that were made
	results int // that were told
	backend simkernel.Listener
	serve   func(c, up *loop.Conn) error // begins the relay
}

var front, back = netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:80")

func (w *world) Before(c simkernel.Call, _ int) sys.Errno {
	if c == simkernel.Outq {
		w.looked = append(w.looked, w.k.Clock())
	}
	return w.fail[c]
}

func (w *world) Pending() bool { return false }

func (w *world) Sleep(_ int, deadline int64) bool {
	if deadline < 0 || deadline > w.until {
		deadline = w.until
	}
	w.k.Advance(deadline)
	return false
}

// newWorld connects a client through a relay to a backend.
func newWorld(t *testing.T, o Options) *world { t.Helper(); return worldOf(t, 1, 0, o) }

// behind is newWorld whose backend was sent so many bytes before the relay began.
func behind(t *testing.T, head int, o Options) *world { t.Helper(); return worldOf(t, 1, head, o) }

func worldOf(t *testing.T, loops, head int, o Options) *world {
	t.Helper()
	w := &world{t: t, fail: map[simkernel.Call]sys.Errno{}}
	w.serve = func(c, up *loop.Conn) error {
		if head > 0 {
			up.Write(make([]byte, head))
		}
		w.r = start(c, up, &o)
		return nil
	}
	w.k = simkernel.New(simkernel.Config{Scheduler: w, Send: 256 << 10, Recv: 256 << 10})
	o.Done = func(r Result) { w.result = &r; w.results++ }
	w.srv = &loop.Server{
		Handler: loop.OnOpen(func(c *loop.Conn) error {
			return c.Dial("tcp4", back.String(), func(up *loop.Conn, err error) error {
				if err != nil {
					return err
				}
				return w.serve(c, up)
			})
		}),
		Config: loop.Config{Loops: loops, Watchdog: -1, Workers: 1, Kernel: w.k, Stepped: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))},
	}
	w.backend = w.k.Serve(back, 1)
	if _, err := w.srv.Listen("tcp4", front.String()); err != nil {
		t.Fatal(err)
	}
	w.l = w.srv.Group().Loops()[0]
	w.srv.Accept()
	t.Cleanup(w.close)
	w.run(0)
	w.connect()
	return w
}

// connect makes a relay, which is the one that the world shows from then on.
func (w *world) connect() {
	w.t.Helper()
	w.result, w.r = nil, nil
	w.a, w.b = w.dial()
	if w.r == nil {
		w.t.Fatal("no relay")
	}
	w.began = max(w.r.t[0].last, w.r.t[1].last)
}

// dial connects a client, and returns it and the backend's end.
func (w *world) dial() (a, b simkernel.Peer) {
	w.t.Helper()
	w.relays++
	a, ok := w.k.Dial(front, 0)
	if !ok {
		w.t.Fatal("no connection")
	}
	w.run(0)
	if b, ok = w.backend.Accept(); !ok {
		w.t.Fatal("the backend was not dialled")
	}
	w.run(0)
	return a, b
}

// close ends all, and checks that everything was given back.
func (w *world) close() {
	w.until = w.k.Clock()
	w.srv.Close()
	if c := w.srv.Group().Counters(); c.InFlight != 0 || c.Relays != 0 || c.Conns != 0 || w.k.OpenPipes() != 0 || w.k.Open() != 0 {
		w.t.Errorf("not given back: %d bytes, %d relays, %d connections, %d pipes, %d descriptors", c.InFlight, c.Relays, c.Conns, w.k.OpenPipes(), w.k.Open())
	}
	if w.results != w.relays {
		w.t.Errorf("Done was called %d times for %d relays", w.results, w.relays)
	}
}

// mostTurns is far more than any wait of these tests takes.
const mostTurns = 30_000

// run lets the loop turn until nothing is left to do and d has passed.
func (w *world) run(d time.Duration) {
	w.until = w.k.Clock() + int64(d)
	for idle, turns := 0, 0; idle < 4; turns++ {
		if turns > mostTurns {
			w.t.Fatal("the loop spins")
		}
		progress := w.k.Progress
		if !w.held {
			w.k.Settle()
		}
		for _, l := range w.srv.Group().Loops() {
			l.Step(true)
		}
		if w.k.Progress == progress && w.k.Clock() >= w.until {
			idle++
		} else {
			idle = 0
		}
	}
}

// after is the time since the relay began.
func (w *world) after() time.Duration { return time.Duration(w.k.Clock() - w.began) }

// ends runs the loop until the relay is over, and returns when that was; 0 if it is not
// within most.
func (w *world) ends(most time.Duration) time.Duration {
	for from, turns := w.after(), 0; w.after()-from < most; turns++ {
		if turns > mostTurns {
			w.t.Fatal("the loop spins")
		}
		if w.result != nil {
			return w.after()
		}
		w.until = w.k.Clock() + int64(most)
		if !w.held {
			w.k.Settle()
		}
		w.l.Step(true)
	}
	return 0
}

// write has a peer send n bytes of its stream.
func (w *world) write(p simkernel.Peer, n int) {
	w.t.Helper()
	if got, e := p.Write(simkernel.Segment{N: n}); got != n || e != 0 {
		w.t.Fatalf("wrote %d of %d: %v", got, n, e)
	}
}

// read reads all that is there, and returns what ended it: EAGAIN, a reset, or 0 for the
// end of the stream.
func (w *world) read(p simkernel.Peer) (n int, e sys.Errno) {
	for {
		seg, e := p.Read(1 << 30)
		if e != 0 || seg.N == 0 {
			return n, e
		}
		n += seg.N
	}
}

func (w *world) count() *loop.Counters { return w.l.Count() }

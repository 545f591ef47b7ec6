package splice

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// A sink that was full for long, or that took bytes while it was full, has proven nothing.
func TestSlowSinkProvesNothing(t *testing.T) {
	w := newWorld(t, Options{})
	tr := &w.r.t[0]
	for _, c := range []struct {
		age    int64
		flowed int32
	}{{0, 5}, {slowSink, 5}, {slowSink + 1, 0}, {10 * slowSink, 0}} {
		tr.state, tr.flowed, tr.last = blocked, 5, w.l.Now()-c.age
		tr.unblock(w.l)
		if tr.flowed != c.flowed || tr.state != pumping {
			t.Errorf("full for %d ms: %d proven, state %d", c.age/1e6, tr.flowed, tr.state)
		}
	}
	tr.stats.copied = 1<<32 + 100
	for _, c := range []struct {
		state   state
		acked   uint32
		unacked int
		flowed  int32
		now     bool
	}{
		{waiting, 60, 40, 5, false}, {waiting, 50, 40, 5, true}, {blocked, 60, 40, 5, false}, {blocked, 50, 40, 0, true},
		{blocked, unknown, 100, 0, true}, {waiting, 100, 0, 5, false},
	} {
		tr.state, tr.flowed, tr.last, tr.acked = c.state, 5, 7, c.acked
		tr.noteAcked(c.unacked)
		if (tr.last == w.l.Now()) != c.now || tr.flowed != c.flowed || tr.acked != uint32(100-c.unacked) {
			t.Errorf("%+v: last %d, %d proven, %d acknowledged", c, tr.last, tr.flowed, tr.acked)
		}
	}
	tr.acked = 99
	if !tr.unacked() {
		t.Error("99 of 100: nothing can come")
	}
	tr.acked = 100
	if tr.unacked() {
		t.Error("100 of 100: more can come")
	}
	tr.stats.copied, tr.state, tr.acked, tr.last = 0, waiting, unknown, w.l.Now()
}

// A visit runs the transfers in turn, ends when its budget is spent, and comes again.
func TestVisitsTakeTurnsAndComeAgain(t *testing.T) {
	w := newWorld(t, Options{Mode: Copy})
	first := w.r.first
	for range 3 {
		w.r.Ready(nil)
		if w.r.first == first || w.r.first > 1 {
			t.Fatalf("the same transfer is first twice: %d", w.r.first)
		}
		first = w.r.first
	}
	for i := range w.r.t {
		tr := &w.r.t[i]
		if tr.canDrain() {
			t.Errorf("%d: nothing there, and it could drain", i)
		}
		tr.src.FD().Note(fd.Readable)
		if !tr.canDrain() {
			t.Errorf("%d: readable, and it could not drain", i)
		}
		w.l.Spend(1 << 30) // whatever is left
		if !tr.run(Copy) || !w.r.Ready(nil) {
			t.Errorf("%d: without a budget it does not come again", i)
		}
		tr.state = blocked
		if tr.canDrain() {
			t.Errorf("%d: blocked, and it could drain", i)
		}
		if !tr.run(Copy) { // Flush stopped for the budget
			t.Errorf("%d: blocked and writable, without a budget it does not come again", i)
		}
		tr.dst.FD().Clear(fd.Writable)
		if tr.run(Copy) || tr.state != blocked {
			t.Errorf("%d: a full sink is visited again", i)
		}
		tr.dst.FD().Note(fd.Writable)
		tr.state = waiting
		tr.src.FD().Clear(fd.Readable)
		if tr.run(Copy) {
			t.Errorf("%d: nothing there, and it comes again", i)
		}
	}
}

// The pipes and buffers of a transfer say what is in flight; it says whether it has ended.
func TestStatesAndSidesHaveNames(t *testing.T) {
	for s, want := range map[Side]string{Neither: "neither", A: "a", B: "b"} {
		if s.String() != want {
			t.Errorf("%d: %s", s, s)
		}
	}
	for s, want := range map[state]bool{waiting: false, pumping: false, blocked: false, done: true, failed: true} {
		if tr := (&transfer{state: s}); tr.ended() != want {
			t.Errorf("state %d: ended %v", s, tr.ended())
		}
	}
	tr := &transfer{}
	tr.stats.spliced, tr.stats.copied, tr.stranded = 3, 4, 5
	if got := tr.account(); got != (Direction{Drained: 12, Pumped: 7, Spliced: 3, Copied: 4, Stranded: 5}) || tr.inFlight() != 0 {
		t.Errorf("%+v", got)
	}
}

// A relay is refused, and both connections are left as they were.
func TestRelayOfWhatCannotBeRelayed(t *testing.T) {
	w := newWorld(t, Options{})
	a, b := w.r.t[0].src, w.r.t[1].src
	if err := Relay(a, a, nil); err == nil || err.Error() != "penstock: relay of a connection with itself" {
		t.Error(err)
	}
	if err := Relay(a, b, nil); !errors.Is(err, loop.ErrTaken) {
		t.Error(err)
	}
	two := worldOf(t, 2, 0, Options{})
	here := two.r.t[0].src
	two.connect()
	there := two.r.t[0].src
	if err := Relay(here, there, nil); here.Loop().ID() != 0 || err == nil || err.Error() != "penstock: relay between loops 0 and 1: dial from the loop of the other connection" {
		t.Error(err)
	}
	w.r.Fail(io.EOF)
	w.run(0)
	if err := Relay(a, b, nil); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if w.count().Relays != 0 {
		t.Errorf("%d relays", w.count().Relays)
	}
}

// What a peer has still to be given, as far as anybody can wait for it.
func TestUnacknowledgedBytes(t *testing.T) {
	const head = 1 << 20
	for name, c := range map[string]struct {
		change func(w *world, c *loop.Conn)
		some   bool
	}{
		"queued":   {func(*world, *loop.Conn) {}, true},
		"no ioctl": {func(w *world, _ *loop.Conn) { w.fail[simkernel.Outq] = sys.EPERM }, false},
		"unix":     {func(_ *world, c *loop.Conn) { *c.FD() = fd.Own(c.FD().Num(), sys.Unix) }, false},
		"failed":   {func(_ *world, c *loop.Conn) { c.FD().Fail(sys.EIO) }, false},
		"fails":    {func(w *world, c *loop.Conn) { w.fail[simkernel.Send] = sys.ECONNRESET; c.FD().Note(fd.Writable) }, false},
		"reset": {func(w *world, c *loop.Conn) {
			w.b.Reset()
			w.k.Settle()
			c.FD().Note(fd.Broken)
			c.FD().Clear(fd.Writable)
		}, false},
	} {
		w := behind(t, head, Options{})
		conn := w.r.t[0].dst
		was := *conn.FD()
		c.change(w, conn)
		sends := w.k.Count[simkernel.Send]
		n := unacknowledged(conn)
		queued := conn.Buffered()
		if asked, _ := w.k.Outq(conn.FD().Num()); c.some && (n != asked+queued || queued == 0 || asked == 0) || !c.some && n != 0 {
			t.Errorf("%s: %d bytes, of which %d are queued", name, n, queued)
		}
		if name == "queued" && w.k.Count[simkernel.Send] != sends {
			t.Errorf("%d sends to a socket that is full", w.k.Count[simkernel.Send]-sends)
		}
		clear(w.fail)
		if name == "unix" {
			*conn.FD() = was
		}
		if name != "queued" {
			continue
		}
		w.k.Settle()
		w.read(w.b)
		w.k.Settle()
		conn.FD().Note(fd.Writable)
		if unacknowledged(conn); conn.Buffered() >= queued {
			t.Error("the queue was not sent on")
		}
	}
}

// What handlers wrote before goes first, and is progress only when it goes.
func TestQueueOfTheSinkGoesFirst(t *testing.T) {
	const head = 1 << 20
	w := behind(t, head, Options{StallTimeout: -1})
	tr := &w.r.t[0]
	w.write(w.a, 100)
	w.run(0)
	if tr.state != blocked || tr.dst.Buffered() == 0 || tr.stats != (transfer{}).stats {
		t.Fatalf("state %d, %d queued, %+v", tr.state, tr.dst.Buffered(), tr.stats)
	}
	tr.last, tr.state = 7, pumping
	if tr.pump(); tr.last != 7 || tr.state != blocked {
		t.Errorf("nothing was sent: last %d, state %d", tr.last, tr.state)
	}
	w.b.Read(200 << 10)
	w.k.Settle()
	tr.dst.FD().Note(fd.Writable)
	queued := tr.dst.Buffered()
	tr.state = pumping
	if tr.pump(); tr.last != w.l.Now() || tr.state != blocked || tr.dst.Buffered() >= queued || tr.dst.Buffered() == 0 {
		t.Errorf("some was sent: last %d, state %d, %d of %d queued", tr.last, tr.state, tr.dst.Buffered(), queued)
	}
	n := 200 << 10
	for range 20 {
		got, _ := w.read(w.b)
		n += got
		w.run(0)
	}
	if n != head+100 || tr.pumped() != 100 || tr.state != waiting {
		t.Errorf("%d bytes came, %d of the relay", n, tr.pumped())
	}
}

func TestQueueThatFailsEndsTheDirection(t *testing.T) {
	w := behind(t, 1<<20, Options{})
	tr := &w.r.t[0]
	w.fail[simkernel.Send] = sys.ECONNRESET
	tr.dst.FD().Note(fd.Writable)
	tr.state = pumping
	if tr.pump(); tr.state != failed {
		t.Errorf("state %d", tr.state)
	}
	clear(w.fail)
}

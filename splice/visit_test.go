package splice

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// stuck has n bytes of transfer i in flight, in front of a sink that is full.
func (w *world) stuck(i, n int) *transfer {
	w.t.Helper()
	tr := &w.r.t[i]
	tr.dst.FD().Clear(fd.Writable)
	w.write(w.peer(i), n)
	w.run(0)
	if tr.state != blocked || tr.inFlight() != n {
		w.t.Fatalf("state %d, %d in flight", tr.state, tr.inFlight())
	}
	return tr
}

// Whichever transfer is first, a visit comes again for what either has left to do.
func TestVisitComesAgainForEitherTransfer(t *testing.T) {
	for i := range 2 {
		for first := range uint8(2) {
			name := fmt.Sprintf("transfer %d, %d first", i, first)
			w := newWorld(t, Options{Mode: Copy})
			if w.r.Ready(nil) {
				t.Errorf("%s: it comes again for nothing", name)
			}
			tr := w.stuck(i, 1000)
			w.r.first = first ^ 1
			if w.r.Ready(nil) {
				t.Errorf("%s: it comes again for a full sink", name)
			}
			if n, e := tr.push(); n != 0 || e != sys.EAGAIN {
				t.Errorf("%s: push into a full sink: %d, %v", name, n, e)
			}
			tr.dst.FD().Note(fd.Writable)
			w.l.Spend(1 << 30) // all of the budget
			w.r.first = first ^ 1
			if !w.r.Ready(nil) || tr.state != blocked {
				t.Errorf("%s: the budget is spent, and it does not come again", name)
			}
			// The sink fails: its own direction has something to read now.
			w.fail[simkernel.Send] = sys.EPIPE
			tr.state = pumping
			w.r.first = first ^ 1
			if !w.r.Ready(nil) || w.r.phase != moving || !w.r.t[i^1].canDrain() {
				t.Errorf("%s: the sink has failed, and nobody reads its error: phase %d", name, w.r.phase)
			}
			clear(w.fail)
		}
	}
}

// One visit serves both directions.
func TestVisitRunsBothTransfers(t *testing.T) {
	for first := range uint8(2) {
		w := newWorld(t, Options{Mode: Copy})
		w.write(w.a, 10)
		w.write(w.b, 20)
		w.k.Settle()
		w.l.Post(func() {
			w.r.t[0].src.FD().Note(fd.Readable)
			w.r.t[1].src.FD().Note(fd.Readable)
			w.r.first = first
			w.r.Ready(nil)
			if w.r.t[0].pumped() != 10 || w.r.t[1].pumped() != 20 {
				t.Errorf("%d first: %d and %d bytes", first^1, w.r.t[0].pumped(), w.r.t[1].pumped())
			}
		})
		w.run(0)
	}
}

// A visit goes on for as long as a byte of its budget is left.
func TestVisitEndsWithItsBudget(t *testing.T) {
	for _, left := range []int{0, 1} {
		w := newWorld(t, Options{Mode: Copy})
		tr := &w.r.t[0]
		w.write(w.a, 10)
		w.k.Settle()
		w.l.Post(func() {
			tr.src.FD().Note(fd.Readable)
			w.l.Spend(w.l.Left() - left)
			if again := tr.run(Copy); again != (left == 0) || (tr.pumped() == 0) != again {
				t.Errorf("%d left: again %v, %d bytes", left, again, tr.pumped())
			}
		})
		w.run(0)
		w.stuck(0, 10)
		w.l.Post(func() {
			tr.dst.FD().Note(fd.Writable)
			tr.src.FD().Clear(fd.Readable)
			w.l.Spend(w.l.Left() - left)
			if again := tr.run(Copy); again != (left == 0) || (tr.state == blocked) != again {
				t.Errorf("%d left: again %v, state %d", left, again, tr.state)
			}
		})
		w.run(0)
	}
}

// An event while a reset waits is a look at once, and no more than that.
func TestEventWhileAResetWaitsIsALook(t *testing.T) {
	w := newWorld(t, Options{})
	w.b.Buffers(1<<20, 10)
	w.write(w.a, 100)
	w.run(0)
	w.a.Reset()
	w.run(10 * time.Millisecond)
	if w.r.phase != delivering {
		t.Fatal("does not wait")
	}
	asked := w.k.Count[simkernel.Outq]
	if w.r.Ready(nil) || w.k.Count[simkernel.Outq] != asked+1 {
		t.Errorf("asked %d times", w.k.Count[simkernel.Outq]-asked)
	}
}

// A hang-up of a socket whose end was read may be a reset: it is asked. Of one that is
// read still a read tells.
func TestHangUpBehindAnEndIsAskedFor(t *testing.T) {
	for i := range 2 {
		w := newWorld(t, Options{Mode: Copy})
		src := w.r.t[i].src
		sends := w.k.Count[simkernel.Send]
		src.FD().Note(fd.Broken)
		if w.r.settle(); w.k.Count[simkernel.Send] != sends || src.FD().Ready()&fd.Broken == 0 {
			t.Errorf("%d: asked while it is read", i)
		}
		src.FD().Clear(fd.Broken)
		w.peer(i).CloseWrite()
		w.run(0)
		sends = w.k.Count[simkernel.Send]
		if w.r.settle(); w.k.Count[simkernel.Send] != sends {
			t.Errorf("%d: asked without a hang-up", i)
		}
		src.FD().Note(fd.Broken)
		if w.r.settle(); w.k.Count[simkernel.Send] != sends+1 || w.result != nil {
			t.Errorf("%d: a hang-up behind the end was not asked for", i)
		}
		src.FD().Note(fd.Broken)
		w.fail[simkernel.Send] = sys.ECONNRESET
		if w.r.settle(); w.r.t[i^1].state != failed || src.FD().Err() != sys.ECONNRESET {
			t.Errorf("%d: a reset behind the end is not met: state %d", i, w.r.t[i^1].state)
		}
		clear(w.fail)
	}
}

// The time of the first end is kept, and the end is sent on, once.
func TestFirstEndIsKeptAndSentOn(t *testing.T) {
	for i := range 2 {
		w := newWorld(t, Options{Mode: Copy})
		w.run(time.Second)
		if w.r.ended != 0 {
			t.Fatal("ended before it has")
		}
		for w.r.units()%2 != 0 { // 0 is even, and stands for none
			w.run(endedUnit / 2)
		}
		w.peer(i).CloseWrite()
		shut := w.k.Count[simkernel.Shutdown]
		w.run(0)
		ended := w.r.ended
		if want := w.r.units() | 1; ended%2 == 0 || want-ended > 4 || w.k.Count[simkernel.Shutdown] != shut+1 {
			t.Errorf("%d: ended at %d, now %d; shut %d times", i, ended, want, w.k.Count[simkernel.Shutdown]-shut)
		}
		if n, e := w.read(w.peer(i ^ 1)); n != 0 || e != 0 {
			t.Errorf("%d: the end was not sent on: %v", i, e)
		}
		w.run(time.Second)
		w.write(w.peer(i^1), 10)
		w.run(0)
		if n, e := w.read(w.peer(i)); n != 10 || e != sys.EAGAIN {
			t.Errorf("%d: the other half: %d bytes, %v", i, n, e)
		}
		if w.r.ended != ended || w.result != nil {
			t.Errorf("%d: ended at %d, and then at %d", i, ended, w.r.ended)
		}
	}
}

func (w *world) peer(i int) simkernel.Peer { return [2]simkernel.Peer{w.a, w.b}[i] }

// The end of one stream and the failure of the other socket end in a reset.
func TestEndOfOneAndFailureOfTheOther(t *testing.T) {
	for i, failed := range []Side{B, A} {
		w := newWorld(t, Options{Mode: Copy})
		w.peer(i).CloseWrite()
		w.run(0)
		w.fail[simkernel.Recv] = sys.ETIMEDOUT
		w.write(w.peer(i^1), 10)
		w.run(time.Second)
		if w.result == nil || !errors.Is(w.result.Err, sys.ETIMEDOUT) || w.result.Failed != failed {
			t.Fatalf("%d: %+v", i, w.result)
		}
		clear(w.fail)
		if _, e := w.read(w.peer(i)); e != sys.ECONNRESET {
			t.Errorf("%d reads %v", i, e)
		}
	}
}

// An end that comes with the failure of the other direction is sent on in front of the
// reset.
func TestEndIsSentOnInFrontOfAReset(t *testing.T) {
	w := newWorld(t, Options{Mode: Copy})
	tr := w.stuck(1, 1000)
	w.a.CloseWrite()
	w.k.Settle()
	shut := w.k.Count[simkernel.Shutdown]
	w.l.Post(func() {
		w.r.t[0].src.FD().Note(fd.Readable)
		tr.dst.FD().Note(fd.Writable)
		w.fail[simkernel.Send] = sys.EPIPE
		tr.state, w.r.first = pumping, 1
		w.r.Ready(nil)
		clear(w.fail)
		if w.r.t[0].state != done || tr.state != failed || w.k.Count[simkernel.Shutdown] != shut+1 {
			t.Errorf("states %d and %d; shut %d times", w.r.t[0].state, tr.state, w.k.Count[simkernel.Shutdown]-shut)
		}
	})
	w.run(time.Second)
}

// Relay starts what start does: A is the first connection, and nobody else may read it.
func TestRelaySealsBothAndKeepsTheirOrder(t *testing.T) {
	for _, o := range []*Options{nil, {Mode: Copy}} {
		w := newWorld(t, Options{})
		w.r.Fail(errors.New("another takes its place"))
		w.run(0)
		var results []Result
		if o != nil {
			o.Done = func(r Result) { results = append(results, r) }
		}
		var a, b *loop.Conn
		w.serve = func(c, up *loop.Conn) error {
			a, b = c, up
			return Relay(c, up, o)
		}
		client, backend := w.dial()
		w.relays-- // told by another Done
		for name, c := range map[string]*loop.Conn{"a": a, "b": b} {
			if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, loop.ErrAgain) {
				t.Errorf("%s can be read: %v", name, err)
			}
			if _, err := c.Write([]byte("x")); err == nil {
				t.Errorf("%s can be written", name)
			}
		}
		w.write(client, 3)
		w.write(backend, 5)
		w.run(0)
		if n, _ := w.read(backend); n != 3 {
			t.Errorf("%d bytes came", n)
		}
		client.CloseWrite()
		backend.CloseWrite()
		w.run(0)
		if o != nil && (len(results) != 1 || results[0].AB.Copied != 3 || results[0].BA.Copied != 5) {
			t.Errorf("%+v", results)
		}
		if w.count().Relays != 0 {
			t.Errorf("%d relays", w.count().Relays)
		}
	}
}

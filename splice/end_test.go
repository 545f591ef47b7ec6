package splice

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// A reset waits until the other peer has what was sent to it, and looks after 1 ms, 2, 4
// and so on, up to every 128 ms.
func TestResetWaitsForTheLastBytes(t *testing.T) {
	for _, side := range []string{"a", "b"} {
		w := newWorld(t, Options{})
		reader, writer := w.b, w.a
		if side == "b" {
			reader, writer = w.a, w.b
		}
		reader.Buffers(1<<20, 10)
		w.write(writer, 1000)
		w.run(0)
		w.looked = nil
		writer.Reset()
		w.run(time.Second)
		if w.result != nil {
			t.Fatalf("%s: over before its bytes were delivered: %+v", side, w.result)
		}
		var gaps []int64
		for i := 2; i < len(w.looked); i += 2 { // two sockets each time, one of which has failed
			gaps = append(gaps, (w.looked[i]-w.looked[i-2])/int64(time.Millisecond))
		}
		times := slices.Compact(slices.Clone(w.looked))
		if n := len(times); n < 14 || n > 16 {
			t.Errorf("%s: looked %d times in a second: %v", side, n, gaps)
		}
		gaps = nil
		for i := 1; i < len(times); i++ {
			gaps = append(gaps, (times[i]-times[i-1])/int64(time.Millisecond))
		}
		if want := []int64{1, 2, 4, 8, 16, 32, 64, 128, 128}; !slices.Equal(gaps[:len(want)], want) {
			t.Errorf("%s: looked after %v ms", side, gaps)
		}
		n, e := 0, sys.Errno(0)
		for w.result == nil {
			got, _ := w.read(reader)
			n += got
			w.run(200 * time.Millisecond)
		}
		for e == 0 || e == sys.EAGAIN {
			var got int
			got, e = w.read(reader)
			if n += got; got == 0 && e == 0 {
				break
			}
		}
		if n != 1000 || e != sys.ECONNRESET {
			t.Errorf("%s reads %d bytes, and then %v", side, n, e)
		}
		failed := map[string]Side{"a": A, "b": B}[side]
		var op *net.OpError
		if !errors.As(w.result.Err, &op) || op.Op != "relay" || op.Net != "tcp" || op.Err != sys.ECONNRESET || w.result.Failed != failed {
			t.Errorf("%s: %+v", side, w.result)
		} else if conn := w.r.t[failed-1].src; op.Source.String() == op.Addr.String() || op.Addr.String() != conn.RemoteAddr().String() {
			t.Errorf("%s: from %v to %v", side, op.Source, op.Addr)
		}
	}
}

// The wait in front of a reset ends by each of the timeouts; the time before it counts as
// idle, and not as half-closed.
func TestWaitInFrontOfAResetEnds(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		o    Options
		want time.Duration // since the reset; 0 is never
	}{
		"idle":               {Options{IdleTimeout: 4 * s}, 4 * s},
		"stall":              {Options{StallTimeout: 4 * s}, 4 * s},
		"half-closed":        {Options{HalfCloseTimeout: 4 * s}, 4 * s},
		"stall, no idle":     {Options{IdleTimeout: -1, StallTimeout: 4 * s}, 4 * s},
		"the shortest":       {Options{IdleTimeout: 9 * s, StallTimeout: 8 * s, HalfCloseTimeout: 4 * s}, 4 * s},
		"the shortest, idle": {Options{IdleTimeout: 4 * s, StallTimeout: 8 * s, HalfCloseTimeout: 9 * s}, 4 * s},
		"defaults":           {Options{}, 300 * s},
		"no stall":           {Options{StallTimeout: -1}, 600 * s},
		"none":               {Options{StallTimeout: -1, HalfCloseTimeout: -1}, 0},
	} {
		w := newWorld(t, c.o)
		w.b.Buffers(1<<20, 10)
		w.write(w.a, 1000)
		w.run(0)
		w.run(s)
		w.a.Reset()
		w.run(0)
		w.began = w.k.Clock()
		got := w.ends(time.Hour)
		if c.want == 0 && got != 0 || c.want > 0 && (got < c.want-s-5*time.Millisecond || got > c.want+200*time.Millisecond) {
			t.Errorf("%s: after %v, want %v", name, got, c.want)
		}
		if got > 0 && (errors.Is(w.result.Err, ErrTimeout) || !errors.Is(w.result.Err, sys.ECONNRESET)) {
			t.Errorf("%s: %v", name, w.result.Err)
		}
	}
}

// An orderly end of both sides is no error, and each byte is in the account.
func TestAccountOfAnOrderlyEnd(t *testing.T) {
	w := newWorld(t, Options{Mode: Splice})
	w.write(w.a, 100)
	w.write(w.b, 7)
	w.a.CloseWrite()
	w.run(0)
	if n, e := w.read(w.b); n != 100 || e != 0 {
		t.Errorf("b: %d, %v", n, e)
	}
	w.b.CloseWrite()
	w.run(0)
	if n, e := w.read(w.a); n != 7 || e != 0 {
		t.Errorf("a: %d, %v", n, e)
	}
	want := Result{AB: Direction{Drained: 100, Pumped: 100, Spliced: 100}, BA: Direction{Drained: 7, Pumped: 7, Spliced: 7}}
	if w.result == nil || *w.result != want {
		t.Errorf("%+v", w.result)
	}
	if got := w.count().Recvs; got != 0 {
		t.Errorf("%d reads beside splice", got)
	}
}

// What is cut is counted: it was drained, and is not delivered.
func TestAccountOfACut(t *testing.T) {
	for _, mode := range []Mode{Splice, Copy} {
		w := newWorld(t, Options{Mode: mode})
		w.b.Buffers(1<<20, 10)
		for range 20 {
			w.a.Write(simkernel.Segment{N: 64 << 10})
			w.run(0)
		}
		tr := &w.r.t[0]
		flight, before := tr.inFlight(), w.count().BytesStranded
		if tr.state != blocked || flight == 0 || w.count().InFlight != flight {
			t.Fatalf("mode %d: state %d, %d in flight, %d counted", mode, tr.state, flight, w.count().InFlight)
		}
		moved := tr.pumped()
		why := errors.New("why")
		w.r.Fail(why)
		w.r.Fail(io.EOF) // changes nothing any more
		w.run(0)
		want := Direction{Drained: moved + uint64(flight), Pumped: moved, Stranded: uint64(flight), Spliced: moved}
		if mode == Copy {
			want.Spliced, want.Copied = 0, moved
		}
		if w.result == nil || w.result.AB != want || w.result.BA != (Direction{}) || w.result.Err != why || w.result.Failed != Neither {
			t.Errorf("mode %d: %+v, want %+v", mode, w.result, want)
		}
		if got := w.count().BytesStranded - before; got != uint64(flight) || w.count().InFlight != 0 || tr.pipe != nil || tr.buf != nil {
			t.Errorf("mode %d: %d stranded, %d in flight", mode, got, w.count().InFlight)
		}
	}
}

// A relay that a handler aborts has no side that failed.
func TestAbortedRelayIsNobodysFailure(t *testing.T) {
	w := newWorld(t, Options{})
	w.r.t[1].src.Abort()
	w.run(0)
	if w.result == nil || !errors.Is(w.result.Err, net.ErrClosed) || w.result.Failed != Neither {
		t.Errorf("%+v", w.result)
	}
}

// What is over stays over: nothing is asked, and no timer runs.
func TestRelayThatIsOverDoesNothing(t *testing.T) {
	w := newWorld(t, Options{IdleTimeout: time.Minute})
	w.b.Buffers(1<<20, 10)
	w.write(w.a, 100)
	w.run(time.Second)
	w.a.Reset()
	w.run(time.Second)
	if w.result != nil || !w.r.timer.Armed() {
		t.Fatal("does not wait for its last bytes")
	}
	for range 20 {
		w.read(w.b)
		w.k.Settle()
	}
	if w.r.deliver(); w.r.phase != over || w.r.timer.Armed() {
		t.Fatalf("all is delivered: phase %d, timer %v", w.r.phase, w.r.timer.Armed())
	}
	w.run(0)
	asked := w.k.Count[simkernel.Outq]
	w.r.deliver()
	w.r.finish(true)
	w.run(time.Second)
	if w.k.Count[simkernel.Outq] != asked || w.r.timer.Armed() || w.r.phase != over || w.results != 1 {
		t.Errorf("asked %d times, timer %v, phase %d, told %d times", w.k.Count[simkernel.Outq]-asked, w.r.timer.Armed(), w.r.phase, w.results)
	}
	w.connect()
	w.run(time.Second)
	w.r.Fail(io.EOF)
	if w.r.timer.Armed() {
		t.Error("its timer runs on")
	}
}

// While a reset waits each acknowledgement is progress.
func TestSlowReaderHoldsAResetBack(t *testing.T) {
	w := newWorld(t, Options{StallTimeout: 4 * time.Second})
	w.b.Buffers(1<<20, 10)
	w.write(w.a, 1000)
	w.run(0)
	w.a.Reset()
	for i := range 8 {
		w.run(3 * time.Second)
		if w.result != nil {
			t.Fatalf("cut after %d reads: %+v", i, w.result)
		}
		w.b.Read(10)
	}
	w.began = w.k.Clock()
	if got := w.ends(time.Minute); got < 3*time.Second || got > 5*time.Second {
		t.Errorf("the reader stopped, and the reset came after %v", got)
	}
}

// A relay of which no socket has failed was closed from this side.
func TestCauseIsTheSocketsError(t *testing.T) {
	w := newWorld(t, Options{})
	if side, err := w.r.cause(); side != Neither || err != net.ErrClosed {
		t.Errorf("%v, %v", side, err)
	}
	d := w.r.t[1].src.FD()
	was := *d
	*d = fd.Own(d.Num(), sys.Unix)
	d.Fail(sys.ECONNRESET)
	side, err := w.r.cause()
	var op *net.OpError
	if side != B || !errors.As(err, &op) || op.Net != "unix" || op.Err != sys.ECONNRESET {
		t.Errorf("%v, %v", side, err)
	}
	*d = was
}

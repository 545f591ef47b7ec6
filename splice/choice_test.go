package splice

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

func TestWayIsChosenByModeMarkAndRefusal(t *testing.T) {
	for _, c := range []struct {
		mode     Mode
		urgent   bool
		denied   int8
		splicing bool
		want     bool
		left     int8
	}{
		{Auto, false, 0, false, false, 0}, {Auto, false, 0, true, true, 0}, {Splice, false, 0, false, true, 0}, {Splice, false, 0, true, true, 0},
		{Copy, false, 0, false, false, 0}, {Copy, false, 0, true, false, 0}, {Copy, false, 3, true, false, 3},
		{Splice, true, 0, true, false, 0}, {Auto, true, 0, true, false, 0}, {Auto, true, 3, true, false, 3},
		{Splice, false, 3, true, false, 2}, {Splice, false, 1, false, false, 0}, {Auto, false, 1, true, false, 0},
	} {
		src := &loop.Conn{}
		src.FD().Note(fd.Readable | fd.Writable | fd.Ended)
		if c.urgent {
			src.FD().Note(fd.Urgent)
		}
		tr := &transfer{src: src, denied: c.denied, splicing: c.splicing}
		if got := tr.wantsSplice(c.mode); got != c.want || tr.denied != c.left {
			t.Errorf("%+v: %v, denied %d", c, got, tr.denied)
		}
	}
}

// A transfer changes its way after so many drains in a row, and is counted.
func TestStreaksChangeTheWay(t *testing.T) {
	w := newWorld(t, Options{})
	tr, count := &w.r.t[0], w.count()
	for i, c := range []struct {
		mode             Mode
		other            bool
		enough           int8
		splicing         bool
		toSplice, toCopy uint64
	}{
		{Auto, true, 2, false, 0, 0}, {Auto, false, 2, false, 0, 0}, {Auto, true, 2, false, 0, 0}, {Auto, true, 2, true, 1, 0},
		{Auto, true, 2, true, 1, 0}, {Auto, true, 2, false, 1, 1}, {Auto, true, 2, false, 1, 1}, {Splice, true, 2, false, 1, 1},
		{Auto, true, 2, false, 1, 1}, {Copy, true, 2, false, 1, 1}, {Auto, true, 1, true, 2, 1},
	} {
		tr.judge(c.mode, c.other, c.enough)
		if tr.splicing != c.splicing || count.ToSplice != c.toSplice || count.ToCopy != c.toCopy {
			t.Errorf("step %d: splicing %v, %d to splice, %d to copy", i, tr.splicing, count.ToSplice, count.ToCopy)
		}
	}
}

// What counts as bulk, what as small, and how much of each it takes.
func TestAutoGoesOverAtItsThresholds(t *testing.T) {
	for _, c := range []struct {
		writes   []int
		splicing bool
	}{
		{[]int{32 << 10}, false}, {[]int{32 << 10, 32 << 10}, true}, {[]int{32<<10 - 1, 32 << 10}, false}, {[]int{32<<10 - 1, 32<<10 - 1, 32<<10 - 1}, false},
		{[]int{32 << 10, 1, 32 << 10}, false}, {[]int{64 << 10, 64 << 10}, true},
		{[]int{32 << 10, 32 << 10, 1, 1, 1}, true}, {[]int{32 << 10, 32 << 10, 1, 1, 1, 1}, false},
		{[]int{32 << 10, 32 << 10, 8191, 8191, 8191, 8191}, false}, {[]int{32 << 10, 32 << 10, 8192, 8192, 8192, 8192}, true},
		{[]int{32 << 10, 32 << 10, 1, 1, 1, 8192, 1, 1, 1}, true},
	} {
		for _, mode := range []Mode{Auto, Splice, Copy} {
			w := newWorld(t, Options{Mode: mode})
			sum := 0
			for _, n := range c.writes {
				w.write(w.a, n)
				w.run(0)
				sum += n
				if got, _ := w.read(w.b); got != n {
					t.Fatalf("%v: %d of %d came", c.writes, got, n)
				}
				w.run(0)
			}
			if want := c.splicing && mode == Auto; w.r.t[0].splicing != want || w.r.t[1].splicing {
				t.Errorf("mode %d, %v: splicing %v, %v", mode, c.writes, w.r.t[0].splicing, w.r.t[1].splicing)
			}
			s := w.r.t[0].stats
			if got := w.count().UrgentMarks; got != 0 {
				t.Errorf("mode %d, %v: %d urgent marks", mode, c.writes, got)
			}
			if s.spliced+s.copied != uint64(sum) || mode == Splice && s.copied > 0 || mode == Copy && s.spliced > 0 || mode == Auto && s.copied == 0 {
				t.Errorf("mode %d, %v: %+v", mode, c.writes, s)
			}
		}
	}
}

// Each way counts its own calls and bytes.
func TestCountersAreOfTheWayThatWasTaken(t *testing.T) {
	for _, mode := range []Mode{Splice, Copy} {
		w := newWorld(t, Options{Mode: mode})
		w.run(0)
		before := *w.count()
		w.write(w.a, 1000)
		w.run(0)
		after := *w.count()
		got := fmt.Sprint(after.Drains-before.Drains, after.Pumps-before.Pumps, after.BytesSpliced-before.BytesSpliced,
			after.Sends-before.Sends, after.BytesCopied-before.BytesCopied, after.SpliceDenied-before.SpliceDenied, after.InFlight)
		want := map[Mode]string{Splice: "2 1 1000 0 0 0 0", Copy: "0 0 0 1 1000 0 0"}[mode]
		if got != want {
			t.Errorf("mode %d: %s, want %s", mode, got, want)
		}
		if recvs := after.Recvs - before.Recvs; mode == Copy && recvs != 1 || mode == Splice && recvs != 0 {
			t.Errorf("mode %d: %d reads", mode, recvs)
		}
		if n := w.r.t[0].inFlight(); n != 0 || w.r.t[0].pumped() != 1000 || w.r.t[0].state != waiting {
			t.Errorf("mode %d: %d in flight, %d pumped, state %d", mode, n, w.r.t[0].pumped(), w.r.t[0].state)
		}
	}
}

// After a refusal so many reads are copied; memory that is short says nothing of the call.
func TestRefusalsAreRemembered(t *testing.T) {
	for e, forGood := range map[sys.Errno]bool{sys.EINVAL: true, sys.ENOSYS: true, sys.ENOMEM: false} {
		w := newWorld(t, Options{Mode: Splice})
		w.fail[simkernel.Splice] = e
		asked := []uint64{}
		for range 18 * 16 {
			before := w.k.Count[simkernel.Splice]
			w.write(w.a, 10)
			w.run(0)
			if got, _ := w.read(w.b); got != 10 {
				t.Fatalf("%v: %d bytes came", e, got)
			}
			asked = append(asked, w.k.Count[simkernel.Splice]-before)
		}
		n := 0
		for i, times := range asked {
			if times > 1 || times == 1 && i%17 != 0 {
				t.Fatalf("%v: asked %d times at read %d", e, times, i)
			}
			n += int(times)
		}
		if forGood && n != 16 || !forGood && n != 17 {
			t.Errorf("%v: asked %d times", e, n)
		}
		if got := w.count().SpliceDenied; got != 17 {
			t.Errorf("%v: %d counted", e, got)
		}
	}
}

// An error of the socket that splice met is no refusal of the call: after any number of
// them the next relay splices.
func TestErrorOfTheSocketIsNoRefusal(t *testing.T) {
	w := newWorld(t, Options{Mode: Splice})
	for range 2 * denials {
		w.fail[simkernel.Splice] = sys.ECONNRESET
		w.write(w.a, 10)
		w.run(time.Second)
		if w.result == nil {
			t.Fatal("not over")
		}
		delete(w.fail, simkernel.Splice)
		w.connect()
	}
	w.write(w.a, 10)
	w.run(0)
	if got, _ := w.read(w.b); got != 10 || w.r.t[0].stats.spliced != 10 {
		t.Errorf("%d bytes came, %+v", got, w.r.t[0].stats)
	}
}

// At an urgent mark a transfer copies, and splices again behind it.
func TestUrgentMarkIsCopiedAcross(t *testing.T) {
	w := newWorld(t, Options{Mode: Splice})
	w.write(w.a, 100)
	w.run(0)
	w.a.Urgent()
	const behind = 150 << 10 // several buffers, behind one mark
	w.write(w.a, behind)
	w.run(0)
	if got, _ := w.read(w.b); got != 100+behind {
		t.Fatalf("%d bytes came", got)
	}
	w.run(0)
	w.read(w.b)
	w.write(w.a, 100)
	w.run(0)
	s, c := w.r.t[0].stats, w.count()
	if s.spliced != 200 || s.copied != behind || c.UrgentMarks != 1 {
		t.Errorf("%+v, %d marks", s, c.UrgentMarks)
	}
}

// Without a pipe a transfer copies, and says so.
func TestWithoutAPipeItCopies(t *testing.T) {
	w := newWorld(t, Options{Mode: Splice})
	w.fail[simkernel.Pipe] = sys.EMFILE
	w.write(w.a, 100)
	w.run(0)
	if got, _ := w.read(w.b); got != 100 || w.count().SpliceDenied != 1 || w.r.t[0].denied != denials {
		t.Errorf("%d bytes, %d denied, %d to copy", got, w.count().SpliceDenied, w.r.t[0].denied)
	}
}

// Splice is given up only after refusals in a row.
func TestRefusalsThatPassAreForgotten(t *testing.T) {
	w := newWorld(t, Options{Mode: Splice})
	for range 3 {
		w.fail[simkernel.Splice] = sys.EINVAL
		for range 15 * 17 {
			w.write(w.a, 10)
			w.run(0)
			w.read(w.b)
		}
		delete(w.fail, simkernel.Splice)
		before := w.r.t[0].stats.spliced
		w.write(w.a, 10)
		w.run(0)
		if got := w.r.t[0].stats.spliced - before; got != 10 {
			t.Fatalf("%d bytes were spliced", got)
		}
		w.read(w.b)
	}
}

// A flow that has proven itself is lent a big pipe, one a byte short of that is not.
func TestProvenFlowGetsABigPipe(t *testing.T) {
	for flowed, size := range map[int32]int{12<<20 - 1: 64 << 10, 12 << 20: 1 << 20} {
		w := newWorld(t, Options{Mode: Splice, StallTimeout: -1})
		w.b.Buffers(1<<20, 1)
		tr := &w.r.t[0]
		tr.flowed = flowed
		tr.dst.FD().Clear(fd.Writable) // what was drained stays in flight
		w.write(w.a, 1000)
		w.run(0)
		if tr.pipe == nil || tr.pipe.Size != size || tr.inFlight() != 1000 {
			t.Errorf("%d proven: pipe %+v", flowed, tr.pipe)
		}
		tr.dst.FD().Note(fd.Writable)
	}
}

// What was taken is in flight, has cost its budget, and is progress.
func TestTakenBytesAreSpentAndProgress(t *testing.T) {
	w := newWorld(t, Options{})
	tr := &w.r.t[0]
	left, flight := w.l.Left(), w.count().InFlight
	tr.last = 7
	tr.took(5000)
	if w.l.Left() != left-5000 || w.count().InFlight != flight+5000 || tr.last != w.l.Now() || tr.state != pumping {
		t.Errorf("left %d, in flight %d, last %d, state %d", w.l.Left()-left, w.count().InFlight-flight, tr.last, tr.state)
	}
	w.count().InFlight, tr.state = flight, waiting
}

// A read that finds nothing gives its buffer back.
func TestBufferOfAnEmptyReadIsGivenBack(t *testing.T) {
	w := newWorld(t, Options{Mode: Copy})
	tr := &w.r.t[0]
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		tr.src.FD().Note(fd.Readable)
		tr.drainBuffer(Copy)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 { // a buffer has 64 KiB
		t.Errorf("%d bytes were allocated for 100 reads", got)
	}
}

// A sink that has failed is sent nothing, and one that fails ends its direction.
func TestFailedSinkEndsItsDirection(t *testing.T) {
	for _, mode := range []Mode{Splice, Copy} {
		for _, before := range []bool{true, false} {
			w := newWorld(t, Options{Mode: mode})
			tr := &w.r.t[0]
			tr.dst.FD().Clear(fd.Writable)
			w.write(w.a, 1000)
			w.run(0)
			if tr.state != blocked || tr.inFlight() != 1000 {
				t.Fatalf("mode %d: state %d, %d in flight", mode, tr.state, tr.inFlight())
			}
			calls := w.k.Count[simkernel.Splice] + w.k.Count[simkernel.Send]
			if before {
				tr.dst.FD().Fail(sys.EIO)
				if n, e := tr.push(); n != 0 || e != sys.EIO {
					t.Errorf("mode %d: push: %d, %v", mode, n, e)
				}
			} else {
				w.fail[simkernel.Splice], w.fail[simkernel.Send] = sys.EPIPE, sys.EPIPE
				tr.dst.FD().Note(fd.Writable)
			}
			tr.state = pumping
			tr.pump()
			if made := w.k.Count[simkernel.Splice] + w.k.Count[simkernel.Send] - calls; made != 0 && before || made != 1 && !before {
				t.Errorf("mode %d: %d calls", mode, made)
			}
			if tr.state != failed || tr.stranded != 1000 || tr.inFlight() != 0 {
				t.Errorf("mode %d: state %d, %d stranded, %d in flight", mode, tr.state, tr.stranded, tr.inFlight())
			}
			clear(w.fail)
		}
	}
}

// What was delivered is progress, proves the flow, and is in flight no longer.
func TestDeliveredBytesAreCounted(t *testing.T) {
	w := newWorld(t, Options{})
	tr := &w.r.t[0]
	tr.last, tr.flowed = 7, 30
	w.count().InFlight = 100
	tr.delivered(40)
	if tr.last != w.l.Now() || tr.flowed != 70 || w.count().InFlight != 60 {
		t.Errorf("last %d, %d proven, %d in flight", tr.last, tr.flowed, w.count().InFlight)
	}
	w.count().InFlight = 0
}

package splice

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

func near(got, want time.Duration) bool {
	return got > want-time.Millisecond && got < want+3*time.Millisecond
}

// When each timeout ends a relay, to the millisecond, and what it says. The first look at
// the acknowledgements is progress, as nobody knows what came before it: a quarter more.
func TestTimeoutsEndARelayAtTheirTime(t *testing.T) {
	const s = time.Second
	nothing := func(*world) {}
	halfClosed := func(w *world) { w.a.CloseWrite(); w.run(0) }
	otherHalf := func(w *world) { w.b.CloseWrite(); w.run(0) }
	// full has one side write until all on the way is full, and the other read nothing.
	full := func(from, to func(w *world) simkernel.Peer) func(w *world) {
		return func(w *world) {
			w.a.Buffers(1<<20, 1<<10)
			w.b.Buffers(1<<20, 1<<10)
			for range 20 {
				from(w).Write(simkernel.Segment{N: 1 << 20})
				w.run(0)
			}
			w.began = max(w.r.t[0].last, w.r.t[1].last)
		}
	}
	a, b := func(w *world) simkernel.Peer { return w.a }, func(w *world) simkernel.Peer { return w.b }
	deafB, deafA := full(a, b), full(b, a)
	for name, c := range map[string]struct {
		o     Options
		begin func(w *world)
		want  time.Duration // 0 is never
		text  string
	}{
		"no timeout":                {Options{}, nothing, 0, ""},
		"negative idle":             {Options{IdleTimeout: -1}, nothing, 0, ""},
		"idle":                      {Options{IdleTimeout: 4 * s}, nothing, 4 * s, "penstock: relay timed out: i/o timeout: idle for 4s"},
		"idle of 1 ns":              {Options{IdleTimeout: 1}, nothing, 1, "penstock: relay timed out: i/o timeout: idle for 1ns"},
		"idle, half-closed":         {Options{IdleTimeout: 4 * s}, halfClosed, 4 * s, "penstock: relay timed out: i/o timeout: idle for 4s"},
		"half-closed":               {Options{}, halfClosed, 600 * s, "penstock: relay timed out: i/o timeout: half-closed, and no byte for 10m0s"},
		"half-closed, other side":   {Options{}, otherHalf, 600 * s, "penstock: relay timed out: i/o timeout: half-closed, and no byte for 10m0s"},
		"half-closed, 4 s":          {Options{HalfCloseTimeout: 4 * s}, halfClosed, 4 * s, "penstock: relay timed out: i/o timeout: half-closed, and no byte for 4s"},
		"half-closed, idle longer":  {Options{HalfCloseTimeout: 4 * s, IdleTimeout: 9 * s}, halfClosed, 4 * s, "penstock: relay timed out: i/o timeout: half-closed, and no byte for 4s"},
		"half-closed, idle shorter": {Options{HalfCloseTimeout: 9 * s, IdleTimeout: 4 * s}, halfClosed, 4 * s, "penstock: relay timed out: i/o timeout: idle for 4s"},
		"half-closed, no idle":      {Options{HalfCloseTimeout: 4 * s, IdleTimeout: -1}, halfClosed, 4 * s, "penstock: relay timed out: i/o timeout: half-closed, and no byte for 4s"},
		"half-closed, none":         {Options{HalfCloseTimeout: -1}, halfClosed, 0, ""},
		"not half-closed":           {Options{HalfCloseTimeout: 4 * s}, nothing, 0, ""},
		"stalled":                   {Options{}, deafB, 300 * s, "penstock: relay timed out: i/o timeout: sink took no byte for 5m0s"},
		"stalled, other side":       {Options{}, deafA, 300 * s, "penstock: relay timed out: i/o timeout: sink took no byte for 5m0s"},
		"stalled, 4 s":              {Options{StallTimeout: 4 * s}, deafB, 4 * s, "penstock: relay timed out: i/o timeout: sink took no byte for 4s"},
		"stalled, 4 s, other side":  {Options{StallTimeout: 4 * s}, deafA, 4 * s, "penstock: relay timed out: i/o timeout: sink took no byte for 4s"},
		"stalled, copying":          {Options{StallTimeout: 4 * s, Mode: Copy}, deafA, 4 * s, "penstock: relay timed out: i/o timeout: sink took no byte for 4s"},
		"stalled, splicing":         {Options{StallTimeout: 4 * s, Mode: Splice}, deafA, 4 * s, "penstock: relay timed out: i/o timeout: sink took no byte for 4s"},
		"stalled, idle shorter":     {Options{StallTimeout: 9 * s, IdleTimeout: 4 * s}, deafB, 4 * s, "penstock: relay timed out: i/o timeout: idle for 4s"},
		"stalled, idle longer":      {Options{StallTimeout: 4 * s, IdleTimeout: 9 * s}, deafB, 4 * s, "penstock: relay timed out: i/o timeout: sink took no byte for 4s"},
		"stalled, none":             {Options{StallTimeout: -1}, deafB, 0, ""},
		"idle, with stall":          {Options{StallTimeout: 1 * s, IdleTimeout: 4 * s}, nothing, 4 * s, "penstock: relay timed out: i/o timeout: idle for 4s"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.o)
			c.begin(w)
			got := w.ends(2 * time.Hour)
			if c.want == 0 {
				if got != 0 || w.r.timer.Armed() {
					t.Errorf("ended after %v, timer %v", got, w.r.timer.Armed())
				}
				return
			}
			if !near(got, c.want+c.want/looks) || w.result.Err.Error() != c.text || !errors.Is(w.result.Err, ErrTimeout) || w.result.Failed != Neither {
				t.Errorf("ended after %v: %+v", got, w.result)
			}
			w.run(0)
			if w.r.timer.Armed() {
				t.Error("its timer runs on")
			}
			if n := w.k.Count[simkernel.Outq]; strings.Contains(c.text, "sink took") && (n < 5 || n > 12) {
				t.Errorf("looked %d times at the acknowledgements", n)
			}
			_, a := w.read(w.a)
			_, b := w.read(w.b)
			switch { // whoever was sent an end reads it, and the other a reset
			case w.r.ended == 0 && (a != sys.ECONNRESET || b != sys.ECONNRESET), a != sys.ECONNRESET && b != sys.ECONNRESET:
				t.Errorf("a reads %v, and b %v", a, b)
			}
		})
	}
}

// The peer's acknowledgements are looked at four times within a timeout while there are
// any to come, and not at all if there are none.
func TestAcknowledgementsAreLookedAtFourTimes(t *testing.T) {
	const limit = 4 * time.Second
	for name, c := range map[string]struct {
		from int
		held bool
		want uint64
	}{"all are acknowledged": {0, false, 2}, "none is": {0, true, 6}, "all are, back": {1, false, 2}, "none is, back": {1, true, 6}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{IdleTimeout: limit, HalfCloseTimeout: -1})
			w.write(w.peer(c.from), 100)
			w.run(0)
			w.read(w.peer(c.from ^ 1))
			w.write(w.peer(c.from), 100)
			w.k.Settle()
			w.held = c.held
			before := w.k.Count[simkernel.Outq]
			w.run(0)
			w.began = w.r.t[c.from].last
			got := w.ends(10 * limit)
			if n := w.k.Count[simkernel.Outq] - before; n != c.want || !near(got, limit*5/4) {
				t.Errorf("looked %d times, want %d; ended after %v", n, c.want, got)
			}
		})
	}
}

// Each acknowledgement, each byte and each end is progress.
func TestProgressPutsTheTimeoutOff(t *testing.T) {
	const limit = 4 * time.Second
	for name, progress := range map[string]func(w *world){
		"byte":            func(w *world) { w.write(w.a, 1) },
		"byte back":       func(w *world) { w.write(w.b, 1) },
		"end":             func(w *world) { w.a.CloseWrite() },
		"acknowledgement": func(w *world) { w.read(w.b) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{IdleTimeout: limit, HalfCloseTimeout: -1, StallTimeout: -1})
			w.b.Buffers(1<<20, 1<<10)
			w.write(w.a, 4<<10)
			w.run(0)
			w.run(limit / 2)
			if w.result != nil {
				t.Fatal(w.result)
			}
			progress(w)
			w.run(0)
			if name == "acknowledgement" {
				w.run(limit / 4) // it is seen at the next look
			}
			w.began = max(w.r.t[0].last, w.r.t[1].last)
			if w.after() > limit/4+3*time.Millisecond {
				t.Errorf("the last progress was %v ago", w.after())
			}
			if got := w.ends(10 * limit); got < limit || got > limit*5/4+3*time.Millisecond {
				t.Errorf("ended %v after it", got)
			}
		})
	}
}

func TestTimesOfTheNextLook(t *testing.T) {
	for _, c := range []struct {
		limit, passed time.Duration
		unacked       bool
		want          time.Duration
	}{
		{0, 0, true, 0}, {0, 9, false, 0}, {100, 0, false, 100}, {100, 30, false, 70}, {100, 30, true, 25}, {100, 90, true, 10},
		{100, 100, false, 1}, {100, 200, false, 1}, {100, 200, true, 1}, {1, 0, false, 1}, {3, 0, true, 1}, {100, 99, false, 1}, {100, 98, false, 2},
	} {
		if got := nextLook(c.limit, c.passed, c.unacked); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	for _, c := range [][3]time.Duration{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 6, 5}, {6, 5, 5}, {5, 5, 5}, {5, 1, 1}, {1, 5, 1}, {5, -1, 5}} {
		if got := shorter(c[0], c[1]); got != c[2] {
			t.Errorf("the shorter of %d and %d: %d", c[0], c[1], got)
		}
	}
	for _, c := range []struct{ set, stall, half time.Duration }{{0, 5 * time.Minute, 10 * time.Minute}, {-1, 0, 0}, {1, 1, 1}, {7, 7, 7}} {
		if o := (&Options{StallTimeout: c.set, HalfCloseTimeout: c.set}); o.stall() != c.stall || o.halfClose() != c.half {
			t.Errorf("%d: stall %v, half-close %v", c.set, o.stall(), o.halfClose())
		}
	}
}

// Each timeout holds from its very moment on, and only where it is in force.
func TestTimeoutsAtTheirBounds(t *testing.T) {
	w := newWorld(t, Options{})
	o, was := w.r.o, w.r.t
	if got, want := w.r.units(), uint32(w.l.Now()>>20); got != want { // 32 bits are 52 days
		t.Errorf("%d units, want %d", got, want)
	}
	const half = 5 * endedUnit
	for _, c := range []struct {
		o          Options
		quiet      [2]time.Duration // since the last progress of each transfer
		state      [2]state
		ended      uint32 // how many units ago
		times      string // which timeout has passed
		delivering bool
		limit      time.Duration // of silence
	}{
		{Options{IdleTimeout: 1000}, [2]time.Duration{1000, 1000}, [2]state{}, 0, "idle", true, 1000},
		{Options{IdleTimeout: 1000}, [2]time.Duration{999, 5000}, [2]state{}, 0, "", false, 1000},
		{Options{IdleTimeout: 1000}, [2]time.Duration{5000, 999}, [2]state{}, 0, "", false, 1000},
		{Options{IdleTimeout: 1}, [2]time.Duration{1, 1}, [2]state{}, 0, "idle", true, 1},
		{Options{IdleTimeout: -1}, [2]time.Duration{1, 1}, [2]state{}, 0, "", false, 0},
		{Options{HalfCloseTimeout: half}, [2]time.Duration{half, half}, [2]state{done, waiting}, 5, "half", true, half},
		{Options{HalfCloseTimeout: half}, [2]time.Duration{half, half}, [2]state{waiting, failed}, 5, "half", true, half},
		{Options{HalfCloseTimeout: half}, [2]time.Duration{half - 1, half}, [2]state{done, waiting}, 9, "", false, half},
		{Options{HalfCloseTimeout: half}, [2]time.Duration{2 * half, 2 * half}, [2]state{done, waiting}, 4, "", false, half},
		{Options{HalfCloseTimeout: half}, [2]time.Duration{2 * half, 2 * half}, [2]state{}, 9, "", true, 0},
		{Options{HalfCloseTimeout: 1}, [2]time.Duration{half, half}, [2]state{done, waiting}, 5, "half", true, 1},
		{Options{HalfCloseTimeout: -1, StallTimeout: -1}, [2]time.Duration{time.Hour, time.Hour}, [2]state{done, waiting}, 1 << 30, "", false, 0},
		{Options{HalfCloseTimeout: half, IdleTimeout: -1}, [2]time.Duration{half, half}, [2]state{done, waiting}, 5, "half", true, half},
		{Options{HalfCloseTimeout: half, IdleTimeout: half + 1}, [2]time.Duration{1, 1}, [2]state{done, waiting}, 5, "", false, half},
		{Options{HalfCloseTimeout: half, IdleTimeout: half - 1}, [2]time.Duration{1, 1}, [2]state{done, waiting}, 5, "", false, half - 1},
		{Options{StallTimeout: half}, [2]time.Duration{half, 0}, [2]state{blocked, waiting}, 5, "sink", false, 0},
		{Options{StallTimeout: half}, [2]time.Duration{0, half}, [2]state{waiting, blocked}, 5, "sink", false, 0},
		{Options{StallTimeout: half}, [2]time.Duration{half - 1, half}, [2]state{blocked, waiting}, 9, "", false, 0},
		{Options{StallTimeout: half}, [2]time.Duration{half, half}, [2]state{}, 5, "", true, 0},
		{Options{StallTimeout: 1}, [2]time.Duration{1, 1}, [2]state{blocked, waiting}, 5, "sink", true, 0},
	} {
		w.r.o, w.r.ended = &c.o, w.r.units()-c.ended
		for i := range w.r.t {
			w.r.t[i].state, w.r.t[i].last = c.state[i], w.l.Now()-int64(c.quiet[i])
			want := c.quiet[i]
			if c.state[i] != blocked {
				want = 0
			}
			if got := w.r.t[i].stalledFor(); got != want {
				t.Errorf("%+v: transfer %d stalled for %v", c, i, got)
			}
		}
		text := ""
		if err := w.r.timedOut(); err != nil {
			_, text, _ = strings.Cut(err.Error(), "i/o timeout: ")
		}
		if !strings.HasPrefix(text, c.times) || (text == "") != (c.times == "") {
			t.Errorf("%+v: %s", c, text)
		}
		if got := w.r.deliverTimedOut(); got != c.delivering {
			t.Errorf("%+v: in front of a reset: %v", c, got)
		}
		if got := w.r.quietTimeout(); got != c.limit {
			t.Errorf("%+v: %v of silence", c, got)
		}
	}
	w.r.o, w.r.t, w.r.ended = o, was, 0
}

// A loop does not wake for timeouts that are not in force.
func TestRelayThatFlowsAgainHasNoTimer(t *testing.T) {
	w := newWorld(t, Options{StallTimeout: 4 * time.Second})
	w.stuck(0, 1000).dst.FD().Note(fd.Writable)
	w.r.lookSoon()
	if !w.r.timer.Armed() {
		t.Error("stalled, and nobody looks")
	}
	w.l.Post(func() { w.r.Ready(nil) })
	w.run(0)
	waits := w.k.Count[simkernel.EpollWait]
	w.run(time.Minute)
	if got := w.k.Count[simkernel.EpollWait] - waits; got > 40 || w.r.timer.Armed() || w.result != nil {
		t.Errorf("%d waits in a minute, timer %v", got, w.r.timer.Armed())
	}
	idle := newWorld(t, Options{StallTimeout: time.Second, IdleTimeout: time.Hour})
	waits = idle.k.Count[simkernel.EpollWait]
	idle.run(30 * time.Minute)
	if got := idle.k.Count[simkernel.EpollWait] - waits; got > 40 || !idle.r.timer.Armed() {
		t.Errorf("%d waits in half an hour, timer %v", got, idle.r.timer.Armed())
	}
}

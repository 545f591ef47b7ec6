package loop

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// newTestTask registers a task of l with a descriptor that is never ready again. The
// registration ends with the test.
func newTestTask(t *testing.T, l *Loop, task Task) *Registration {
	t.Helper()
	num, e := l.k.Eventfd()
	if e != 0 {
		t.Fatal(e)
	}
	r := new(Registration)
	r.fd = fd.Own(num, sys.Inet4)
	if e := l.register(r, task, false); e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(func() {
		if r.task != nil {
			l.unregister(r)
		}
		if n := l.count; n.Registered != n.Unregistered {
			t.Errorf("%d registrations, %d of them ended", n.Registered, n.Unregistered)
		}
	})
	l.turn(false) // takes the event of its registration
	return r
}

// soon are the ways to have the loop call a function in a turn to come.
var soon = map[string]func(l *Loop, f func()){
	"posted functions": func(l *Loop, f func()) { l.Post(f) },
	"timers":           func(l *Loop, f func()) { l.AfterFunc(0, f) },
}

// The limits of a turn in number: as many run as fit, and neither one more nor one less.
func TestTurnRunsAsMuchAsItsLimits(t *testing.T) {
	const all = 3 * 256
	for name, give := range soon {
		t.Run(name, func(t *testing.T) {
			l := newTestLoop(t)
			k := &stopped{Kernel: l.k, now: l.now}
			l.k = k
			ran := 0
			for range all {
				give(l, func() { ran++ })
			}
			k.now += ms // so that the timers are due, and not late
			for ran < all {
				before := ran
				l.turn(false)
				if n := ran - before; n != 256 {
					t.Fatalf("%d ran in a turn, want 256", n)
				}
			}
			if l.count.Tasks+l.count.Timers != all || l.tasks.length.Load() != 0 || len(l.timers) != 0 {
				t.Errorf("%d and %d counted, %d and %d are left", l.count.Tasks, l.count.Timers, l.tasks.length.Load(), len(l.timers))
			}
		})
	}
}

// The limits of a turn in bytes: 1 MiB, which four visits of 256 KiB make.
func TestTurnMovesAsMuchAsItsLimits(t *testing.T) {
	const all = 12
	for name, give := range soon {
		t.Run(name, func(t *testing.T) {
			l := newTestLoop(t)
			k := &stopped{Kernel: l.k, now: l.now}
			l.k = k
			ran := 0
			for range all {
				give(l, func() {
					if ran++; l.Left() != 256<<10 {
						t.Errorf("%d bytes to spend", l.Left())
					}
					l.Spend(256 << 10)
				})
			}
			k.now += ms
			for ran < all {
				before := ran
				l.turn(false)
				if n := ran - before; n != 4 {
					t.Fatalf("%d ran in a turn, want 4", n)
				}
			}
		})
	}
}

// spender is a task that spends so much of its visit, in so many operations.
type spender struct {
	l        *Loop
	n, times int
	visits   int
	last     bool
}

func (s *spender) Fail(error) {}
func (s *spender) Ready(*Registration) bool {
	s.visits++
	for range s.times {
		s.last = s.l.Spend(s.n)
	}
	return false
}

// A registration is heavy from 64 KiB in a visit on, and an operation costs 1 KiB at least.
func TestHeavyIsWhoMovesMuch(t *testing.T) {
	for _, c := range []struct {
		n, times    int
		heavy, more bool
	}{
		{64<<10 - 1, 1, false, true}, {64 << 10, 1, true, true},
		{0, 63, false, true}, {0, 64, true, true}, {1024, 64, true, true}, {1025, 63, false, true},
		{0, 255, true, true}, {0, 256, true, false}, {256<<10 - 1, 1, true, true}, {256 << 10, 1, true, false},
	} {
		l := newTestLoop(t)
		s := &spender{l: l, n: c.n, times: c.times}
		r := newTestTask(t, l, s)
		s.visits = 0
		l.Wake(r)
		l.Wake(r) // is on the list already
		if n := l.light.length + l.heavy.length; n != 1 {
			t.Errorf("%d on the lists", n)
		}
		l.turn(false)
		if r.heavy != c.heavy || s.last != c.more || s.visits != 1 || r.queued {
			t.Errorf("%d times %d bytes: heavy %v, more %v, %d visits, queued %v", c.times, c.n, r.heavy, s.last, s.visits, r.queued)
		}
	}
}

// The counts of a listener's pause are back after each way in which the pause ends.
func TestPauseOfAListenerEndsWhole(t *testing.T) {
	for name, end := range map[string]func(l *Loop, k *stopped, a *listener){
		"a descriptor is freed": func(l *Loop, _ *stopped, _ *listener) { l.group.freed() },
		"freed twice":           func(l *Loop, _ *stopped, _ *listener) { l.group.freed(); l.group.freed() },
		"the time is over":      func(l *Loop, k *stopped, _ *listener) { k.now += int64(pauseFor) },
		"it fails":              func(_ *Loop, _ *stopped, a *listener) { a.Fail(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLoop(t)
			k := &stopped{Kernel: l.k, now: l.now}
			l.k = k
			var log strings.Builder
			l.group.log = slog.New(slog.NewTextHandler(&log, nil))
			a := &listener{s: new(Server)}
			num, e := l.k.Eventfd()
			if e != 0 {
				t.Fatal(e)
			}
			a.fd = fd.Own(num, sys.Inet4)
			if e := l.register(&a.Registration, a, true); e != 0 {
				t.Fatal(e)
			}
			l.group.listeners = append(l.group.listeners, a)
			a.fd.Clear(fd.Readable)
			for range 2 {
				a.resumeSoon() // of one that is not paused: nothing
				l.turn(false)
				if n := l.group.paused.Load(); n != 0 || a.paused || a.resuming.Load() {
					t.Fatalf("%d are paused before: %v, resuming %v", n, a.paused, a.resuming.Load())
				}
				a.pause("a test", sys.EMFILE)
				if n := l.group.paused.Load(); n != 1 || !a.paused || !a.timer.Armed() || a.timer.when != k.now+int64(100*time.Millisecond) {
					t.Errorf("%d are paused: %v, until %d", n, a.paused, a.timer.when-k.now)
				}
				end(l, k, a)
				for range 3 { // one that was late looks once more before its timers
					l.turn(false)
				}
				if n := l.group.paused.Load(); n != 0 || a.paused || a.timer.Armed() || a.resuming.Load() {
					t.Errorf("%d are paused: %v, armed %v, resuming %v", n, a.paused, a.timer.Armed(), a.resuming.Load())
				}
				if a.task == nil {
					break
				}
			}
			if n := l.count.AcceptPauses; log.Len() == 0 || strings.Count(log.String(), "accepting paused") != 1 || n > 2 {
				t.Errorf("%d pauses, logged:\n%s", n, &log)
			}
			if !strings.Contains(log.String(), `why="a test" connections=0 error=`) {
				t.Errorf("logged:\n%s", &log)
			}
			if a.task != nil {
				a.Fail(nil)
			}
			l.group.listeners = nil
			if l.count.Registered != l.count.Unregistered {
				t.Error("the listener's registration is left")
			}
		})
	}
}

// A loop that has ended takes no post, so one that is asked to resume can be asked again.
func TestResumeOnALoopThatHasEndedLeavesNothing(t *testing.T) {
	l := newTestLoop(t)
	l.tasks.close()
	a := &listener{}
	a.loop = l
	a.resumeSoon()
	if a.resuming.Load() {
		t.Error("a resume that was refused counts as posted")
	}
}

// blockedLog is a log that takes its first record when it is opened.
type blockedLog struct {
	slog.Handler
	began, open chan struct{}
	n           *int
}

func (b blockedLog) Handle(context.Context, slog.Record) error {
	if *b.n++; *b.n == 1 {
		close(b.began)
		<-b.open
	}
	return nil
}

// 256 records wait for a log that is not read, beside the one that it has; more are
// dropped, counted, and said once. After the end nothing is written, nor counted.
func TestLogHoldsAsManyRecordsAsItSays(t *testing.T) {
	n := 0
	b := blockedLog{slog.DiscardHandler, make(chan struct{}), make(chan struct{}), &n}
	r := newRecorder(b)
	handle := func() { r.Handle(context.Background(), slog.Record{}) }
	handle()
	<-b.began
	for range 256 {
		handle()
	}
	if d := r.dropped.Load(); d != 0 {
		t.Errorf("%d records were dropped of 256 that wait", d)
	}
	handle()
	handle()
	if d, lost := r.dropped.Load(), r.lost.Load(); d != 2 || lost != 2 {
		t.Errorf("%d and %d records were dropped of 2 too many", d, lost)
	}
	close(b.open)
	r.close()
	if n != 1+256+1 || r.lost.Load() != 0 || r.dropped.Load() != 2 {
		t.Errorf("%d records were written, %d not told, %d dropped", n, r.lost.Load(), r.dropped.Load())
	}
	handle()
	if n != 1+256+1 || r.dropped.Load() != 2 {
		t.Errorf("after the end: %d records written, %d dropped", n, r.dropped.Load())
	}
}

// A listener that is asked to resume several times posts that once, can be asked again
// when it has resumed, and is visited then.
func TestResumeIsPostedOnceAndVisits(t *testing.T) {
	l := newTestLoop(t)
	a := &listener{s: new(Server)}
	a.loop, a.task = l, a
	a.pause("a test", sys.EMFILE)
	for range 2 {
		a.paused = true
		for range 3 {
			a.resumeSoon()
		}
		if n := l.tasks.length.Load(); n != 1 {
			t.Fatalf("%d resumes are posted", n)
		}
		l.tasks.take()()
		if a.paused || !a.queued || a.resuming.Load() || a.timer.Armed() {
			t.Errorf("paused %v, to be visited %v, resuming %v, armed %v", a.paused, a.queued, a.resuming.Load(), a.timer.Armed())
		}
		l.light.pop()
	}
}

package loop

import (
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

// Timers of a loop that was held wait until what was pending has been taken: one more poll
// that is not full, as many full ones as there are registrations, and what is heavy.
func TestLateLoopCatchesUpBeforeItsTimersRun(t *testing.T) {
	type step struct {
		events, visited, heavy int
		runs                   bool
	}
	for name, c := range map[string]struct {
		late  int64 // how long ago the timer should have run
		slots uint32
		steps []step
	}{
		"in time":      {0, 0, []step{{runs: true}, {events: batch, heavy: 9, runs: true}}},
		"just late":    {10 * ms, 0, []step{{runs: true}}},
		"one poll":     {10*ms + 1, 0, []step{{}, {runs: true}}},
		"one is full":  {11 * ms, batch - 1, []step{{events: batch}, {events: batch, runs: true}}},
		"two are full": {11 * ms, batch, []step{{events: batch}, {events: batch}, {events: batch, runs: true}}},
		"the second is not full": {11 * ms, 3 * batch, []step{
			{events: batch}, {events: batch}, {events: batch - 1, runs: true}}},
		"all are full": {11 * ms, 3 * batch, []step{
			{events: batch}, {events: batch}, {events: batch}, {events: batch}, {events: batch, runs: true}}},
		"heavy ones": {11 * ms, 0, []step{
			{heavy: 9}, {heavy: 5}, {visited: 4, heavy: 9}, {visited: 1, heavy: 9, runs: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLoop(t)
			l.Arm(new(Timer), 0, nobody{})
			l.now = l.timers[0].when + c.late
			used := l.slab.used
			defer func() { l.slab.used, l.heavy.length = used, 0 }()
			l.slab.used = c.slots
			for i, s := range c.steps {
				l.heavy.length = s.heavy
				if runs := l.caughtUp(s.events, s.visited); runs != s.runs {
					t.Fatalf("turn %d: timers run: %v, want %v; %+v", i, runs, s.runs, l.late)
				}
			}
			if l.late.is {
				t.Error("the loop still counts as late")
			}
		})
	}
}

// The last four turns that took longer than 10 ms count from their end, whether the loop
// slept after them or not; older ones and shorter ones do not.
func TestTimeOfASlowTurnCountsFromItsEnd(t *testing.T) {
	l := newTestLoop(t)
	tick := func(now, rested int64) { l.restedAt = rested; l.tick(now) }
	l.now = 1000 * ms
	tick(1010*ms, 0)       // 10 ms are not too long
	tick(1021*ms, 0)       // from 1010: 11 ms
	tick(1500*ms, 1030*ms) // from 1021, but it slept
	tick(2000*ms, 1600*ms) // from 1500
	tick(2100*ms, 0)       // from 2000
	tick(2200*ms, 0)       // from 2100
	for began, want := range map[int64]int64{
		1000 * ms: 1200, 1010 * ms: 1179, 1021 * ms: 1179, 1500 * ms: 600, 2000 * ms: 100, 2100 * ms: 0, 2200 * ms: 0, 2300 * ms: 0,
	} {
		if got := l.Since(began); got != time.Duration(want*ms) {
			t.Errorf("since %d ms: %v, want %d ms", began/ms, got, want)
		}
	}
	tick(2300*ms, 0) // the fifth: the first is forgotten
	if got := l.Since(1010 * ms); got != time.Duration(1290*ms) {
		t.Errorf("the oldest of five slow turns is still kept: %v", got)
	}
	if got := l.Since(1500 * ms); got != time.Duration(700*ms) {
		t.Errorf("the second of five slow turns is not kept: %v", got)
	}
}

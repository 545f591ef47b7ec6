package fleet

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

func TestWhoIsAtFault(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	waited := func(d time.Duration) []window { return []window{{result.Empty(), ago(d)}} }
	const second, tick = time.Second, 10 * time.Millisecond
	for _, c := range []struct {
		name              string
		window            time.Duration
		phase             phase
		heard, told, lags time.Duration // before now; lags: since another's window came, which this one has not told of
		want              string        // "": nothing
	}{
		{"all is well", second, running, tick, second, second, ""},
		{"silent", second, running, 3100 * time.Millisecond, 3100 * time.Millisecond, 0, "no word for 3.1 s"},
		{"silent while connecting", second, connecting, 3100 * time.Millisecond, 0, 0, "no word for 3.1 s"},
		{"silent, and not for long", second, running, 2900 * time.Millisecond, 2900 * time.Millisecond, 0, ""},
		{"there, and without windows", second, running, tick, 3100 * time.Millisecond, 0, "no window for 3.1 s, though it is there"},
		{"without windows that are long", 5 * second, running, tick, 14 * second, 0, ""},
		{"without windows that are long, for too long", 5 * second, running, tick, 16 * second, 0, "no window for 16.0 s"},
		{"without windows while others stop", second, stopping, tick, 9 * second, 9 * second, ""},
		{"late by two windows", second, running, tick, 2900 * time.Millisecond, 2100 * time.Millisecond, "lags: its window 7 is 2.1 s behind"},
		{"late by two short windows, which is a hiccup", 50 * time.Millisecond, running, tick, second, second, ""},
		{"late by more than a hiccup", 50 * time.Millisecond, running, tick, 2200 * time.Millisecond, 2100 * time.Millisecond, "lags: its window 7 is 2.1 s behind"},
		{"without windows for too long, and silent: perhaps dead", second, running, 2500 * time.Millisecond, 3100 * time.Millisecond, 0, ""},
		{"late, and silent: perhaps dead", second, running, 2500 * time.Millisecond, 2500 * time.Millisecond, 2100 * time.Millisecond, ""},
	} {
		m := &member{name: "b", next: 7, heard: ago(c.heard), told: ago(c.told)}
		r := &run{plan: &plan.Plan{Window: c.window}, phase: c.phase, members: []*member{{name: "a", windows: waited(c.lags)}, m}}
		if got := r.fault(m, now); got == "" != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

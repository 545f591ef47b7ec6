package drive

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// believable is a second of an open loop at 10,000/s, of which nothing bad can be said.
func believable() (*result.Result, *seen) {
	total := result.Empty()
	total.From, total.To = time.Second, 2*time.Second
	total.Completed, total.Issued, total.Unanswered, total.InFlight = 10_000, 10_000, 10, 10
	for range 10_000 {
		for _, h := range []*result.Histogram{total.Response, total.Service} {
			h.Record(int64(time.Millisecond))
		}
		total.Lag.Record(1000)
		total.Late.Record(1000)
	}
	r := &result.Result{
		Plan:      &plan.Plan{Kind: plan.RR, Rate: 10_000, Arrival: plan.Constant, Time: time.Second, Timeout: time.Second, Conns: 100},
		AskedRate: 10_000, AchievedRate: 10_000, Measured: time.Second, Completed: 10_000, InFlight: 10,
		Latency: latencies(total), Machine: &result.MachineUsage{Busy: 0.5},
	}
	return r, &seen{early: result.Empty(), total: total, left: result.Empty(), waited: 10}
}

// Each reason is given for what it names, alone, and by nothing else.
func TestEachReasonIsGiven(t *testing.T) {
	if r, s := believable(); len((Limits{}).judge(r, s)) > 0 || len(r.Notes) > 0 {
		t.Fatalf("%q, notes %q", (Limits{}).judge(r, s), r.Notes)
	}
	for name, c := range map[string]struct {
		spoil                        func(r *result.Result, s *seen)
		want                         string
		generator, missed, disturbed bool
	}{
		"nothing":       {func(r *result.Result, s *seen) { r.AskedRate, s.total.Completed = 0, 0 }, "nothing was completed", false, false, false},
		"errors":        {func(r *result.Result, s *seen) { r.Errors, r.ErrorsByKind = 3, map[string]uint64{"oh": 3} }, "3 errors: 3 × oh", false, false, false},
		"early errors":  {func(r *result.Result, s *seen) { s.early.Fail("a wrong byte", "") }, "1 errors in the warm-up: 1 × a wrong byte", false, false, false},
		"late errors":   {func(r *result.Result, s *seen) { s.left.Fail("oh", "") }, "1 errors after the measured time", false, false, false},
		"dead":          {func(r *result.Result, s *seen) { s.left.Dead = 2 }, "2 of 100 held connections were dead", false, false, false},
		"unanswered":    {func(r *result.Result, s *seen) { r.Unanswered = 4 }, "4 requests were not answered within 1s", false, false, false},
		"saturated":     {func(r *result.Result, s *seen) { s.total.Issued = 9_800 }, "the generator is saturated", true, false, false},
		"late":          {func(r *result.Result, s *seen) { r.Latency.Late.P99 = int64(2 * time.Millisecond) }, "the generator was late", true, false, false},
		"91 % answered": {func(r *result.Result, s *seen) { s.total.Completed, s.total.Unanswered, s.waited = 9_100, 1000, 1000 }, "the rate was not reached", false, true, false},
		"a queue": {func(r *result.Result, s *seen) {
			s.total.Completed, s.total.Unanswered, s.total.Backlog, r.InFlight = 9_700, 100, 210, 10
		}, "the rate was not reached", false, true, false},
		"a stop at the end": {func(r *result.Result, s *seen) {
			s.total.Completed, s.total.Unanswered, s.total.Backlog = 9_820, 100, 90
		}, "the rate was not reached", false, true, false},
		"monotone": {func(r *result.Result, s *seen) { r.Latency.Service.P99 = r.Latency.Service.P50 - 1 }, "percentiles of the service time are not monotone", false, false, false},
		"steal":    {func(r *result.Result, s *seen) { r.Machine.Steal = 0.02 }, "steal: other guests took 2.0 % of the machine's CPU time", false, false, true},
		"others":   {func(r *result.Result, s *seen) { r.Machine.Others, s.unsure = 0.08, 0.02 }, "other processes took 8.0 % of the time of the CPUs that the generator and the system under test use, above 7.0 %", false, false, true},
		"agent": {func(r *result.Result, s *seen) {
			s.total.Parts = map[string]result.Part{"b": {Machine: 100, Stolen: 3}}
		}, "steal: other guests took 3.0 % of the CPU time of the machine of agent b", false, false, true},
		"little": {func(r *result.Result, s *seen) { r.InFlight = 20 }, "Little's law is broken: 20.00", false, false, false},
	} {
		r, s := believable()
		c.spoil(r, s)
		reasons := (Limits{}).judge(r, s)
		if len(reasons) != 1 || !strings.Contains(reasons[0], c.want) {
			t.Errorf("%s: %q, want one: %q", name, reasons, c.want)
		}
		if r.GeneratorBound != c.generator || r.RateMissed != c.missed || r.Disturbed != c.disturbed {
			t.Errorf("%s: generator %v, missed %v, disturbed %v", name, r.GeneratorBound, r.RateMissed, r.Disturbed)
		}
	}
	r, s := believable()
	r.Machine.Steal, r.Machine.Others = 0.02, 0.2
	if reasons := (Limits{}).judge(r, s); len(reasons) != 2 || !r.Disturbed {
		t.Errorf("other guests and other processes: %q, disturbed %v", reasons, r.Disturbed)
	}
	r, s = believable()
	r.Machine.Others, s.unsure = 0.05, 0.01
	if reasons := (Limits{}).judge(r, s); len(reasons) != 0 || len(r.Notes) != 1 {
		t.Errorf("a little CPU of others: %q, notes %q", reasons, r.Notes)
	}
	r, s = believable()
	r.Machine.Steal, s.total.Issued = 0.02, 9_800
	if (Limits{}).judge(r, s); r.Disturbed {
		t.Error("steal is not all that is wrong")
	}
}

// A few requests more under way at the end are chance; many of them, though less than
// a hundredth of all, are told.
func TestWhatGrewAtTheEndIsTold(t *testing.T) {
	for grown, want := range map[int]bool{0: false, 15: false, 60: true} {
		r, s := believable()
		s.total.Unanswered, s.total.Completed = s.waited+grown, 10_000-uint64(grown)
		reasons := (Limits{}).judge(r, s)
		told := len(r.Notes) == 1 && strings.Contains(r.Notes[0], "are in no percentile")
		if len(reasons) > 0 || told != want {
			t.Errorf("%d more: %q, %q", grown, reasons, r.Notes)
		}
	}
}

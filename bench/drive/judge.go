package drive

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// Limits are how far a run may be off before it says itself that it is invalid.
type Limits struct {
	Rate  float64 // the least share of the asked rate. Default (0): 0.99
	Steal float64 // the largest share of CPU time that other guests took. Default (0): 0.01
	// Others is the largest share of the CPUs' time that other processes took. Default
	// (0): 0.05, by which a rate or a cost is then off; windows of a warm-up may differ by
	// as much.
	Others float64
	Late   time.Duration // the largest p99 of the generator's own lateness, or a tenth of the response time's. Default (0): 1 ms
}

func (l Limits) defaults() Limits {
	if l.Rate == 0 {
		l.Rate = 0.99
	}
	if l.Steal == 0 {
		l.Steal = 0.01
	}
	if l.Others == 0 {
		l.Others = 0.05
	}
	if l.Late == 0 {
		l.Late = time.Millisecond
	}
	return l
}

// seen is what was seen in the three parts of a run.
type seen struct {
	early  *result.Interval // discarded: until the target was warm
	total  *result.Interval // measured
	left   *result.Interval // after that; nil: nothing
	waited int              // requests that were due, and not answered, when the measured time began
	unsure float64          // share of CPU time by which the machine's account of it may be off
}

// judge answers why a run cannot be believed, and notes whether it was the generator.
func (l Limits) judge(r *result.Result, s *seen) (reasons []string) {
	l = l.defaults()
	total, left := s.total, s.left
	bad := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if units(r.Plan.Kind, total) == 0 && !r.Plan.Idle() {
		bad("nothing was completed")
	}
	if r.Errors > 0 {
		bad("%d errors: %s", r.Errors, kindsOf(r.ErrorsByKind))
	}
	if n := s.early.Failed(); n > 0 {
		bad("%d errors in the warm-up: %s", n, kindsOf(s.early.Errors))
	}
	if left != nil && left.Failed() > 0 {
		bad("%d errors after the measured time: %s", left.Failed(), kindsOf(left.Errors))
	}
	if left != nil && left.Dead > 0 {
		bad("%d of %d held connections were dead", left.Dead, r.Plan.Conns)
	}
	if r.Unanswered > 0 {
		bad("%d requests were not answered within %v after the end", r.Unanswered, r.Plan.Timeout)
	}
	if r.AskedRate > 0 {
		reasons = append(reasons, l.judgeRate(r, s)...)
	}
	for name, p := range map[string]*result.Percentiles{"response": r.Latency.Response, "service": r.Latency.Service, "lag": r.Latency.Lag} {
		if p != nil && !p.Monotone() {
			bad("percentiles of the %s time are not monotone", name)
		}
	}
	disturbances := 0
	if r.Machine != nil && r.Machine.Steal > l.Steal {
		disturbances++
		bad("steal: other guests took %.1f %% of the machine's CPU time, above %.1f %%", 100*r.Machine.Steal, 100*l.Steal)
	}
	switch o := othersOf(r); {
	case o > l.Others+s.unsure:
		disturbances++
		bad("other processes took %.1f %% of the time of the CPUs that the generator and the system under test use, above %.1f %%: end them, or name with --beside those that belong to the set-up", 100*o, 100*(l.Others+s.unsure))
	case o > mentioned+s.unsure:
		r.Notes = append(r.Notes, fmt.Sprintf("other processes took %.1f %% of the time of the CPUs that the generator and the system under test use: high percentiles may be theirs", 100*o))
	}
	for _, name := range slices.Sorted(maps.Keys(total.Parts)) {
		part := total.Parts[name]
		if share := float64(part.Stolen) / each(float64(part.Machine)); share > l.Steal {
			disturbances++
			bad("steal: other guests took %.1f %% of the CPU time of the machine of agent %s, above %.1f %%", 100*share, name, 100*l.Steal)
		}
	}
	if why := little(r, total, left); why != "" {
		reasons = append(reasons, why)
	}
	r.Disturbed = disturbances > 0 && disturbances == len(reasons)
	return reasons
}

// mentioned is the share of the CPUs' time that other processes may take without a word.
const mentioned = 0.01

func othersOf(r *result.Result) float64 {
	if r.Machine == nil {
		return 0
	}
	return r.Machine.Others
}

// judgeRate says whether an open loop was one.
func (l Limits) judgeRate(r *result.Result, s *seen) (reasons []string) {
	seconds, total := r.Measured.Seconds(), s.total
	due := float64(total.Issued)
	chance := 0.0
	if r.Plan.Arrival == plan.Poisson {
		chance = 4 * math.Sqrt(due) // of the number that is due
	}
	// What was due and not answered at the end has grown by so much: by chance, as far
	// as the number that is under way varies, or because the target did not keep up, or
	// stopped. Their response times are not known, and in no percentile.
	grown := float64(total.Unanswered + total.Backlog - s.waited)
	varies := 1 + 4*math.Sqrt(2*r.InFlight)
	switch asked := r.AskedRate * seconds; {
	case due+chance < l.Rate*asked:
		r.GeneratorBound = true
		reasons = append(reasons, fmt.Sprintf("the generator is saturated: %.0f requests came to be due in %.1f s, of %.0f that were asked for", due, seconds, asked))
	case float64(total.Completed)+max(min(grown, varies), 0) < l.Rate*due:
		r.RateMissed = true
		reasons = append(reasons, fmt.Sprintf("the rate was not reached: %.1f/s asked; of %.0f requests that came to be due %.1f %% were answered, %d waited at the end",
			r.AskedRate, due, 100*float64(total.Completed)/due, total.Unanswered+total.Backlog))
	case grown > varies:
		r.Notes = append(r.Notes, fmt.Sprintf("%.0f requests, %.2g %% of those that were due, were not answered when the measured time ended, and are in no percentile", grown, 100*grown/due))
	}
	if p := r.Latency.Late; p != nil && p.P99 > max(int64(l.Late), r.Latency.Response.P99/10) {
		r.GeneratorBound = true
		reasons = append(reasons, fmt.Sprintf("the generator was late: by %v at p99 while connections were free, above %v and a tenth of the response time",
			time.Duration(p.P99).Round(time.Microsecond), l.Late))
	}
	return reasons
}

// little holds the number of requests under way against what Little's law makes of
// their rate and their duration: two ways to count the same.
func little(r *result.Result, total, left *result.Interval) string {
	n := total.Service.Count()
	if n < 1000 || r.InFlight == 0 || r.Plan.Kind == plan.Stream {
		return ""
	}
	law := total.Service.Sum() / float64(r.Measured)
	// A request that is under way at either end counts whole in one of the two, and for
	// a part in the other. That of one which was answered after the end is in left.
	longest := r.Latency.Service.Max
	if left != nil {
		longest = max(longest, left.Service.At(1))
	}
	edges := r.InFlight * float64(longest) / float64(r.Measured)
	if math.Abs(law-r.InFlight) > 0.05*r.InFlight+edges {
		return fmt.Sprintf("Little's law is broken: %.2f requests were under way, where rate × duration make %.2f", r.InFlight, law)
	}
	return ""
}

// kindsOf lists the most frequent errors.
func kindsOf(errors map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(errors), func(a, b string) int { return int(errors[b]) - int(errors[a]) })
	var parts []string
	for i, name := range names {
		if i == 4 {
			parts = append(parts, fmt.Sprintf("and %d other kinds", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%d × %s", errors[name], name))
	}
	return strings.Join(parts, "; ")
}

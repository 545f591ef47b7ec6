package peers

import (
	"fmt"
	"slices"

	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/stats"
)

// moves is how a system is to move the bytes of a row, told by the system calls that
// moved at least one byte. The zero value expects nothing.
type moves struct {
	splices bool
	unit    string
	least   float64 // calls of that way for each unit
	chunk   float64 // bytes that such a call moves on average, at least; 0: any number
	bytes   float64 // that are taken or given for each unit, both counted
	other   float64 // calls of the other way for each unit, beside a twentieth of the first
}

const (
	mostPerCall  = 1 << 20  // bytes: the largest pipe and the largest buffer that any system has
	leastPerCall = 32 << 10 // in bulk: above what a relay that moves 16 KiB at a time reaches
	opening      = 16       // calls that copy before a flow is known to be one
	misaligned   = 0.25     // of a count, since it does not begin and end with the units it is divided by; less was seen of a system that had no CPU
)

// moves returns what is expected of a system in a row.
func (w *Workload) moves(s *system) moves {
	m := moves{splices: slices.Contains(s.splices, w.class), unit: w.plan.Kind.Unit()}
	sides := 1.0 // of each byte: it is received and sent
	if w.role == relay {
		sides = 2 // and answered
	}
	switch w.class {
	case held:
		return moves{}
	case bulk:
		m.bytes = 2 << 30
		m.least, m.chunk, m.other = m.bytes/mostPerCall, leastPerCall, opening
	case downloads:
		m.bytes = 2 * float64(w.plan.Response)
		m.least, m.other = m.bytes/mostPerCall, opening
	default:
		m.least = 2 * sides / float64(max(w.plan.Pipeline, 1))
	}
	m.least *= misaligned
	return m
}

// String is what is expected, for people.
func (m moves) String() string {
	switch {
	case m.least == 0:
		return "no system calls are expected"
	case m.chunk > 0:
		return fmt.Sprintf("is to %s: at least %.3g calls for each %s, of at least %.0f KiB", m.verb(), m.least, m.unit, m.chunk/1024)
	}
	return fmt.Sprintf("is to %s: at least %.3g calls for each %s", m.verb(), m.least, m.unit)
}

func (m moves) verb() string {
	if m.splices {
		return "splice"
	}
	return "copy"
}

// check returns how the calls of a system differ from what is expected, "" if they
// do not.
func (m moves) check(calls map[string]float64) string {
	if m.least == 0 {
		return ""
	}
	by := map[bool]float64{true: calls["splice"]} // by whether they splice
	for name, n := range calls {
		if name != "splice" {
			by[false] += n
		}
	}
	n, other := by[m.splices], by[!m.splices]
	saw := fmt.Sprintf("%.4g calls of splice and %.4g of read, write and their like moved bytes for each %s", by[true], by[false], m.unit)
	switch {
	case n < m.least && other > n:
		return fmt.Sprintf("does not %s as its row says: %s, at least %.4g are to", m.verb(), saw, m.least)
	case n < m.least:
		return fmt.Sprintf("did too little while its system calls were counted: %s, at least %.4g are to", saw, m.least)
	case other > m.other+n/20:
		return fmt.Sprintf("does not only %s as its row says: %s", m.verb(), saw)
	case m.chunk > 0 && m.bytes/n < m.chunk:
		return fmt.Sprintf("moves %.1f KiB a call, and is to move at least %.0f KiB: %s", m.bytes/n/1024, m.chunk/1024, saw)
	}
	return ""
}

// Expected describes what is expected of system i.
func (m *Match) Expected(i int) string { return m.moves(m.systems[i]).String() }

// Judge makes a comparison invalid in which a system did not do what its row says. It
// takes the median of the turns, in each of which system calls were counted after the
// measured time.
func (m *Match) Judge(c *result.Comparison) {
	for i := range c.Systems {
		why := m.judge(m.moves(m.systems[i]), c.Systems[i].Turns)
		if why == "" {
			continue
		}
		c.Valid = false
		c.InvalidReasons = append(c.InvalidReasons, c.Systems[i].Name+": "+why)
	}
	if !c.Valid {
		for i := range c.Systems {
			if a := c.Systems[i].Against; a != nil {
				a.Verdict = result.Unbelievable
			}
		}
	}
}

func (*Match) judge(want moves, turns []result.Turn) string {
	counted := map[string][]float64{}
	n := 0
	for i := range turns {
		if turns[i].Syscalls == 0 {
			continue
		}
		n++
		for name, v := range turns[i].Moved {
			counted[name] = append(counted[name], v)
		}
	}
	if want.least > 0 && 2*n < len(turns) {
		return fmt.Sprintf("its system calls could be counted in %d of %d turns, so that nobody knows what it did", n, len(turns))
	}
	calls := map[string]float64{}
	for name, v := range counted {
		calls[name] = stats.Median(append(v, make([]float64, n-len(v))...)) // 0 where there were none
	}
	return want.check(calls)
}

// Package ab holds systems under the same load against each other, in turn, and says
// what the difference is worth.
package ab

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/penstock/penstock/bench/result"
)

// A System is one of those that are compared.
type System struct {
	Name    string
	Command string // as it is shown
	Config  string // the text of its configuration, if it has one
	Version string // name and version of the program, if they are known
}

// A Bench takes turns.
type Bench struct {
	Systems []System // the first is the base
	Blocks  int
	// Together has two systems run at the same time, in a duet, so that whatever
	// disturbs the machine disturbs both.
	Together bool
	// Turn runs the load once against Systems[i] for each of at, which it starts and
	// ends: one of them, or two at the same time.
	Turn func(ctx context.Context, at ...int) ([]*result.Result, error)
	// Told is called after each turn, for people who wait. doing is "noise floor" or
	// "comparison".
	Told func(doing string, done, of int, name string, t *result.Turn)
}

// Run takes the base's turns against itself first, which gives the noise floor, and
// then those of all systems. An error ends it; a turn that cannot be believed makes
// the comparison invalid.
func (b *Bench) Run(ctx context.Context) (*result.Comparison, error) {
	c := &result.Comparison{Schema: result.ComparisonSchema, Started: time.Now(), Blocks: b.Blocks, InvalidReasons: []string{}}
	for _, s := range b.Systems {
		c.Systems = append(c.Systems, result.System{Name: s.Name, Command: s.Command, Config: s.Config, Version: s.Version})
	}
	itself, err := b.turns(ctx, c, "noise floor", []int{0, 0})
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil { // a floor alone says nothing
		return nil, ctx.Err()
	}
	all := make([]int, len(b.Systems))
	for i := range all {
		all[i] = i
	}
	turns, err := b.turns(ctx, c, "comparison", all)
	if err != nil {
		return nil, err
	}
	if len(turns[0]) == 0 {
		return nil, ctx.Err()
	}
	c.Floor = against(itself[1], itself[0])
	for i := range c.Systems {
		c.Systems[i].Turns = turns[i]
		if i > 0 {
			a := against(turns[i], turns[0])
			switch {
			case len(c.InvalidReasons) > 0:
				a.Verdict = result.Unbelievable
			case len(a.Cost.Blocks) == 0 && a.PerConn != nil && c.Floor.PerConn != nil:
				a.Verdict = result.Verdict(*a.PerConn, *c.Floor.PerConn)
			case len(a.Cost.Blocks) == 0:
				a.Verdict = result.NotMeasured
			default:
				a.Verdict = result.Verdict(a.Cost, c.Floor.Cost)
			}
			c.Systems[i].Against = a
		}
	}
	c.Valid = len(c.InvalidReasons) == 0
	return c, nil
}

// orders are the turns of a block: which of the systems run, by their place among
// them. Forwards, and backwards, so that drift is shared evenly.
func (b *Bench) orders(n int) (orders [][]int) {
	if b.Together {
		return [][]int{{0, 1}, {1, 0}}
	}
	for i := range n {
		orders = append(orders, []int{i})
	}
	for i := n - 1; i >= 0; i-- {
		orders = append(orders, []int{i})
	}
	return orders
}

// turns runs the blocks.
func (b *Bench) turns(ctx context.Context, c *result.Comparison, doing string, systems []int) ([][]result.Turn, error) {
	turns := make([][]result.Turn, len(systems))
	done := 0
	for block := range b.Blocks {
		for _, places := range b.orders(len(systems)) {
			at := make([]int, len(places))
			for k, place := range places {
				at[k] = systems[place]
			}
			began := time.Since(c.Started)
			results, err := b.undisturbed(ctx, c, at)
			if err != nil && ctx.Err() != nil {
				return b.interrupted(c, doing, block, turns), nil
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", b.Systems[at[0]].Name, err)
			}
			for k, r := range results {
				t := turnOf(r)
				t.Block, t.At = block, began
				b.note(c, doing, at[k], r, &t)
				turns[places[k]] = append(turns[places[k]], t)
				if done++; b.Told != nil {
					b.Told(doing, done, 2*b.Blocks*len(systems), b.Systems[at[k]].Name, &t)
				}
			}
		}
	}
	return turns, nil
}

// interrupted keeps the blocks that are whole.
func (b *Bench) interrupted(c *result.Comparison, doing string, blocks int, turns [][]result.Turn) [][]result.Turn {
	c.InvalidReasons = append(c.InvalidReasons, fmt.Sprintf("interrupted after %d of %d blocks of the %s", blocks, b.Blocks, doing))
	for i := range turns {
		turns[i] = turns[i][:min(len(turns[i]), 2*blocks)]
	}
	return turns
}

// mostRepeats bounds how often a turn is taken.
const mostRepeats = 5

// undisturbed takes a turn, and takes it again if other guests of the machine, or other
// processes, took CPU time from it. That is no choice among results: it is decided by the
// machine's account of itself, whatever the system did. Once the comparison is invalid
// no turn is repeated.
func (b *Bench) undisturbed(ctx context.Context, c *result.Comparison, at []int) (results []*result.Result, err error) {
	disturbed := func(r *result.Result) bool { return r.Disturbed }
	for n := 0; ; n++ {
		results, err = b.Turn(ctx, at...)
		if err != nil || n == mostRepeats || len(c.InvalidReasons) > 0 || !slices.ContainsFunc(results, disturbed) {
			return results, err
		}
		c.Repeated++
	}
}

// note keeps of a turn what concerns the whole comparison.
func (b *Bench) note(c *result.Comparison, doing string, system int, r *result.Result, t *result.Turn) {
	if len(t.InvalidReasons) > 0 {
		c.InvalidReasons = append(c.InvalidReasons, fmt.Sprintf("%s, block %d of the %s: %s", b.Systems[system].Name, t.Block+1, doing, t.InvalidReasons[0]))
	}
	if c.Plan == nil {
		c.Plan, c.Environment, c.Unit = r.Plan, r.Environment, r.Plan.Kind.Unit()
	}
}

func turnOf(r *result.Result) result.Turn {
	t := result.Turn{Rate: r.AchievedRate, InvalidReasons: r.InvalidReasons}
	if p := r.Latency.Response; p != nil {
		t.P50, t.P99 = float64(p.P50), float64(p.P99)
	}
	if c := r.Cost; c != nil {
		t.Cost, t.Syscalls, t.Moved, t.Memory = c.CPUPerUnit, c.SyscallsPerUnit, c.Moved, float64(c.Memory)
	}
	if m := r.Memory; m != nil {
		t.PerConn, t.KernelPerConn = m.ProcessPerConn, m.KernelPerConn
	}
	return t
}

// against are the ratios of the turns of one to those of the base, block by block.
func against(turns, base []result.Turn) *result.Against {
	ratio := func(of func(*result.Turn) float64) result.Ratio {
		return result.NewRatio(perBlock(turns, of), perBlock(base, of))
	}
	a := &result.Against{
		Cost: ratio(func(t *result.Turn) float64 { return t.Cost }),
		Rate: ratio(func(t *result.Turn) float64 { return t.Rate }),
		P50:  ratio(func(t *result.Turn) float64 { return t.P50 }),
		P99:  ratio(func(t *result.Turn) float64 { return t.P99 }),
	}
	if turns[0].PerConn > 0 && base[0].PerConn > 0 {
		r := ratio(func(t *result.Turn) float64 { return t.PerConn })
		a.PerConn = &r
	}
	return a
}

// perBlock sums the two turns of each block.
func perBlock(turns []result.Turn, of func(*result.Turn) float64) (sums []float64) {
	for i := range turns {
		if b := turns[i].Block; b == len(sums) {
			sums = append(sums, of(&turns[i]))
		} else {
			sums[b] += of(&turns[i])
		}
	}
	return sums
}

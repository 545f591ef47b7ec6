// Package ab holds systems under the same load against each other, in turn, and says
// what the difference is worth.
package ab

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock/penstock/bench/result"
)

// A System is one of those that are compared.
type System struct {
	Name    string
	Command string // as it is shown
	Config  string // the text of its configuration, if it has one
}

// A Bench takes turns.
type Bench struct {
	Systems []System // the first is the base
	Blocks  int
	// Turn runs the load once against Systems[i], which it starts and ends.
	Turn func(ctx context.Context, i int) (*result.Result, error)
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
		c.Systems = append(c.Systems, result.System{Name: s.Name, Command: s.Command, Config: s.Config})
	}
	itself, err := b.turns(ctx, c, "noise floor", []int{0, 0})
	if err != nil {
		return nil, err
	}
	all := make([]int, len(b.Systems))
	for i := range all {
		all[i] = i
	}
	turns, err := b.turns(ctx, c, "comparison", all)
	if err != nil {
		return nil, err
	}
	c.Floor = against(itself[1], itself[0])
	for i := range c.Systems {
		c.Systems[i].Turns = turns[i]
		if i > 0 {
			a := against(turns[i], turns[0])
			a.Verdict = result.Verdict(a.Cost, c.Floor.Cost)
			c.Systems[i].Against = a
		}
	}
	c.Valid = len(c.InvalidReasons) == 0
	return c, nil
}

// turns runs the blocks: forwards, and backwards, so that drift is shared evenly.
func (b *Bench) turns(ctx context.Context, c *result.Comparison, doing string, systems []int) ([][]result.Turn, error) {
	turns := make([][]result.Turn, len(systems))
	done := 0
	take := func(block, i int) error {
		s := systems[i]
		at := time.Since(c.Started)
		r, err := b.Turn(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", b.Systems[s].Name, err)
		}
		t := turnOf(r)
		t.Block, t.At = block, at
		if len(t.InvalidReasons) > 0 {
			c.InvalidReasons = append(c.InvalidReasons, fmt.Sprintf("%s, block %d of the %s: %s", b.Systems[s].Name, block+1, doing, t.InvalidReasons[0]))
		}
		if c.Plan == nil {
			c.Plan, c.Environment, c.Unit = r.Plan, r.Environment, r.Plan.Kind.Unit()
		}
		turns[i] = append(turns[i], t)
		if done++; b.Told != nil {
			b.Told(doing, done, 2*b.Blocks*len(systems), b.Systems[s].Name, &t)
		}
		return nil
	}
	for block := range b.Blocks {
		for i := range systems {
			if err := take(block, i); err != nil {
				return nil, err
			}
		}
		for i := len(systems) - 1; i >= 0; i-- {
			if err := take(block, i); err != nil {
				return nil, err
			}
		}
	}
	return turns, nil
}

func turnOf(r *result.Result) result.Turn {
	t := result.Turn{Rate: r.AchievedRate, InvalidReasons: r.InvalidReasons}
	if p := r.Latency.Response; p != nil {
		t.P50, t.P99 = float64(p.P50), float64(p.P99)
	}
	if c := r.Cost; c != nil {
		t.Cost, t.Syscalls, t.Memory = c.CPUPerUnit, c.SyscallsPerUnit, float64(c.Memory)
	}
	return t
}

// against are the ratios of the turns of one to those of the base, block by block.
func against(turns, base []result.Turn) *result.Against {
	ratio := func(of func(*result.Turn) float64) result.Ratio {
		return result.NewRatio(perBlock(turns, of), perBlock(base, of))
	}
	return &result.Against{
		Cost: ratio(func(t *result.Turn) float64 { return t.Cost }),
		Rate: ratio(func(t *result.Turn) float64 { return t.Rate }),
		P50:  ratio(func(t *result.Turn) float64 { return t.P50 }),
		P99:  ratio(func(t *result.Turn) float64 { return t.P99 }),
	}
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

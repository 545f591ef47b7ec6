package page

import (
	"fmt"
	"slices"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
)

// turns draws the cost of every turn of every system: what the ratios are made of.
func (c *charts) turns(of *result.Comparison) *chart {
	one := chart{
		Title: "Every turn", What: "CPU time of the system under test per " + of.Unit + ". In each block every system has its turns.",
		X: axis{Label: "block", Unit: "whole"}, Y: axis{Unit: "duration"},
	}
	// Turns of a block stand beside each other, in the order in which they were taken.
	const width = 0.6
	places := 2 * len(of.Systems)
	for block := range of.Blocks {
		for place := range places {
			one.At = append(one.At, float64(block+1)+width*(float64(place)/float64(places-1)-0.5))
		}
	}
	for i, s := range of.Systems {
		l := line{Label: s.Name, Points: true, Values: slices.Repeat(numbers{nothing}, len(one.At))}
		seen := map[int]int{}
		for _, t := range s.Turns {
			place := i // forwards, and backwards
			if seen[t.Block]++; seen[t.Block] > 1 {
				place = places - 1 - i
			}
			if at := places*t.Block + place; at < len(l.Values) && t.Cost > 0 {
				l.Values[at] = t.Cost
			}
		}
		one.Lines = append(one.Lines, l)
	}
	return c.add(one)
}

// ratios draws the ratios of cost to the base, block by block, with the interval of
// their median, before the band in which the base is from itself.
func (c *charts) ratios(of *result.Comparison) *chart {
	one := chart{
		Title: "Cost against " + of.Systems[0].Name, What: "Ratios of CPU time, block by block; the bar is the 95 % interval of their median. Below 1 is cheaper. Grey: the noise floor, " + of.Systems[0].Name + " against itself.",
		X: axis{Unit: "name"}, Y: axis{Unit: "number"}, Marks: []mark{{1, ""}},
	}
	if of.Floor != nil && of.Floor.Cost.Median > 0 {
		w := of.Floor.Cost.Within
		one.Bands = []band{{From: w.Low, To: w.High, OnY: true}}
	}
	for _, s := range of.Systems[1:] {
		if s.Against == nil || !(s.Against.Cost.Median > 0) {
			continue
		}
		one.Names = append(one.Names, s.Name)
		at, r := float64(len(one.Names)), s.Against.Cost
		one.Spans = append(one.Spans, span{at, r.Within.Low, r.Median, r.Within.High})
		one.Summary += fmt.Sprintf("%s: %s (%s to %s), %s. ", s.Name, figure.Number(r.Median), figure.Number(r.Within.Low), figure.Number(r.Within.High), s.Against.Verdict)
		l := line{Label: s.Name, Points: true, Values: slices.Repeat(numbers{nothing}, len(one.At))}
		for i, v := range r.Blocks {
			one.At = append(one.At, at+0.12+0.2*float64(i)/float64(max(len(r.Blocks)-1, 1)))
			l.Values = append(l.Values, v)
		}
		one.Lines = append(one.Lines, l)
	}
	for i := range one.Lines {
		l := &one.Lines[i]
		l.Values = append(l.Values, slices.Repeat(numbers{nothing}, len(one.At)-len(l.Values))...)
	}
	return c.add(one)
}

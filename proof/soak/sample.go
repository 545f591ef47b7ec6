package soak

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A sample is what the forwarder holds in a quiet moment, when it has given
// everything back and collected its garbage.
type sample struct {
	at          time.Duration // since the start
	descriptors int
	memory      int // KiB of anonymous pages
	goroutines  int
}

func takeSample(pid int, at time.Duration, goroutines int) (s sample, err error) {
	s = sample{at: at, goroutines: goroutines}
	if s.descriptors, err = countDescriptors(pid); err != nil {
		return s, err
	}
	s.memory, err = anonymous(pid)
	return s, err
}

func countDescriptors(pid int) (int, error) {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(names), err
}

// anonymous is what a process has in memory that is not a file's, in KiB. Pages of
// files come and go with what else runs here.
func anonymous(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Anonymous:" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("soak: /proc/%d/smaps_rollup has no line Anonymous", pid)
}

// When slopes can be told, and what is too steep.
const (
	// minSamples after the first third is few enough for a run of a minute.
	minSamples = 4
	// maxMemorySlope is in KiB a minute. Seen in quiet moments of runs of a few
	// minutes: some hundred up or down, the runtime's arenas and stacks settling.
	// Losing the 410 bytes of an idle relay at each of 10,000 connections a minute
	// would be 4,000.
	maxMemorySlope = 2048
	// memoryNoise is in KiB: what the runtime's arenas come and go by, whatever the time
	// between the first sample and the last; in half a minute that makes any slope.
	memoryNoise = 2048
)

// A trend is the slope of descriptors and memory, a minute.
type trend struct {
	samples             int // that it was told from; 0 if too few to say
	descriptors, memory float64
	minutes             float64 // from the first of them to the last
	steps               bool    // memory does not grow in both halves of them
}

// trendOf fits lines through the samples after the first third, in which the stocks
// of the runtime fill.
func trendOf(all []sample) (t trend) {
	late := all[len(all)/3:]
	if len(late) < minSamples {
		return t
	}
	memory := func(s sample) int { return s.memory }
	half := len(late) / 2
	return trend{
		samples:     len(late),
		descriptors: slope(late, func(s sample) int { return s.descriptors }),
		memory:      slope(late, memory),
		minutes:     (late[len(late)-1].at - late[0].at).Minutes(),
		steps:       min(slope(late[:len(late)-half], memory), slope(late[half:], memory)) < maxMemorySlope/2,
	}
}

// slope is the least-squares slope of a value, a minute. Of a value that never
// changes it is 0, not almost 0: only its distance from the first is counted.
func slope(samples []sample, value func(sample) int) float64 {
	var n, sx, sy, sxx, sxy float64
	for _, s := range samples {
		x, y := s.at.Minutes(), float64(value(s)-value(samples[0]))
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if d := n*sxx - sx*sx; d != 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}

func (t trend) String() string {
	if t.samples == 0 {
		return "slopes: too short to say"
	}
	return fmt.Sprintf("descriptors %+.2f/min, memory %+.0f KiB/min (%d samples)", t.descriptors, t.memory, t.samples)
}

// err says what is not flat.
func (t trend) err() error {
	switch {
	case t.samples == 0:
		return nil
	case t.descriptors != 0:
		return fmt.Errorf("soak: descriptors in quiet moments %+.2f a minute: must be flat", t.descriptors)
	case t.memory > maxMemorySlope && t.memory*t.minutes > memoryNoise && !t.steps: // what leaks grows all the time, an arena once
		return fmt.Errorf("soak: memory in quiet moments %+.0f KiB a minute: must not be above %d", t.memory, maxMemorySlope)
	}
	return nil
}

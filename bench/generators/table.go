package generators

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/penstock/penstock/bench/figure"
)

// A column is one figure of a reading.
type column struct {
	title string
	of    func(Reading) float64 // 0: it has none
	write func(float64) string
}

var columns = []column{
	{"rate", func(r Reading) float64 { return r.Rate }, figure.Number},
	{"p50", func(r Reading) float64 { return float64(r.P50) }, duration},
	{"p99", func(r Reading) float64 { return float64(r.P99) }, duration},
}

func duration(ns float64) string { return figure.Duration(ns) }

// Table writes the pairs as Markdown: of each figure the medians, the ratio of the
// medians, and the spread of the ratios of neighbouring turns.
func Table(pairs []Pair, all []Readings) string {
	var b strings.Builder
	for i, p := range pairs {
		fmt.Fprintf(&b, "## %s\n\n`%s`\n\n`go run ./bench %s`\n\n", p.Name, strings.Join(p.Theirs, " "), strings.Join(quoted(p.Ours), " "))
		b.WriteString("| | theirs | this harness | ratio of ours to theirs, and its spread |\n|---|---|---|---|\n")
		for _, c := range columns {
			theirs, ours := values(all[i].Theirs, c.of), values(all[i].Ours, c.of)
			if median(theirs) == 0 || median(ours) == 0 {
				continue
			}
			low, high := math.Inf(1), math.Inf(-1)
			for k := range theirs {
				low, high = min(low, ours[k]/theirs[k]), max(high, ours[k]/theirs[k])
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %.2f, %.2f to %.2f |\n", c.title, c.write(median(theirs)), c.write(median(ours)),
				median(ours)/median(theirs), low, high)
		}
		fmt.Fprintf(&b, "\n%s\n\n", p.Clock)
	}
	return b.String()
}

// quoted has apostrophes around words that a shell would change.
func quoted(words []string) []string {
	words = slices.Clone(words)
	for i, w := range words {
		if strings.ContainsAny(w, `\$*`) {
			words[i] = "'" + w + "'"
		}
	}
	return words
}

func values(all []Reading, of func(Reading) float64) (v []float64) {
	for _, r := range all {
		v = append(v, of(r))
	}
	return v
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v) == 0 {
		return 0
	}
	return v[len(v)/2]
}

// Errors returns what the generators counted as wrong, of which there is none where both
// can be believed.
func (r *Readings) Errors() (theirs, ours uint64) {
	for i := range r.Theirs {
		theirs, ours = theirs+r.Theirs[i].Errors, ours+r.Ours[i].Errors
	}
	return theirs, ours
}

// Line is the pair in one line, while others are running.
func (r *Readings) Line(name string) string {
	rate := func(all []Reading) string { return figure.Number(median(values(all, columns[0].of))) }
	p50 := func(all []Reading) string { return duration(median(values(all, columns[1].of))) }
	return fmt.Sprintf("%s\n    theirs %s, p50 %s; ours %s, p50 %s", name, rate(r.Theirs), p50(r.Theirs), rate(r.Ours), p50(r.Ours))
}

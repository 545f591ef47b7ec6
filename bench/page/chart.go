package page

import (
	"encoding/json"
	"fmt"
	"math"
)

// A chart is what page.js draws. Its values are plain: seconds, ns, bytes.
type chart struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	What    string   `json:"what"`    // a sentence of what is seen
	Summary string   `json:"summary"` // what is to be seen in it, for those who do not see it
	X       axis     `json:"x"`
	Y       axis     `json:"y"`
	At      numbers  `json:"at"` // x of every value of every line
	Lines   []line   `json:"lines"`
	Bands   []band   `json:"bands"`
	Marks   []mark   `json:"marks"`
	Spans   []span   `json:"spans"`
	Names   []string `json:"names"` // of the places 1, 2, … of an axis of names
}

// An axis says what its values are.
type axis struct {
	Label string `json:"label"`
	Unit  string `json:"unit"` // duration, bytes, number, whole, nines, seconds or name
	Log   bool   `json:"log"`
	Zero  bool   `json:"zero"` // it begins at 0
}

// A line is one series of values.
type line struct {
	Label  string  `json:"label"`
	Values numbers `json:"values"`
	Dashed bool    `json:"dashed"`
	Points bool    `json:"points"` // and no line between them
}

// A band is a part of the x axis, or of the y axis, that is told apart.
type band struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	OnY   bool    `json:"on_y"`
	Label string  `json:"label"`
	Bad   bool    `json:"bad"`
}

// A mark is a line across the chart, at a y.
type mark struct {
	Y     float64 `json:"y"`
	Label string  `json:"label"`
}

// A span is an interval and its middle, at an x.
type span struct {
	X      float64 `json:"x"`
	Low    float64 `json:"low"`
	Middle float64 `json:"middle"`
	High   float64 `json:"high"`
}

// numbers are values, of which those that are none are left out of a line.
type numbers []float64

// nothing is where a line has no value.
var nothing = math.NaN()

// MarshalJSON writes null for what JSON has no number for.
func (n numbers) MarshalJSON() ([]byte, error) {
	values := make([]any, len(n))
	for i, v := range n {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[i] = v
		}
	}
	return json.Marshal(values)
}

// seen says that a line has a value that a chart can show.
func (l line) seen(log bool) bool {
	for _, v := range l.Values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) && (v > 0 || !log) {
			return true
		}
	}
	return false
}

// charts are those of a page, which numbers them.
type charts []*chart

// add puts a chart on the page, with the lines of it that have anything to show, and
// answers nil, and nothing is put there, if none has.
func (c *charts) add(one chart) *chart {
	var lines []line
	for _, l := range one.Lines {
		if l.seen(one.Y.Log) {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	one.Lines = lines
	one.ID = fmt.Sprintf("chart-%d", len(*c)+1)
	*c = append(*c, &one)
	return &one
}

// positive answers values of which 0 says that there was nothing.
func positive[T int64 | float64](values []T) numbers {
	n := make(numbers, len(values))
	for i, v := range values {
		if n[i] = float64(v); v <= 0 {
			n[i] = nothing
		}
	}
	return n
}

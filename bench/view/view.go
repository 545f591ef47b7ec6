// Package view shows a run to people: as it goes on, on a terminal or as plain lines,
// and its result as a table.
package view

import (
	"io"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A View is a drive.View that has to be closed, so that what follows stands below it
// and not in it.
type View interface {
	drive.View
	Close()
}

// New answers a live display if w is a terminal that can show one, and otherwise one
// that writes a plain line for each window.
func New(w io.Writer, p *plan.Plan) View {
	if Terminal(w) {
		return newLive(w, p)
	}
	return &plain{w: w, kind: p.Kind}
}

// Several is a view that shows the run in several ways.
type Several []View

func (v Several) Second(s result.Second, done, total time.Duration) {
	for _, one := range v {
		one.Second(s, done, total)
	}
}

func (v Several) Close() {
	for _, one := range v {
		one.Close()
	}
}

// none stands where there is no figure.
const none = "–"

// some writes a duration, and none where there was nothing to measure.
func some(ns int64) string {
	if ns == 0 {
		return none
	}
	return figure.Duration(ns)
}

// seconds writes a moment of the run.
func seconds(d time.Duration) string { return figure.Number(d.Seconds()) + " s" }

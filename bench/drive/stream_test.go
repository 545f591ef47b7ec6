package drive

import (
	"context"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A stream's unit is a GiB of either direction, and what was sent before the measured
// time and accounted for within it is not counted as checked in it.
func TestUnitsOfAStreamAreThoseOfBothDirections(t *testing.T) {
	p := &plan.Plan{Kind: plan.Stream, Time: time.Second, Window: time.Second, Conns: 1}
	source := func(_ context.Context, _ *plan.Plan, tell func(*result.Interval)) error {
		i := result.Empty()
		i.To, i.BytesOut, i.BytesIn, i.Verified = time.Second, 1<<30, 2<<30, 4<<30
		tell(i)
		last := result.Empty()
		last.Last = true
		tell(last)
		return nil
	}
	r, err := Run(t.Context(), p, &Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	if r.AchievedRate != 3 || r.BytesVerified != 3<<30 {
		t.Errorf("%v GiB/s, %d bytes verified", r.AchievedRate, r.BytesVerified)
	}
}

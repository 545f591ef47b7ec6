package load

import (
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
)

func TestRequestThatNoBufferHoldsIsAnsweredWhileItIsSent(t *testing.T) {
	testkit.Leaks(t)
	p := short(plan.RR, echo(t))
	p.Conns, p.Request = 1, plan.Mix{{Bytes: 16 << 20, Weight: 1}}
	sum := until(t, p, "a response", func(sum *result.Interval) bool { return sum.Completed > 0 })
	if sum.Failed() > 0 || sum.Unanswered > 0 {
		t.Errorf("%v, %d unanswered", sum.Errors, sum.Unanswered)
	}
}

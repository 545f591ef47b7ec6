package load

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

func TestResetsAreMadeAndProbesGoOn(t *testing.T) {
	testkit.Leaks(t)
	for name, change := range map[string]func(p *plan.Plan){
		"closed":    func(p *plan.Plan) {},
		"open":      func(p *plan.Plan) { p.Rate = 1000 },
		"two loops": func(p *plan.Plan) { p.Loops = 2 },
		"large":     func(p *plan.Plan) { p.Request = plan.Mix{{Bytes: 200 << 10, Weight: 1}} },
	} {
		var resets, whole, part, none atomic.Int64
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
			got := int64(0)
			return &peer{data: func(c *loop.Conn) error {
				n, err := c.CopyTo(c)
				got += n
				return err
			}, closed: func(_ *loop.Conn, err error) {
				if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
					return
				}
				resets.Add(1)
				switch got {
				case 0:
					none.Add(1)
				case 64:
					whole.Add(1)
				default:
					part.Add(1)
				}
			}}, nil
		})
		p := probing(plan.RST, target, plan.Read)
		change(p)
		sum := until(t, p, "two hundred resets", func(sum *result.Interval) bool { return sum.Completed > 200 && sum.Service.Count() > 0 })
		if sum.Completed == 0 || sum.Failed() > 0 || sum.Cut > 0 || sum.Unanswered > 0 || sum.Open != 0 {
			t.Errorf("%s: %d resets, %v, %d cut, %d unanswered, %d open", name, sum.Completed, sum.Errors, sum.Cut, sum.Unanswered, sum.Open)
		}
		if sum.Connects != sum.Completed+2 {
			t.Errorf("%s: %d connections, want those of %d resets and of 2 probes", name, sum.Connects, sum.Completed)
		}
		if sum.Service.Count() == 0 {
			t.Errorf("%s: probes were not measured", name)
		}
		if resets.Load() == 0 || part.Load() == 0 || name != "large" && whole.Load() == 0 {
			t.Errorf("%s: the target saw %d resets, %d after no byte, %d after a part of a request, %d after all of it", name, resets.Load(), none.Load(), part.Load(), whole.Load())
		}
	}
}

func TestTargetThatDiesOfAResetIsReported(t *testing.T) {
	testkit.Leaks(t)
	var all []*loop.Conn // of the server's one loop
	_, target := serve(t, func(c *loop.Conn, _ int) (loop.Session, error) {
		all = append(all, c)
		return &peer{data: echoes, closed: func(_ *loop.Conn, err error) {
			if errors.Is(err, syscall.ECONNRESET) {
				victims := all
				all = nil
				for _, c := range victims {
					c.Abort()
				}
			}
		}}, nil
	})
	sum := until(t, probing(plan.RST, target, plan.Read), "errors of both probes", func(sum *result.Interval) bool {
		probes := uint64(0)
		for what, n := range sum.Errors {
			if strings.HasPrefix(what, "probe: ") {
				probes += n
			}
		}
		return probes >= 2
	})
	if sum.Open != 0 {
		t.Errorf("%d open", sum.Open)
	}
}

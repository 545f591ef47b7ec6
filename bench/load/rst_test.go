package load

import (
	"errors"
	"io"
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
		var ends, whole, part, none atomic.Int64
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
			got := int64(0)
			return &peer{data: func(c *loop.Conn) error {
				n, err := c.CopyTo(c)
				got += n
				return err
			}, closed: func(_ *loop.Conn, err error) {
				if err == nil {
					ends.Add(1)
				}
				if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
					return
				}
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
		probed := func(sum *result.Interval) uint64 { // bytes
			return uint64(p.Request.Max()) * uint64(sum.Service.Count())
		}
		sum := until(t, p, name+": resets before, within and after a request, and within a response", func(sum *result.Interval) bool {
			return none.Load() > 0 && part.Load() > 0 && (whole.Load() > 0 || name == "large") && sum.BytesIn > probed(sum) && probed(sum) > 0
		})
		if sum.Completed == 0 || sum.Failed() > 0 || sum.Cut > 0 || sum.Unanswered > 0 || sum.Open != 0 {
			t.Errorf("%s: %d resets, %v, %d cut, %d unanswered, %d open", name, sum.Completed, sum.Errors, sum.Cut, sum.Unanswered, sum.Open)
		}
		if sum.Connects != sum.Completed+2 {
			t.Errorf("%s: %d connections, want those of %d resets and of 2 probes", name, sum.Connects, sum.Completed)
		}
		if n := ends.Load(); n > 2 {
			t.Errorf("%s: %d connections ended in order, want only the 2 probes", name, n)
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

func TestConnectionThatTheTargetEndsBeforeItsResetIsCut(t *testing.T) {
	testkit.Leaks(t)
	for name, answer := range map[string]error{"closes": io.EOF, "resets": errors.New("go away")} {
		_, target := serve(t, func(_ *loop.Conn, n int) (loop.Session, error) {
			if n < 2 {
				return &peer{data: echoes}, nil
			}
			return &peer{data: func(*loop.Conn) error { return answer }}, nil
		})
		sum := until(t, probing(plan.RST, target, plan.Read), "cuts", func(sum *result.Interval) bool { return sum.Cut > 20 })
		if sum.Failed() > 0 || sum.Open != 0 || sum.Unanswered > 0 {
			t.Errorf("%s: %v, %d open, %d unanswered", name, sum.Errors, sum.Open, sum.Unanswered)
		}
	}
}

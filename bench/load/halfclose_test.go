package load

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// short is a plan of connections that live for an exchange.
func short(kind plan.Kind, target plan.Target) *plan.Plan {
	return &plan.Plan{
		Kind: kind, Target: target, Conns: 8, Time: 100 * time.Millisecond, Seed: 1, Verify: true, Timeout: 5 * time.Second,
		Pace: 50, Probes: 2,
	}
}

func TestHalfClosedExchangesAreAnsweredAndVerified(t *testing.T) {
	testkit.Leaks(t)
	tcp := echo(t)
	unix := plan.Target{Network: "unix", Address: filepath.Join(t.TempDir(), "s")}
	testkit.Serve(t, &loop.Server{DrainTimeout: -1, Config: loop.Config{Loops: 1}, Handler: loop.OnData(echoes)}, unix.Network, unix.Address)
	for name, change := range map[string]func(p *plan.Plan){
		"closed":       func(p *plan.Plan) {},
		"open":         func(p *plan.Plan) { p.Rate = 1000 },
		"two loops":    func(p *plan.Plan) { p.Loops = 2 },
		"unix":         func(p *plan.Plan) { p.Target = unix },
		"large":        func(p *plan.Plan) { p.Request = plan.Mix{{Bytes: 300 << 10, Weight: 1}, {Bytes: 1, Weight: 1}} },
		"more sources": func(p *plan.Plan) { p.Sources = 3 },
	} {
		p := short(plan.HalfClose, tcp)
		change(p)
		sum := until(t, p, "an exchange on each slot", func(sum *result.Interval) bool { return sum.Completed > 20 })
		if n := int64(sum.Completed); n == 0 || sum.Failed() > 0 || sum.Unanswered > 0 || sum.Open != 0 || sum.Service.Count() != n || sum.Response.Count() != n {
			t.Errorf("%s: %d completed, %v, %d unanswered, %d open, %d and %d times", name, n, sum.Errors, sum.Unanswered, sum.Open, sum.Service.Count(), sum.Response.Count())
		}
		if sum.BytesOut != sum.BytesIn || sum.BytesIn != sum.Verified {
			t.Errorf("%s: %d bytes out, %d in, %d verified", name, sum.BytesOut, sum.BytesIn, sum.Verified)
		}
		if sum.Completed != sum.Connects {
			t.Errorf("%s: %d completed on %d connections", name, sum.Completed, sum.Connects)
		}
	}
}

func TestReplyThatIsLostOrCutAfterOurEndIsAnError(t *testing.T) {
	testkit.Leaks(t)
	// atEnd serves what keeps the request until its end, and then does something with it.
	atEnd := func(end func(c *loop.Conn, request []byte) error) plan.Target {
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
			var request []byte
			return &peer{data: func(c *loop.Conn) error {
				for {
					b, err := c.Next()
					if err == io.EOF {
						return end(c, request)
					}
					if err != nil {
						return err
					}
					request = append(request, b...)
				}
			}}, nil
		})
		return target
	}
	write := func(c *loop.Conn, b []byte, then error) error {
		if _, err := c.Write(b); err != nil {
			return err
		}
		return then
	}
	reset := errors.New("reset")
	for name, one := range map[string]struct {
		want string
		end  func(c *loop.Conn, request []byte) error
	}{
		"":                {"", func(c *loop.Conn, b []byte) error { return write(c, b, io.EOF) }},
		"dropped":         {"before the whole response", func(*loop.Conn, []byte) error { return io.EOF }},
		"cut":             {"before the whole response", func(c *loop.Conn, b []byte) error { return write(c, b[:len(b)/2], io.EOF) }},
		"reset":           {"connection reset", func(*loop.Conn, []byte) error { return reset }},
		"too much":        {"nobody asked for", func(c *loop.Conn, b []byte) error { return write(c, append(b, 1), io.EOF) }},
		"another's":       {"wrong byte", func(c *loop.Conn, b []byte) error { return write(c, make([]byte, len(b)), io.EOF) }},
		"late":            {"no answer", func(*loop.Conn, []byte) error { return nil }},
		"without its end": {"did not end", func(c *loop.Conn, b []byte) error { return write(c, b, nil) }},
	} {
		p := short(plan.HalfClose, atEnd(one.end))
		if one.want == "" {
			sum := until(t, p, "an exchange in order", func(sum *result.Interval) bool { return sum.Completed > 0 })
			if sum.Failed() > 0 {
				t.Errorf("in order: %v", sum.Errors)
			}
			continue
		}
		if name == "late" || name == "without its end" {
			p.Timeout = 300 * time.Millisecond
		}
		sum := until(t, p, "an error", func(sum *result.Interval) bool { return sum.Failed() > 0 })
		if sum.Completed > 0 || sum.Failed() == 0 || sum.Unanswered > 0 || sum.Open != 0 {
			t.Errorf("%s: %d completed, %v, %d unanswered, %d open", name, sum.Completed, sum.Errors, sum.Unanswered, sum.Open)
		}
		for what := range sum.Errors {
			if !strings.HasPrefix(what, "half-closed connection: ") || !strings.Contains(what, one.want) {
				t.Errorf("%s: counted as %q", name, what)
			}
		}
	}
}

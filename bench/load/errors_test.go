package load

import (
	"io"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// The same error of many connections is one kind, and the first of them is kept whole.
func TestErrorsAreCountedByKindAndNotByConnection(t *testing.T) {
	testkit.Leaks(t)
	for _, kind := range []plan.Kind{plan.RR, plan.CRR} {
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
			return &peer{data: func(c *loop.Conn) error { return corrupt(c, func(b []byte) { b[len(b)-1] ^= 1 }) }}, nil
		})
		sum := until(t, short(kind, target), "wrong bytes", func(sum *result.Interval) bool { return sum.Failed() >= 8 })
		const name = "connection: wrong byte"
		if len(sum.Errors) != 1 || sum.Errors[name] != sum.Failed() {
			t.Errorf("%s: %d kinds of errors: %v", kind, len(sum.Errors), sum.Errors)
		}
		if len(sum.Details) != 1 || sum.Details[name] == "" {
			t.Errorf("%s: the first error in detail: %q", kind, sum.Details)
		}
	}
}

// A target that speaks HTTP is told from an echo that is broken.
func TestAnAnswerThatIsHTTPIsNamed(t *testing.T) {
	testkit.Leaks(t)
	for name, c := range map[string]struct {
		kind     plan.Kind
		response int
		want     string
	}{
		"echo":     {plan.RR, 0, "connection: " + errIsHTTP.Error()},
		"one way":  {plan.RR, 100, "connection: " + errIsHTTP.Error()},
		"each one": {plan.CRR, 0, "connection: " + errIsHTTP.Error()},
		"stream":   {plan.Stream, 0, "stream: the answer is HTTP: the target of a verified stream is penstock-bench serve"},
	} {
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
			return &peer{data: func(c *loop.Conn) error {
				if _, err := c.Next(); err != nil {
					return err
				}
				c.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
				return io.EOF
			}}, nil
		})
		p := short(c.kind, target)
		p.Response = c.response
		sum := until(t, p, name, func(sum *result.Interval) bool { return sum.Failed() >= 8 })
		if len(sum.Errors) != 1 || sum.Errors[c.want] == 0 {
			t.Errorf("%s: %v", name, sum.Errors)
		}
	}
}

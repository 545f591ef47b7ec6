package load

import (
	"io"

	"github.com/penstock/penstock/bench/plan"
)

func init() { kinds[plan.CRR] = newCRR }

// crr makes a connection for each request. It ends the connection once the whole
// response has been read, and a slot is used again when the connection has ended: with
// FIN, when the peer has ended it too, and nothing came in front of its end. The times are those from the dial, and from the
// moment of the arrival, to the last byte of the response.
type crr struct{ *slots }

func newCRR(w *worker) workload {
	c := &crr{}
	c.slots = newSlots(w, c, 0, w.plan.Conns, "connection")
	return c
}

func (c *crr) connected(s *slot) error { return s.request() }

func (c *crr) answered(s *slot) error {
	s.complete()
	if c.w.plan.Ending == plan.Reset {
		return errReset
	}
	return s.c.CloseWrite()
}

func (c *crr) ended(s *slot) error {
	if s.whole {
		return io.EOF
	}
	return io.ErrUnexpectedEOF
}

func (c *crr) over(s *slot) { c.again(s) }

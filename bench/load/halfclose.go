package load

import (
	"errors"
	"io"

	"github.com/penstock/penstock/bench/plan"
)

func init() { kinds[plan.HalfClose] = newHalfClose }

// halfClose sends a request and its end, and expects the whole response all the same,
// and then the peer's end.
type halfClose struct{ *slots }

func newHalfClose(w *worker) workload {
	h := &halfClose{}
	h.slots = newSlots(w, h, 0, w.plan.Conns, "half-closed connection")
	return h
}

func (h *halfClose) connected(s *slot) error {
	if err := s.request(); err != nil {
		return err
	}
	return s.c.CloseWrite()
}

func (h *halfClose) answered(*slot) error { return nil }

var errCutShort = errors.New("the peer's end came before the whole response")

func (h *halfClose) ended(s *slot) error {
	if !s.whole {
		return errCutShort
	}
	s.complete()
	return io.EOF
}

func (h *halfClose) over(s *slot) { h.again(s) }

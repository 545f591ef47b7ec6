package load

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/loop"
)

func init() { kinds[plan.Hold] = newHold }

// hold keeps many connections, of which the first few send requests as rr does. One
// that ends is an error and is not opened again: what is held at the end is what was
// held all the time.
type hold struct {
	*rr
	timer loop.Timer // of prepare, while nothing is answered
	ready func(error)
}

func newHold(w *worker) workload {
	h := &hold{rr: newRR(w, w.plan, w.plan.Conns)}
	h.what, h.final = "held connection", true
	h.active = activeOf(w.plan)
	return h
}

// activeOf is how many connections send: one at least, if any is to.
func activeOf(p *plan.Plan) int {
	if p.Idle() {
		return 0
	}
	return min(max(int(math.Round(p.Active*float64(p.Conns))), 1), p.Conns)
}

// touchesAtATime bounds the requests under way of those that only touch connections.
const touchesAtATime = 64

// prepare sends one request on every connection, so that what a target keeps for one
// that has been used is there before the load begins.
func (h *hold) prepare(ready func(error)) {
	if !h.plan.Touch {
		ready(nil)
		return
	}
	h.quiet, h.ready = true, ready
	h.touched(nil)
	paced(len(h.conns), touchesAtATime, func(k int, done func(error)) {
		h.conns[k].ask(func(err error) {
			h.touched(err)
			done(err)
		})
	}, h.prepared)
}

// touched begins the wait for the next answer.
func (h *hold) touched(err error) {
	if h.ready != nil && err == nil {
		h.w.loop.Arm(&h.timer, h.plan.Timeout, h)
	}
}

// Expire is the end of a wait for an answer.
func (h *hold) Expire() {
	h.prepared(fmt.Errorf("%w: no answer for %v", os.ErrDeadlineExceeded, h.plan.Timeout.Round(time.Millisecond)))
}

func (h *hold) prepared(err error) {
	if h.ready == nil {
		return
	}
	if err != nil {
		err = fmt.Errorf("the first request of a held connection to %v: %w", h.plan.Target, err)
	}
	ready := h.ready
	h.quiet, h.ready = false, nil
	h.w.loop.Disarm(&h.timer)
	seen := h.w.seen // of the load, which this is no part of
	seen.BytesOut, seen.BytesIn, seen.Verified = 0, 0, 0
	ready(err)
}

// lastBytes bounds what the last requests may put into queues, all together.
const lastBytes = 16 << 20

// halt has every connection answer one more request before it ends, and counts those
// that are dead. What is under way on the active ones will do.
func (h *hold) halt() {
	for _, q := range h.conns {
		if q == nil || q.gone {
			h.w.seen.Dead++
		}
	}
	limit := max(lastBytes/h.plan.Request.Max(), touchesAtATime)
	paced(len(h.conns), limit, func(k int, done func(error)) {
		q := h.conns[k]
		if q == nil || q.gone || q.pending.n > 0 {
			done(nil)
			return
		}
		q.ask(func(error) { done(nil) }) // Closed counts it
	}, func(error) {})
}

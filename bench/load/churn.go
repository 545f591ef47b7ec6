package load

import (
	"io"

	"github.com/penstock/penstock/bench/plan"
)

func init() { kinds[plan.Churn] = newChurn }

// churn makes storms: all connections are dialled at once, each has one request
// answered, and when all have, they end together. The next storm follows when all have
// ended, and a pause later if there is one. Times count from the storm's begin.
type churn struct {
	*slots
	unanswered, open int // of this storm
	failed           bool
}

func newChurn(w *worker) workload {
	c := &churn{}
	c.slots = newSlots(w, c, 0, w.plan.Conns, "connection of a storm")
	return c
}

func (c *churn) begin() {
	if c.w.halted || len(c.all) == 0 {
		return
	}
	now := c.w.now()
	c.unanswered, c.open, c.failed = len(c.all), len(c.all), false
	for _, s := range c.all {
		s.start(now)
	}
}

func (c *churn) connected(s *slot) error { return s.request() }

// answered has the connection wait for the others.
func (c *churn) answered(s *slot) error {
	s.complete()
	c.w.loop.Disarm(&s.timer)
	c.settled()
	return nil
}

// settled ends the storm's connections once none is waited for.
func (c *churn) settled() {
	if c.unanswered--; c.unanswered > 0 {
		return
	}
	for _, s := range c.all {
		switch {
		case s.c.Conn == nil:
		case c.w.plan.Ending == plan.Reset:
			s.c.Abort()
		default:
			c.w.loop.Arm(&s.timer, c.w.plan.Timeout, s)
			s.c.Close()
		}
	}
}

// ended follows a target that ends answered connections first.
func (c *churn) ended(s *slot) error {
	if s.counted {
		return io.EOF
	}
	return io.ErrUnexpectedEOF
}

func (c *churn) over(s *slot) {
	if c.open--; s.failed {
		c.failed, s.failed = true, false
		c.settled()
	}
	if c.open > 0 {
		return
	}
	pause := c.w.plan.Pause
	if c.failed {
		pause = max(pause, afterFailure)
	}
	c.w.loop.AfterFunc(pause, c.begin)
}

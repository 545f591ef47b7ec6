package load

import (
	"github.com/penstock/penstock/bench/bulk"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/loop"
)

func init() { kinds[plan.Stream] = newStreams }

// streams are connections that carry as much as they can. A verified one ends with an
// account of every byte, which is the last that is waited for.
type streams struct {
	w     *worker
	all   []*bulk.Stream // nil: none at the moment
	light *bulk.Light
	timer loop.Timer
}

func newStreams(w *worker) workload {
	s := &streams{w: w, all: make([]*bulk.Stream, w.plan.Conns)}
	if w.plan.Light {
		s.light = new(bulk.Light)
	}
	return s
}

func (s *streams) standing() int { return len(s.all) }

// opened makes the stream of slot k. It begins when the load does, or at once in place
// of one that failed.
func (s *streams) opened(c wire, k int) error {
	w := s.w
	if w.halted {
		w.open.Add(-1)
		c.Close()
		return nil
	}
	p := w.plan
	cfg := bulk.Config{Direction: p.Direction, Size: p.Request[0].Bytes, Verify: p.Verify, K: w.first + uint64(k), Light: s.light}
	s.all[k] = bulk.Client(c.Conn, cfg, &streaming{of: s, k: k})
	if w.began > 0 {
		s.start(k)
	}
	return nil
}

func (s *streams) begin() {
	for k := range s.all {
		s.start(k)
	}
	s.watch()
}

func (s *streams) start(k int) {
	s.w.enter(s.w.now(), 1)
	if err := s.all[k].Begin(); err != nil {
		s.ended(k, err)
	}
}

// due is part of workload: a stream has no rate.
func (s *streams) due(int64) {}

func (s *streams) halt() {
	s.w.loop.Disarm(&s.timer)
	for k, one := range s.all {
		switch {
		case one == nil:
		case s.w.began > 0:
			one.Halt()
		default: // the load has not begun, and will not
			one.Abandon()
			s.all[k] = nil
			s.w.open.Add(-1)
		}
	}
}

// watch looks for streams that have stalled, now and then.
func (s *streams) watch() { s.w.loop.Arm(&s.timer, s.w.plan.Timeout/4, s) }

// Expire ends the streams on which nothing has moved for the plan's Timeout.
func (s *streams) Expire() {
	for _, one := range s.all {
		if one != nil && s.w.loop.Now()-one.LastMove() > int64(s.w.plan.Timeout) {
			one.Stalled()
		}
	}
	s.watch()
}

// ended counts a stream that is over, and opens another in place of one that failed.
func (s *streams) ended(k int, err error) {
	w := s.w
	s.all[k] = nil
	w.open.Add(-1)
	w.leave(w.now(), 1)
	if err == nil {
		w.seen.Completed++
		return
	}
	w.fail("stream", err)
	w.again(k)
}

// A streaming is told of the stream of slot k.
type streaming struct {
	of *streams
	k  int
}

// Moved is part of bulk.Owner.
func (s *streaming) Moved(sent, received, verified int) {
	seen := s.of.w.seen
	seen.BytesOut += uint64(sent)
	seen.BytesIn += uint64(received)
	seen.Verified += uint64(verified)
}

// Ended is part of bulk.Owner.
func (s *streaming) Ended(_ *bulk.Stream, err error) { s.of.ended(s.k, err) }

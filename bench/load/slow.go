package load

import (
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/loop"
)

func init() { kinds[plan.Slow] = newSlow }

// slow keeps connections on which nearly nothing moves, and beside them probes, whose
// times show whether others have to wait for the slow ones. A target may defend itself:
// slow connections that it ends are counted as cut, and opened again.
type slow struct {
	w       *worker
	probes  *rr
	asks    *rr // of requests that are not counted: the probes' are
	peers   []*slowPeer
	dialers []*loop.Dialer
	every   time.Duration // a peer moves a piece so often
	piece   int
	buf     []byte
	next    int64 // when something may be asked for again
}

// A slow reader asks for more whenever it reads, until what it asks is stuck: on
// loopback Linux lets a sender have 2.6 MB that nobody reads, of the 4 MiB of
// net.ipv4.tcp_wmem.
const (
	slowRequest  = 64 << 10
	slowRequests = 128
	askedAtOnce  = 4
	askedRate    = 256 << 20 // bytes a second of all readers of a worker, which else were busy with nothing else
)

func newSlow(w *worker) workload {
	p := *w.plan
	p.Pipeline, p.Fragments = slowRequests, 1
	if p.Protocol == plan.HTTP {
		if p.Response == 0 {
			p.Response = slowRequest
		}
	} else {
		p.Request, p.Response = plan.Mix{{Bytes: slowRequest, Weight: 1}}, 0
	}
	s := &slow{w: w, probes: newProbes(w, w.plan), asks: newRR(w, &p, 0)}
	s.asks.quiet = true
	s.every = max(100*time.Millisecond, time.Second/time.Duration(p.Pace))
	s.piece = max(int(int64(p.Pace)*int64(s.every)/int64(time.Second)), 1)
	s.buf = make([]byte, s.piece)
	for _, d := range w.dialers {
		tiny := *d
		if p.Side == plan.Read {
			tiny.Socket.RecvBuffer = 1 // of which the kernel makes its least, 2,304
		}
		s.dialers = append(s.dialers, &tiny)
	}
	for k := range p.Conns {
		s.peers = append(s.peers, &slowPeer{requester: *newRequester(s.asks, wire{}, p.Probes+k), s: s})
	}
	return s
}

// mayAsk spreads what the readers ask for over time.
func (s *slow) mayAsk(now int64) bool {
	if now < s.next {
		return false
	}
	s.next = max(s.next, now-int64(time.Millisecond)) + slowRequest*int64(time.Second)/askedRate
	return true
}

func (s *slow) standing() int { return s.probes.standing() }

// prepare opens the slow connections. That the target refuses some is for it to do.
func (s *slow) prepare(ready func(error)) {
	paced(len(s.peers), dialsAtATime, func(k int, done func(error)) { s.peers[k].dial(func() { done(nil) }) }, ready)
}

func (s *slow) opened(c wire, k int) error {
	if k < s.probes.standing() {
		return s.probes.opened(c, k)
	}
	return s.peers[k-s.probes.standing()].opened(c)
}

func (s *slow) begin()             { s.probes.begin() }
func (s *slow) due(intended int64) { s.probes.due(intended) }

func (s *slow) halt() {
	s.probes.halt()
	for _, p := range s.peers {
		if p.c.Conn != nil {
			p.c.Abort()
		}
	}
}

// newProbes makes the requests whose times show what a load does to others.
func newProbes(w *worker, p *plan.Plan) *rr {
	r := newRR(w, p, w.plan.Probes)
	r.what = "probe"
	return r
}

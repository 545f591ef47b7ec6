package sim

import (
	"net/netip"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/splice"
)

// kind is how the server serves a connection.
type kind int

const (
	relayed kind = iota
	echoed
	replied  // reads to the end, and answers 100 ms later
	panicked // the handler panics
	fronted  // a protocol reads the head of the stream, and has the rest relayed
	proxied  // the handlers of both sides copy to each other
	remoted  // echoed from another goroutine
	monkeyed // the handler does anything
	handed   // echoed, with a worker in between
	spoken   // the server has its say and closes, before it has read anything
	kinds
)

// forwards reports whether the life has a backend.
func (k kind) forwards() bool { return k == relayed || k == fronted || k == proxied }

// A life is one connection to the server: its client, and, if it is relayed, its
// backend.
type life struct {
	kind     kind
	client   party
	backend  party
	listener simkernel.Listener
	addr     netip.AddrPort
	network  string // of its backend, as Dial has it
	address  string
	named    *named // nil unless its backend has a name
	refuses  bool   // nobody listens there
	started  bool
	gaveUp   bool // the client was cut during the dial, which was given up
	result   *splice.Result

	loop                          int // that serves it
	dialledAt, relayedAt, opensAt int64
	timedOut                      bool
	head                          uint64 // bytes that the handler wrote in front of the relay
	session                       *monkey
	out                           content.Stream    // what the monkey has written
	posted                        bool              // it wrote by its Handle: what finds the half ended is dropped
	ordered                       bool              // the monkey has ended its half in order
	missed                        bool              // nobody listened any more
	opened                        bool              // the handler was told of it
	ends                          [2]simkernel.Peer // the other ends of the relay's sockets
	triesAt                       int64             // when the client connects, if there was no room before
	closings                      []closing         // under way
	said                          int               // bytes that the server says by itself
}

func (w *World) newLife(i int, kind kind) *life {
	v := &life{kind: kind}
	odd := w.config.odd
	c := &w.config
	step := min(c.mss, c.peers, c.kernel.Send, c.kernel.Recv)
	for _, p := range [2]*party{&v.client, &v.backend} {
		if c.exact != nil {
			c.exact.limit(w.tape, p, p == &v.backend)
		} else {
			p.plan(w.tape, odd, step)
		}
	}
	if c.big {
		p := Of(w.tape, &v.client, &v.backend)
		p.chunk, p.total, p.how = 8<<20, 9<<29, shutHalf
		v.client.reads, v.backend.reads = 8<<20, 8<<20
	}
	if v.client.how == answer && v.backend.how == answer {
		v.backend.how = shutHalf // somebody must begin
	}
	if kind == fronted && v.client.how == answer && v.client.total == 0 {
		v.client.how = shutHalf // its backend is dialled when it has spoken
	}
	v.client.k, v.backend.k = uint64(2*i+1), uint64(2*i+2)
	v.client.in.K, v.backend.in.K = v.backend.k, v.client.k
	if !kind.forwards() {
		v.client.in.K = v.client.k // it gets its own back
		v.client.urgent = -1
		if v.client.how == answer && kind != spoken {
			v.client.how = shutHalf
		}
	}
	if kind == spoken {
		v.said = saying
		if c.exact != nil {
			v.said = v.client.chunk
		}
	}
	v.refuses = odd && w.tape.Odds(16)
	by := byTCP4
	if c.backs != nil {
		by = c.backs[i]
	}
	switch {
	case !kind.forwards():
	case by == byName:
		w.name(v, i)
	default:
		w.serve(v, i, backFamily[by])
	}
	if c.front == overUnix {
		v.client.urgent = -1
	}
	if c.timed && !c.big {
		w.pace(v)
	}
	return v
}

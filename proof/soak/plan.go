package soak

import (
	"math"
	"math/rand/v2"
)

// A side is one of the two ends of a connection.
type side int

const (
	client side = iota
	backend
)

func (s side) String() string { return [...]string{"client", "backend"}[s] }

// A service is one port of the forwarder.
type service int

const (
	auto    service = iota // relays, and chooses between splicing and copying
	spliced                // relays by splicing
	copied                 // relays by copying
	echo                   // answers what it was sent
	services
)

func (s service) String() string { return [...]string{"auto", "splice", "copy", "echo"}[s] }

// An order is how the two directions of a connection depend on each other.
type order int

const (
	together order = iota // both at once
	reply                 // the backend begins when it has read the client's end
	pingpong              // in rounds
)

func (o order) String() string {
	return [...]string{"both at once", "reply after the end", "ping-pong"}[o]
}

// An ending is how a side ends its part.
type ending int

const (
	finish  ending = iota // sends all, shuts its half, reads to the end
	cut                   // resets after some of what it was to send
	abandon               // closes after some of what it was to receive
)

func (e ending) String() string { return [...]string{"finishes", "resets", "abandons"}[e] }

// A half is what one side does.
type half struct {
	bytes  uint64 // to send
	chunk  int    // sizes of its writes go up to this
	even   bool   // all writes have that size
	urgent uint64 // an urgent byte, of no stream, goes in front of this byte; 0 is none
	end    ending
	at     uint64 // where a cut or an abandon comes
	pace   pace
}

// A pace is how a side reads.
type pace struct {
	buffer  int    // read at a time
	every   uint64 // sleeps after so many bytes; 0 is never
	sleep   int    // ms
	stallAt uint64 // sleeps a second at this byte; 0 is never
	window  int    // SO_RCVBUF; 0 is the kernel's
}

// A plan is the life of connection k: a function of seed and k, so that both sides
// know it when they know these.
type plan struct {
	k       uint64
	service service
	order   order
	rounds  uint64
	mute    bool // the client leaves without a word
	half    [2]half
}

// planOf draws the plan of connection k.
func planOf(seed, k uint64) *plan {
	r := rand.New(rand.NewPCG(seed, k))
	p := &plan{k: k, service: pick(r, []service{auto, spliced, copied, echo}, 60, 15, 15, 10)}
	p.order = pick(r, []order{together, reply, pingpong}, 60, 20, 20)
	for s := range p.half {
		p.half[s].bytes = size(r)
	}
	if p.service == echo {
		p.order = together
		p.half[backend].bytes = p.half[client].bytes
	}
	if p.order == pingpong {
		p.rounds = 1 + r.Uint64N(40)
		for s := range p.half {
			each := 1 + min(p.half[s].bytes, 200<<10)/p.rounds
			p.half[s].bytes = each * p.rounds
		}
	}
	for s := range p.half {
		p.half[s].draw(r, p.half[1-s].bytes)
	}
	if r.IntN(50) == 0 { // connects and leaves
		p.mute = r.IntN(2) == 0
		p.half[client].end, p.half[client].at = abandon, 0
	}
	return p
}

// draw chooses how a side sends, and how it reads the incoming bytes.
func (h *half) draw(r *rand.Rand, incoming uint64) {
	h.chunk = []int{1, 100, 1448, 16 << 10, 128 << 10, 256 << 10}[r.IntN(6)]
	if h.bytes > uint64(h.chunk)*4096 { // a write costs, however little it writes
		h.chunk = 256 << 10
	}
	h.even = r.IntN(2) == 0
	if r.IntN(10) == 0 {
		h.urgent = 1 + r.Uint64N(h.bytes)
	}
	h.end = pick(r, []ending{finish, cut, abandon}, 84, 8, 8)
	switch h.end {
	case cut:
		h.at = r.Uint64N(h.bytes)
	case abandon:
		h.at = r.Uint64N(incoming)
	}
	h.pace.buffer = []int{1 << 10, 16 << 10, 64 << 10, 256 << 10}[r.IntN(4)]
	if r.IntN(6) == 0 {
		h.pace.every = 1 + incoming/(1+r.Uint64N(40))
		h.pace.sleep = 1 + r.IntN(50)
		if h.pace.window = 256 << 10; incoming < 100<<10 {
			h.pace.window = 16 << 10 // less than a segment of the loopback: each waits for a probe
		}
	}
	if r.IntN(25) == 0 {
		h.pace.stallAt = 1 + r.Uint64N(incoming)
	}
}

// size draws how much is sent: mostly little, sometimes tens of MiB, and evenly
// over the orders of magnitude between.
func size(r *rand.Rand) uint64 {
	between := func(low, high float64) uint64 {
		return uint64(math.Exp(math.Log(low) + r.Float64()*math.Log(high/low)))
	}
	switch pick(r, []int{0, 1, 2, 3, 4}, 290, 320, 300, 80, 10) {
	case 0:
		return between(1, 100)
	case 1:
		return between(100, 10<<10)
	case 2:
		return between(10<<10, 1<<20)
	case 3:
		return between(1<<20, 8<<20)
	}
	return between(8<<20, 48<<20)
}

// pick chooses one of several, by their weights.
func pick[T any](r *rand.Rand, of []T, weights ...int) T {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := r.IntN(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return of[i]
		}
	}
	return of[0]
}

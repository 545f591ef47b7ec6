package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/pool"
)

// fate is what comes of a connect to an address.
type fate uint8

const (
	replies fate = iota
	silent       // a black hole
	refuses
	unreachable
	tardy // silent at first
	fates
)

// fails reports whether a connect fails at once.
func (f fate) fails() bool { return f == refuses || f == unreachable }

// A target is one address of a name.
type target struct {
	addr     netip.AddrPort
	fate     fate
	listener simkernel.Listener
}

// answerOf is what a look-up of a name comes to.
type answerOf uint8

const (
	found answerOf = iota
	failing
	panicking
	answersOf
)

// A named is a backend that is reached by a name of several addresses.
type named struct {
	host    string
	targets []target
	answer  answerOf
	opensAt int64 // when those that are late answer
	twin    bool  // the name is dialled twice, at the same time
	timeout time.Duration

	resolvedAt int64          // when it was last answered
	plan       *party         // of each backend
	strays     []*party       // backends of connections that were made and not used, as far as is known
	up         simkernel.Peer // the one that is used
	chosen     bool
}

// name chooses the addresses of a name, and what comes of them.
func (w *World) name(v *life, i int) {
	t := w.tape
	n := &named{host: "backend-" + string(rune('a'+i)), opensAt: w.k.Clock() + int64(time.Second)}
	if w.config.exact == nil && t.Pick(2) == 1 {
		n.opensAt = w.k.Clock() + fallback // with the other family
	}
	if s := w.config.exact; s != nil {
		n.timeout = 5 * time.Second
	} else {
		n.timeout = Of(t, 10*time.Second, 3*time.Second)
		if w.config.odd && t.Odds(16) {
			n.answer = 1 + answerOf(t.Pick(int(answersOf)-1))
		}
		n.twin = t.Pick(4) == 3
	}
	v.named, v.network = n, "tcp"
	port := uint16(9000 + i)
	v.address = fmt.Sprintf("%s:%d", n.host, port)
	v.refuses = true
	for j := range 2 + w.extra() {
		ip := netip.MustParseAddr([...]string{"2001:db8::1", "10.0.1.1", "2001:db8::2", "10.0.1.2"}[(j+t.Pick(2))%4])
		for n.has(ip) {
			ip = ip.Next()
		}
		one := target{addr: netip.AddrPortFrom(ip, port), fate: tardy}
		if w.config.exact == nil || w.config.exact.Pauses == 0 {
			one.fate = fate(t.Pick(int(fates)))
		}
		if one.fate != refuses {
			one.listener = w.k.Serve(one.addr, 16)
			one.listener.Silence(one.fate == silent || one.fate == tardy)
		}
		if one.fate == unreachable {
			one.listener.Unreachable()
		}
		v.refuses = v.refuses && one.fate != replies && one.fate != tardy
		n.targets = append(n.targets, one)
	}
	v.refuses = v.refuses || n.answer != found
}

func (w *World) extra() int {
	if w.config.exact != nil {
		return 0
	}
	return w.tape.Pick(3)
}

func (n *named) has(ip netip.Addr) bool {
	for _, t := range n.targets {
		if t.addr.Addr() == ip {
			return true
		}
	}
	return false
}

// A resolver is the world's.
type resolver struct{ w *World }

// LookupPort is of no use here.
func (r *resolver) LookupPort(context.Context, string, string) (int, error) {
	return 0, errors.New("ports are numbers")
}

// LookupNetIP runs on a worker. One look-up of a name runs at a time, and its answer is
// used for a second.
func (r *resolver) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	w := r.w
	n := w.lives[host[len(host)-1]-'a'].named
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := w.k.Clock()
	if n.resolvedAt > 0 && now < n.resolvedAt+int64(time.Second) && n.answer == found {
		w.fail("%s was looked up again after %v", host, time.Duration(now-n.resolvedAt))
	}
	n.resolvedAt = now
	switch n.answer {
	case failing:
		return nil, &net.DNSError{Err: "server misbehaving", Name: host}
	case panicking:
		panic(expected)
	}
	var all []netip.Addr
	for _, t := range n.targets {
		all = append(all, t.addr.Addr())
	}
	return all, nil
}

// open has addresses that are late answer.
func (n *named) open(now int64) {
	if n.opensAt > 0 && now >= n.opensAt {
		n.opensAt = 0
		for _, t := range n.targets {
			if t.fate == tardy {
				t.listener.Silence(false)
			}
		}
	}
}

// waiting answers a listener that has a connection to be accepted.
func (n *named) waiting() (simkernel.Listener, bool) {
	for _, t := range n.targets {
		if t.fate != refuses && t.listener.Waiting() {
			return t.listener, true
		}
	}
	return simkernel.Listener{}, false
}

// accept makes a backend of a connection, which may be one that is not used.
func (w *World) accept(v *life) {
	n := v.named
	ln, _ := n.waiting()
	p, ok := ln.Accept()
	if !ok {
		return
	}
	p.Buffers(w.config.peers, w.config.peers)
	if n.plan == nil {
		plan := v.backend
		n.plan = &plan
	}
	if n.chosen && p.Is(n.up) {
		v.backend.peer, v.backend.live = p, true
		return
	}
	stray := *n.plan
	stray.peer, stray.live = p, true
	n.strays = append(n.strays, &stray)
}

// chosen makes the backend of the connection that the dial came to.
func (w *World) chosen(v *life, up *loop.Conn) {
	n := v.named
	if n == nil {
		return
	}
	n.up, _ = w.k.Opposite(up.FD().Num())
	n.chosen = true
	for i, s := range n.strays {
		if s.peer.Is(n.up) {
			v.backend = *s
			n.strays = append(n.strays[:i:i], n.strays[i+1:]...)
			return
		}
	}
}

// over says that nothing more is to be expected of connections that are not used.
func (n *named) over() bool {
	for _, s := range n.strays {
		if !s.over() {
			return false
		}
	}
	_, waits := n.waiting()
	return !waits
}

// fallback is when the second family is tried beside the first (RFC 8305).
const fallback = int64(300 * time.Millisecond)

// dialTwin dials the same name beside, and drops the connection.
func (w *World) dialTwin(v *life, d *loop.Dialer, c *loop.Conn) {
	err := d.DialFor(c, v.network, v.address, func(up *loop.Conn, err error) error {
		if err == nil {
			up.Abort()
		}
		return nil
	})
	if err != nil && !errors.Is(err, pool.ErrBusy) {
		w.fail("the second dial of a name: %v", err)
	}
}

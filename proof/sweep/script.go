package sweep

import (
	"fmt"
	"net"
	"time"

	"github.com/penstock/penstock/internal/content"
)

// A script is one connection to the target, and what its peers do with it. Among
// them the scripts provoke every call of the runtime. They run one after the other,
// so that the n-th call is the same in every run, or nearly.
type script struct {
	name    string
	mode    string // of the route
	route   byte
	client  party
	backend *party // nil: the target itself answers
	held    bool   // it lasts until the target is told to stop
	// What the client and the backend see if no fault is injected.
	clientEnd, backendEnd string

	listener *net.TCPListener
}

// routePush is the route of the script whose bytes come from the target.
const routePush = 9

// scripts are those of the usual scenario.
func scripts() []*script {
	const kib = 1 << 10
	return number([]*script{
		{name: "splice, both ways, a slow reader", mode: "splice",
			client: party{sends: 24 * kib, late: true}, backend: &party{sends: 320 * kib}},
		{name: "auto, messages", mode: "auto",
			client:  party{sends: 600, piece: 200, lockstep: true, after: 1},
			backend: &party{sends: 600, piece: 200, lockstep: true}},
		{name: "auto, bulk", mode: "auto", client: party{sends: 200 * kib}, backend: &party{sends: 100}},
		{name: "copy, both ways, a slow reader", mode: "copy",
			client: party{sends: 240 * kib}, backend: &party{sends: 10 * kib, late: true}},
		{name: "reset by the client", mode: "splice",
			client: party{sends: 8 * kib, resets: 8 * kib}, backend: &party{sends: 0, holds: true},
			clientEnd: endSelf, backendEnd: endReset},
		{name: "reset by the backend", mode: "copy",
			client: party{sends: 0, holds: true}, backend: &party{sends: 8 * kib, resets: 8 * kib},
			clientEnd: endReset, backendEnd: endSelf},
		{name: "a backend that is not there", mode: "splice", client: party{holds: true}, clientEnd: endReset},
		{name: "echo, messages", mode: "echo", client: party{sends: 300, piece: 100, lockstep: true, after: 1}},
		{name: "push", mode: "push", route: routePush, client: party{holds: true}},
		{name: "echo, a slow reader", mode: "echo", client: party{sends: 300 * kib, late: true}},
		{name: "echo, until the drain", mode: "echo", client: party{sends: 100, holds: true}, held: true},
		{name: "relay, until the drain", mode: "auto", held: true,
			client: party{sends: 100, holds: true}, backend: &party{sends: 100, holds: true},
			clientEnd: endReset, backendEnd: endReset},
	})
}

// bulk is the scenario in which a flow earns a big pipe: proven, in splice/transfer.go.
func bulk() []*script {
	return number([]*script{
		{name: "splice, a long flow", mode: "splice", client: party{sends: 100}, backend: &party{sends: 14 << 20}},
	})
}

// number gives every script its route and its streams.
func number(all []*script) []*script {
	for i, s := range all {
		if s.route == 0 {
			s.route = byte(20 + i)
		}
		c, b := &s.client, s.backend
		c.name, c.ended = "client", make(chan struct{})
		up, down := content.Stream{K: uint64(s.route) << 8}, content.Stream{K: uint64(s.route)<<8 + 1}
		c.out = up
		switch {
		case s.mode == "push":
			c.in = content.Stream{K: routePush}
			c.peer = &party{sends: pushMessages * pushBytes}
			c.peer.finished.Store(true)
		case s.mode == "echo":
			c.in, c.peer = up, c
		case b == nil:
			c.peer = new(party) // who never ends in order
		default:
			b.name, b.ended = "backend", make(chan struct{})
			b.out, b.in, c.in = down, up, down
			c.peer, b.peer = b, c
		}
		s.clientEnd, s.backendEnd = orClean(s.clientEnd), orClean(s.backendEnd)
	}
	return all
}

func orClean(end string) string {
	if end == "" {
		return endClean
	}
	return end
}

// nobody is an address at which nobody listens.
const nobody = "127.0.0.1:1"

// prepare opens the backend, and answers the route for the target.
func (s *script) prepare() (route, error) {
	r := route{Mode: s.mode, Backend: nobody}
	if s.backend == nil {
		return r, nil
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	s.listener = l.(*net.TCPListener)
	r.Backend = l.Addr().String()
	return r, nil
}

// start runs the script; it has ended when both parties have.
func (s *script) start(port int, patience time.Duration) {
	if s.backend != nil {
		go s.serveBackend(patience)
	}
	go s.runClient(port, patience)
}

func (s *script) runClient(port int, patience time.Duration) {
	c := &s.client
	defer close(c.ended)
	if s.listener != nil {
		// Who has not been dialled by now will not be. The listener stays: its port would
		// be another's, of a run beside this one, and a late dial would go there.
		defer func() { s.listener.SetDeadline(time.Now()) }()
	}
	d := net.Dialer{Timeout: patience}
	conn, err := d.Dial("tcp4", fmt.Sprintf("127.0.0.%d:%d", s.route, port))
	if err != nil {
		c.broken.Store(true)
		c.end, c.detail = endReset, err
		return
	}
	c.talk(conn, patience)
}

func (s *script) serveBackend(patience time.Duration) {
	b := s.backend
	defer close(b.ended)
	conn, err := s.listener.Accept()
	if err != nil {
		b.broken.Store(true)
		b.end = endAbsent
		return
	}
	b.talk(conn, patience)
}

func (s *script) wait() {
	<-s.client.ended
	if s.backend != nil {
		<-s.backend.ended
	}
}

// begun waits until a held script has exchanged what it has to, or has failed.
func (s *script) begun() {
	for _, p := range s.parties() {
		for p.got.Load() < p.peer.sends && !p.broken.Load() && !p.over.Load() {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

func (s *script) parties() []*party {
	if s.backend == nil {
		return []*party{&s.client}
	}
	return []*party{&s.client, s.backend}
}

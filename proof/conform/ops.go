package conform

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
)

// A run is one sequence of calls, made on both kernels.
type run struct {
	real, model *side
	rng         *rand.Rand
	out         [2]content.Stream // what each end writes
	sent        [2]int            // bytes written and not read by the other
	log         []string
}

// queued bounds what may be under way, well within what any socket buffers, so that
// a send is never short.
const queued = 24 << 10

func (r *run) note(format string, args ...any) { r.log = append(r.log, fmt.Sprintf(format, args...)) }

// step makes one call on both kernels and compares.
func (r *run) step() error {
	i := r.rng.IntN(2)
	n := []int{1, 2, 100, 1000, 1448, 4096, 9000}[r.rng.IntN(7)]
	switch op := r.rng.IntN(100); {
	case op < 22:
		return r.send(i, n, 0)
	case op < 25:
		if r.real.f == sys.Unix {
			return nil // an urgent byte of a Unix socket is another thing
		}
		return r.send(i, 1, 1) // MSG_OOB
	case op < 42:
		return r.recv(i, n, 0)
	case op < 46:
		return r.recv(i, n, sys.MsgPeek)
	case op < 60:
		return r.drain(i, n)
	case op < 72:
		return r.pump(i)
	case op < 88:
		return r.wait()
	case op < 91:
		return r.same("shutdown", i, func(s *side) (int, sys.Errno) { return 0, s.k.Shutdown(s.ends[i], sys.ShutWrite) })
	case op < 93:
		return r.same("getpeername", i, func(s *side) (int, sys.Errno) { _, e := s.k.PeerAddr(s.ends[i]); return 0, e })
	case op < 95:
		return r.outq(i)
	case op < 97:
		return r.same("send of nothing", i, func(s *side) (int, sys.Errno) { return s.k.Send(s.ends[i], nil, 0) })
	case op < 98:
		r.note("reset %d", i)
		r.both(func(s *side) { s.reset(i) })
	case op < 99:
		r.note("close %d", i)
		r.both(func(s *side) {
			if s.ends[i] >= 0 {
				s.k.Close(s.ends[i])
				s.ends[i] = -1
			}
		})
	}
	return nil
}

func (r *run) both(f func(*side)) {
	for _, s := range []*side{r.model, r.real} {
		f(s)
		s.settle()
	}
}

// same makes a call whose answer the kernel defines. The real kernel may come to it
// late, when it depends on what the network delivers.
func (r *run) same(name string, i int, call func(*side) (int, sys.Errno)) error {
	want, we := counted(call(r.model))
	r.model.settle()
	got, ge := counted(call(r.real))
	if (got != want || ge != we) && (name == "SIOCOUTQ" || name == "getpeername") {
		r.real.until(func() bool { got, ge = counted(call(r.real)); return got == want && ge == we })
	}
	r.note("%s(%d) = %d, %v", name, i, want, word(we))
	if got != want || ge != we {
		return fmt.Errorf("%s(%d): the kernel answers %d, %v, the simulation %d, %v", name, i, got, word(ge), want, word(we))
	}
	return nil
}

// outq compares SIOCOUTQ. Of a socket that its peer has reset the kernel answers what had
// not been acknowledged then, and may leave open what of the rest the peer had been given.
func (r *run) outq(i int) error {
	call := func(s *side) (int, sys.Errno) {
		n, e := s.k.Outq(s.ends[i])
		if s.f == sys.Unix {
			n = min(n, 1) // memory: what a message takes is the kernel's affair
		}
		return n, e
	}
	if r.real.f == sys.Unix || r.model.ends[0] >= 0 && r.model.ends[1] >= 0 {
		return r.same("SIOCOUTQ", i, call)
	}
	want, we := counted(call(r.model))
	r.model.settle()
	got, ge := counted(call(r.real))
	r.note("SIOCOUTQ(%d) = %d or more, %v", i, want, word(we))
	if got < want || ge != we {
		return fmt.Errorf("SIOCOUTQ(%d): the kernel answers %d, %v, the simulation %d, %v", i, got, word(ge), want, word(we))
	}
	return nil
}

// counted makes nothing of the number beside an error, which says nothing.
func counted(n int, e sys.Errno) (int, sys.Errno) {
	if e != 0 {
		n = 0
	}
	return n, e
}

func word(e sys.Errno) string {
	if e == 0 {
		return "ok"
	}
	return e.Error()
}

func (r *run) send(i, n, flags int) error {
	if r.sent[i]+n > queued {
		return nil
	}
	p := make([]byte, n)
	stream := r.out[i]
	stream.Fill(p)
	return r.same(fmt.Sprintf("send %d bytes, flags %d", n, flags), i, func(s *side) (int, sys.Errno) {
		got, e := s.k.Send(s.ends[i], p, flags)
		if s == r.model && e == 0 {
			r.out[i] = stream
			r.sent[i] += n
		}
		return got, e
	})
}

// recv compares bytes, too. Where the real kernel has not delivered all yet it is
// read again.
func (r *run) recv(i, n, flags int) error {
	want, got := make([]byte, n), make([]byte, n)
	wn, we := counted(r.model.k.Recv(r.model.ends[i], want, flags))
	r.model.settle()
	if wn > 0 {
		r.real.until(func() bool { n, _ := r.real.k.Recv(r.real.ends[i], got, sys.MsgPeek); return n >= wn })
	}
	var gn int
	var ge sys.Errno
	r.real.until(func() bool {
		gn, ge = counted(r.real.k.Recv(r.real.ends[i], got, flags))
		return ge != sys.EAGAIN || we == sys.EAGAIN
	})
	r.note("recv(%d, %d, %d) = %d, %v", i, n, flags, wn, word(we))
	if flags&sys.MsgPeek == 0 {
		r.sent[1-i] -= wn
	}
	if gn != wn || ge != we || !bytes.Equal(got[:gn], want[:wn]) {
		return fmt.Errorf("recv(%d, %d, flags %d): the kernel answers %d, %v, the simulation %d, %v", i, n, flags, gn, word(ge), wn, word(we))
	}
	return nil
}

// drain splices from a socket into the pipe. How much is moved depends on how the
// segments lie in memory, which the kernel is free in: from one byte to all that is
// there, and EAGAIN from a pipe that is not empty. The simulation moves as much.
func (r *run) drain(i, n int) error {
	var probe [1]byte
	if r.model.sim.Unread(r.model.ends[i]) > 1 {
		r.real.until(func() bool { m, _ := r.real.k.Recv(r.real.ends[i], probe[:], sys.MsgPeek); return m > 0 })
	}
	gn, ge := counted(r.real.k.Splice(r.real.ends[i], r.real.w, n))
	if ge == sys.EAGAIN && r.real.piped > 0 {
		r.note("splice(%d → pipe, %d) = full", i, n)
		return nil
	}
	ask := n
	if gn > 0 {
		ask = gn
	}
	wn, we := counted(r.model.k.Splice(r.model.ends[i], r.model.w, ask))
	r.model.settle()
	if ge == sys.EAGAIN && wn > 0 {
		r.real.until(func() bool { gn, ge = counted(r.real.k.Splice(r.real.ends[i], r.real.w, wn)); return gn > 0 })
	}
	r.note("splice(%d → pipe, %d) = %d, %v", i, n, wn, word(we))
	r.real.piped += gn
	r.model.piped += wn
	r.sent[1-i] -= wn
	if gn != wn || ge != we {
		return fmt.Errorf("splice(%d → pipe, %d): the kernel answers %d, %v, the simulation %d, %v", i, n, gn, word(ge), wn, word(we))
	}
	return nil
}

// pump splices all that is in the pipe into a socket.
func (r *run) pump(i int) error {
	n := max(r.model.piped, 1)
	if r.sent[i]+n > 2*queued {
		return nil
	}
	return r.same(fmt.Sprintf("splice of %d bytes from the pipe to", n), i, func(s *side) (int, sys.Errno) {
		moved, e := counted(s.k.Splice(s.r, s.ends[i], n))
		s.piped -= moved
		if s == r.model {
			r.sent[i] += moved
		}
		return moved, e
	})
}

// wait compares the events of both ends. The kernel is free in when it acknowledges,
// and so in edges that say what is known already; but each edge of the simulation must
// come, with all that it says, and none may say what is not so.
func (r *run) wait() error {
	want := r.model.events()
	got := r.real.events()
	r.real.until(func() bool {
		for i, mask := range r.real.events() {
			got[i] |= mask
		}
		return got[0]&want[0] == want[0] && got[1]&want[1] == want[1]
	})
	r.note("epoll_wait = %#x, %#x", want[0], want[1])
	for i := range want {
		truth := want[i]
		if r.model.ends[i] >= 0 {
			truth |= r.model.sim.Poll(r.model.ends[i])
		}
		if got[i]&want[i] != want[i] || got[i]&^truth != 0 {
			return fmt.Errorf("epoll_wait: the kernel answers %#x, the simulation %#x; so is %#x", got, want, truth)
		}
	}
	return nil
}

func (s *side) events() (masks [2]uint32) {
	var events [4]sys.Event
	n, _ := s.k.EpollWait(s.epfd, events[:], 0)
	for i := range n {
		masks[events[i].Token()] |= events[i].Mask()
	}
	return masks
}

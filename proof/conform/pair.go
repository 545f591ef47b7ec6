// Package conform holds the simulated kernel against the real one: the same calls
// are made on both, and what they answer is compared, as far as the kernel defines
// it. A simulation that lies proves nothing.
package conform

import (
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// patience is how long the real kernel has to deliver what the simulated one has.
const patience = time.Second

// A side is one kernel, with a connection between two of its sockets, a pipe, and
// an epoll that both sockets are registered with.
type side struct {
	k     sys.Kernel
	sim   *simkernel.Kernel // nil: the real one
	f     sys.Family
	ln    int
	addr  sys.Addr
	ends  [2]int // -1 once closed
	r, w  int
	piped int // bytes in the pipe
	epfd  int
}

// names numbers the Unix sockets of this process.
var names atomic.Uint64

// anyAddr is where a side of a family listens.
func anyAddr(f sys.Family) sys.Addr {
	switch f {
	case sys.Unix:
		return sys.Addr{Family: f, Path: fmt.Sprintf("@penstock-conform-%d-%d", os.Getpid(), names.Add(1))}
	case sys.Inet6:
		return sys.Addr{Family: f, AP: netip.MustParseAddrPort("[::1]:0")}
	}
	return sys.Addr{Family: f, AP: netip.MustParseAddrPort("127.0.0.1:0")}
}

func newSide(k sys.Kernel, f sys.Family) (*side, error) {
	s := &side{k: k, f: f, ends: [2]int{-1, -1}, r: -1, w: -1, epfd: -1}
	s.sim, _ = k.(*simkernel.Kernel)
	var e sys.Errno
	if s.ln, e = k.Socket(f); e != 0 {
		return nil, e
	}
	s.addr = anyAddr(f)
	if e := k.Bind(s.ln, s.addr); e != 0 {
		return nil, e
	}
	if e := k.Listen(s.ln, 64); e != 0 {
		return nil, e
	}
	s.addr, e = k.LocalAddr(s.ln)
	if e != 0 {
		return nil, e
	}
	return s, nil
}

// open makes a connection, a pipe and an epoll.
func (s *side) open() error {
	a, e := s.k.Socket(s.f)
	if e != 0 {
		return e
	}
	if e := s.k.Connect(a, s.addr); e != 0 && e != sys.EINPROGRESS {
		return fmt.Errorf("connect: %w", e)
	}
	s.settle()
	var b int
	if !s.until(func() bool { b, _, e = s.k.Accept(s.ln); return e == 0 }) {
		return fmt.Errorf("accept: %w", e)
	}
	if !s.until(func() bool { e = s.k.Connect(a, s.addr); return e == 0 || e == sys.EISCONN }) {
		return fmt.Errorf("connected: %w", e)
	}
	s.ends = [2]int{a, b}
	s.r, s.w, e = s.k.Pipe()
	if e != 0 {
		return fmt.Errorf("pipe: %w", e)
	}
	s.piped = 0
	if s.epfd, e = s.k.EpollCreate(); e != 0 {
		return fmt.Errorf("epoll_create: %w", e)
	}
	for i, fd := range s.ends {
		if s.f == sys.Unix { // room for many small messages, each of which is charged for more
			s.k.SetOption(fd, sys.SolSocket, sys.SoSndbuf, 1<<20)
		} else {
			s.k.SetOption(fd, sys.IPProtoT, sys.TCPNoDelay, 1)
		}
		mask := sys.EpollIn | sys.EpollOut | sys.EpollPri | sys.EpollRdhup | sys.EpollEdge
		if e := s.k.EpollAdd(s.epfd, fd, mask, uint64(i)); e != 0 {
			return fmt.Errorf("epoll_ctl: %w", e)
		}
	}
	return nil
}

// close gives everything back, with resets, which leave no TIME_WAIT behind.
func (s *side) close() {
	for i := range s.ends {
		s.reset(i)
	}
	for _, fd := range []int{s.r, s.w, s.epfd} {
		if fd >= 0 {
			s.k.Close(fd)
		}
	}
	s.settle()
}

func (s *side) reset(i int) {
	if s.ends[i] >= 0 {
		s.k.SetLinger(s.ends[i], true, 0)
		s.k.Close(s.ends[i])
		s.ends[i] = -1
	}
}

// settle has the simulated network deliver, as a loopback does by itself.
func (s *side) settle() {
	if s.sim != nil {
		s.sim.Settle()
	}
}

// until tries until ok, as long as the real kernel may take.
func (s *side) until(ok func() bool) bool {
	for deadline := time.Now().Add(patience); ; {
		if ok() {
			return true
		}
		if s.sim != nil || time.Now().After(deadline) {
			return false
		}
		time.Sleep(50 * time.Microsecond)
	}
}

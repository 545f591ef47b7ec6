package conform

import (
	"fmt"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// A writer that got EAGAIN is told of room late: the peer reads, and its kernel
// acknowledges, for a while without an EPOLLOUT. The timeouts of the runtime are made
// for that, and the simulation has to have it.

// A threshold is what share of a full send buffer is still in use, by SIOCOUTQ, when
// EPOLLOUT comes.
type threshold struct {
	f           sys.Family
	least, most float64
}

// thresholds: TCP waits for a third of the buffer to be free (sk_stream_is_writeable),
// Unix sockets for three quarters (unix_writable). A peer reads in steps, and TCP counts
// memory, not bytes, so that neither is exact.
var thresholds = [...]threshold{{sys.Inet4, 0.40, 0.80}, {sys.Unix, 0.05, 0.30}}

// Thresholds checks them on a kernel and on a simulated one.
func Thresholds(k sys.Kernel) error {
	for _, t := range thresholds {
		for _, one := range []sys.Kernel{k, simkernel.New(simkernel.Config{})} {
			used, err := measure(one, t.f)
			if err == nil && (used < t.least || used > t.most) {
				err = fmt.Errorf("a writer was told of room when %.2f of its send buffer were in use, want %.2f to %.2f", used, t.least, t.most)
			}
			if err != nil {
				return fmt.Errorf("EPOLLOUT, family %d, %T: %w", t.f, one, err)
			}
		}
	}
	return nil
}

// measure fills a send buffer, has the peer read in small steps, and answers how much of
// what was in it is left when EPOLLOUT comes.
func measure(k sys.Kernel, f sys.Family) (used float64, err error) {
	s, err := newSide(k, f)
	if err != nil {
		return 0, err
	}
	defer k.Close(s.ln)
	k.SetOption(s.ln, sys.SolSocket, sys.SoRcvbuf, 8<<10)
	if err := s.open(); err != nil {
		return 0, err
	}
	defer s.close()
	k.SetOption(s.ends[0], sys.SolSocket, sys.SoSndbuf, 100<<10)
	full, err := s.fill()
	if err != nil {
		return 0, err
	}
	s.events() // what was so before
	for p := make([]byte, 4<<10); ; {
		if !s.until(func() bool { n, _ := k.Recv(s.ends[1], p, 0); return n > 0 }) {
			return 0, fmt.Errorf("all was read, and no EPOLLOUT came")
		}
		s.settle()
		left, e := k.Outq(s.ends[0])
		if e != 0 {
			return 0, fmt.Errorf("SIOCOUTQ: %w", e)
		}
		if s.events()[0]&sys.EpollOut != 0 {
			return float64(left) / float64(full), nil
		}
	}
}

// fill sends until EAGAIN, and answers what SIOCOUTQ says when the network is at rest.
func (s *side) fill() (full int, err error) {
	for p := make([]byte, 4<<10); ; {
		_, e := s.k.Send(s.ends[0], p, 0)
		s.settle()
		if e == 0 {
			continue
		}
		if e != sys.EAGAIN {
			return 0, fmt.Errorf("send: %w", e)
		}
		if full, e = s.k.Outq(s.ends[0]); e != 0 {
			return 0, fmt.Errorf("SIOCOUTQ: %w", e)
		}
		return full, nil
	}
}

// Package simkernel is a kernel made of memory, for tests: it answers the calls
// of sys.Kernel as Linux does, as far as the runtime can tell, and every choice
// that a real kernel, a network or a peer would make is its Scheduler's.
//
// It has TCP over IPv4 and IPv6, Unix stream sockets with abstract names, pipes that hold
// slots, edge-triggered epoll, eventfds, the lowest free descriptor, and a clock that
// stands still unless it is told to go on. It has no files: no Unix paths, and no
// descriptors that are passed. All of it belongs to one goroutine at a time. What
// it says about the real kernel is held against the real one by package conform.
package simkernel

import (
	"time"

	"github.com/penstock/penstock/internal/sys"
)

// Call names a call of sys.Kernel.
type Call uint8

// The calls that a Scheduler is asked about.
const (
	Socket Call = iota
	Bind
	Listen
	Accept
	Connect
	Shutdown
	SetOption
	Option
	SetLinger
	LocalAddr
	PeerAddr
	Outq
	Recv
	Send
	Pipe
	PipeSize
	SetPipeSize
	Splice
	EpollCreate
	EpollAdd
	EpollDel
	EpollWait
	Eventfd
	Signal
	Close
	Now
	Calls // how many there are
)

var callNames = [Calls]string{"socket", "bind", "listen", "accept4", "connect", "shutdown", "setsockopt", "getsockopt", "SO_LINGER",
	"getsockname", "getpeername", "SIOCOUTQ", "recvfrom", "sendto", "pipe2", "F_GETPIPE_SZ", "F_SETPIPE_SZ", "splice",
	"epoll_create1", "EPOLL_CTL_ADD", "EPOLL_CTL_DEL", "epoll_wait", "eventfd2", "write", "close", "clock_gettime"}

func (c Call) String() string { return callNames[c] }

// A Scheduler makes the choices. Nil makes none: no fault, nobody else runs.
type Scheduler interface {
	// Before is asked at the entry of each call but Signal and Now. It may have others run,
	// and an error that it answers is the call's, which then has no effect.
	Before(c Call, fd int) sys.Errno
	// Sleep is asked when epoll ep has no event and its owner waits, until deadline
	// on the kernel's clock (negative: without limit). It returns when Ready(ep),
	// when the deadline is reached, or before: a wait may end early. If a signal
	// interrupted the wait it brings no event, whatever has happened (signal(7)).
	Sleep(ep int, deadline int64) (interrupted bool)
	// Pending says whether a signal is pending, at an urgent mark.
	Pending() bool
}

// Config is what a kernel is like. Zeros stand for the defaults.
type Config struct {
	Scheduler Scheduler
	Files     int            // RLIMIT_NOFILE; default 1024
	Send      int            // SO_SNDBUF of new sockets in bytes; default 64 KiB
	Recv      int            // SO_RCVBUF, the window; default 64 KiB
	Slot      int            // bytes that a slot of a pipe takes from a socket at most; default 4096
	Pipes     sys.PipeLimits // as PipeLimits answers
	Narrow    int            // how many pipes are born with 16 slots, and grow; default: all
}

// A Kernel is one process and its surroundings.
type Kernel struct {
	Config
	clock     int64
	files     []*file // by number
	lowest    int     // no number below it is free
	listeners []*sock
	socks     []*sock // all that are not gone
	pipes     int     // that exist
	raw       arena
	ports     uint16

	// Count is how often each call was made, Progress how often anything changed.
	Count    [Calls]uint64
	Progress uint64
	// Taken and Given are the bytes that the process took out of its sockets and put
	// into them; Piped is what its pipes hold.
	Taken, Given uint64
	Piped        int
	// Misused counts closes of what is not open, and of what epoll was to forget and
	// did not know: the number may be another's by then.
	Misused int
	// Corked counts the times MSG_MORE held bytes back for its 200 ms.
	Corked int
}

// New makes a kernel.
func New(c Config) *Kernel {
	if c.Files == 0 {
		c.Files = 1024
	}
	if c.Send == 0 {
		c.Send = 64 << 10
	}
	if c.Recv == 0 {
		c.Recv = 64 << 10
	}
	if c.Slot == 0 {
		c.Slot = sys.PageSize
	}
	if c.Narrow == 0 {
		c.Narrow = 1 << 30
	}
	return &Kernel{Config: c, clock: int64(time.Hour), lowest: 3, ports: 40000}
}

var _ sys.Kernel = (*Kernel)(nil)

// callCost is how long a call takes on the kernel's clock, in ns.
const callCost = 300

// enter is the entry of every call.
func (k *Kernel) enter(c Call, fd int) sys.Errno {
	k.Count[c]++
	k.clock += callCost
	if k.Scheduler == nil {
		return 0
	}
	return k.Scheduler.Before(c, fd)
}

// Now is the clock, which a call of Now moves on, too.
func (k *Kernel) Now() int64 {
	k.Count[Now]++
	k.clock += callCost
	return k.clock
}

// Clock is the clock, looked at from outside.
func (k *Kernel) Clock() int64 { return k.clock }

// Advance moves the clock on to t, unless it is past it, and has the bytes that
// MSG_MORE held back sent when their time is over.
func (k *Kernel) Advance(t int64) {
	k.clock = max(k.clock, t)
	for _, s := range k.socks {
		if s.held > 0 && k.clock >= s.heldUntil {
			s.held = 0
			k.Corked++
		}
	}
}

// Release is the next time that bytes held back by MSG_MORE are sent, -1 if none are.
func (k *Kernel) Release() int64 {
	next := int64(-1)
	for _, s := range k.socks {
		if s.held > 0 && (next < 0 || s.heldUntil < next) {
			next = s.heldUntil
		}
	}
	return next
}

// MaxFiles is the limit of descriptors.
func (k *Kernel) MaxFiles() int { return k.Files }

// PipeLimits is the page budget.
func (k *Kernel) PipeLimits() sys.PipeLimits { return k.Config.Pipes }

// Open is the number of descriptors that are open.
func (k *Kernel) Open() int {
	n := 0
	for _, f := range k.files {
		if f != nil {
			n++
		}
	}
	return n
}

// OpenPipes is the number of pipes that exist.
func (k *Kernel) OpenPipes() int { return k.pipes }

// Package poller is the epoll instance of one loop: add a descriptor once,
// edge-triggered; wait for a batch of events; be woken by other goroutines.
package poller

import (
	"os"
	"sync/atomic"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// Interest is what every descriptor is registered for, once and for all.
const Interest = sys.EpollIn | sys.EpollOut | sys.EpollPri | sys.EpollRdhup | sys.EpollEdge

// listenInterest leaves out what a listener never has.
const listenInterest = sys.EpollIn | sys.EpollEdge

// wakeToken is the eventfd's. No slab hands it out: its slot is the last.
const wakeToken = ^fd.Token(0)

// A Poller is one epoll descriptor and the eventfd that ends its sleep.
// Wake may be called by any goroutine, everything else by the loop's only.
type Poller struct {
	k      sys.Kernel
	epfd   int
	wakefd int
	events []sys.Event

	// asleep is 1 from before the loop's last look at its posted tasks until the
	// wait is over. Whoever posts looks at it after the task is in the queue, so
	// one of the two sees the other: the loop the task, or the post the sleeper.
	asleep atomic.Uint32
}

// Open makes a poller that takes up to batch events at a time.
func Open(k sys.Kernel, batch int) (*Poller, error) {
	epfd, e := k.EpollCreate()
	if e != 0 {
		return nil, os.NewSyscallError("epoll_create1", e)
	}
	wakefd, e := k.Eventfd()
	if e != 0 {
		fd.CloseNum(k, epfd)
		return nil, os.NewSyscallError("eventfd2", e)
	}
	p := &Poller{k: k, epfd: epfd, wakefd: wakefd, events: make([]sys.Event, batch)}
	if e := k.EpollAdd(epfd, wakefd, listenInterest, uint64(wakeToken)); e != 0 {
		p.Close()
		return nil, os.NewSyscallError("epoll_ctl", e)
	}
	return p, nil
}

// Close closes both descriptors. Nobody may call Wake any more.
func (p *Poller) Close() {
	fd.CloseNum(p.k, p.wakefd)
	fd.CloseNum(p.k, p.epfd)
}

// Add registers a connection's descriptor, for good.
func (p *Poller) Add(num int, t fd.Token) sys.Errno {
	return p.k.EpollAdd(p.epfd, num, Interest, uint64(t))
}

// AddListener registers a listener's descriptor.
func (p *Poller) AddListener(num int, t fd.Token) sys.Errno {
	return p.k.EpollAdd(p.epfd, num, listenInterest, uint64(t))
}

// Forget takes a descriptor out, before it is closed: a duplicate of it would
// keep the registration alive after close(2), and its events coming (epoll(7)).
func (p *Poller) Forget(num int) {
	p.k.EpollDel(p.epfd, num)
}

// Poll answers the events that are there, without waiting. The slice is valid
// until the next call.
func (p *Poller) Poll() ([]sys.Event, sys.Errno) { return p.take(0) }

// Sleep waits for events, at most timeout nanoseconds, without limit if it is
// negative. idle is the last look for work that was posted, made when a post
// from here on is certain to wake the sleeper; if it answers false Sleep does
// not wait.
func (p *Poller) Sleep(timeout int64, idle func() bool) ([]sys.Event, sys.Errno) {
	p.asleep.Store(1)
	if !idle() {
		p.asleep.Store(0)
		return nil, 0
	}
	events, e := p.take(timeout)
	p.asleep.Store(0)
	return events, e
}

// Wake ends a sleep, or the attempt to fall asleep. It writes the eventfd only
// if the loop really sleeps, and once for each sleep. The caller has made its
// work visible before.
//
// No error is known that the write could answer: EAGAIN would take 2^64 of them. All
// the same it is made again, and at last panics, as epoll_wait does, for a loop that
// nobody can wake sleeps with work left, and says nothing.
func (p *Poller) Wake() {
	if p.asleep.Load() != 1 || !p.asleep.CompareAndSwap(1, 0) {
		return
	}
	for tries := 1; ; tries++ {
		e := p.k.Signal(p.wakefd)
		if e == 0 {
			return
		}
		if tries == wakeTries {
			panic("penstock: write to an eventfd: " + e.Error()) // a descriptor of ours was closed by others
		}
	}
}

const wakeTries = 3

// Asleep says whether the loop waits in the kernel, as far as anybody can know.
func (p *Poller) Asleep() bool { return p.asleep.Load() == 1 }

// take waits once and takes the eventfd's own event out of the batch. The eventfd
// is never read: it is edge-triggered, and each write to it is an edge, whatever
// its count (eventfd_write); 2^64 wake-ups are out of reach.
func (p *Poller) take(timeout int64) ([]sys.Event, sys.Errno) {
	n, e := p.k.EpollWait(p.epfd, p.events, timeout)
	if e != 0 {
		return nil, e
	}
	for i := range n {
		if fd.Token(p.events[i].Token()) == wakeToken {
			p.events[i] = p.events[n-1]
			return p.events[:n-1], 0
		}
	}
	return p.events[:n], 0
}

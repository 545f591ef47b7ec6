package simkernel

import (
	"slices"

	"github.com/penstock/penstock/internal/sys"
)

// An epoll holds items, and those of them that something happened to, in order.
type epoll struct {
	items []*item
	ready []*item
}

// An item is one registration: of an open file, under a number (struct epitem).
type item struct {
	ep     *epoll
	file   *file
	fd     int
	mask   uint32
	token  uint64
	queued bool
}

// always is what epoll tells unasked.
const always = sys.EpollErr | sys.EpollHup

// EpollCreate is epoll_create1(2).
func (k *Kernel) EpollCreate() (int, sys.Errno) {
	if e := k.enter(EpollCreate, -1); e != 0 {
		return -1, e
	}
	return k.install(&file{epoll: new(epoll)})
}

// EpollAdd is epoll_ctl(2), EPOLL_CTL_ADD. What is ready already is an event.
func (k *Kernel) EpollAdd(epfd, fd int, events uint32, token uint64) sys.Errno {
	if e := k.enter(EpollAdd, fd); e != 0 {
		return e
	}
	ef, f := k.get(epfd), k.get(fd)
	switch {
	case ef == nil || f == nil:
		return sys.EBADF
	case ef.epoll == nil || ef == f:
		return sys.EINVAL
	case f.find(ef.epoll, fd) != nil:
		return sys.EEXIST
	}
	it := &item{ep: ef.epoll, file: f, fd: fd, mask: events | always, token: token}
	f.items = append(f.items, it)
	ef.epoll.items = append(ef.epoll.items, it)
	if f.poll()&it.mask != 0 {
		it.queue()
	}
	k.Progress++
	return 0
}

// EpollDel is epoll_ctl(2), EPOLL_CTL_DEL.
func (k *Kernel) EpollDel(epfd, fd int) sys.Errno {
	if e := k.enter(EpollDel, fd); e != 0 {
		return e
	}
	ef, f := k.get(epfd), k.get(fd)
	if ef == nil || f == nil {
		k.Misused++
		return sys.EBADF
	}
	if ef.epoll == nil {
		return sys.EINVAL
	}
	it := f.find(ef.epoll, fd)
	if it == nil {
		k.Misused++
		return sys.ENOENT
	}
	it.remove()
	k.Progress++
	return 0
}

func (f *file) find(ep *epoll, fd int) *item {
	for _, it := range f.items {
		if it.ep == ep && it.fd == fd {
			return it
		}
	}
	return nil
}

// wake is a call of the file's wait queue with a key: what happened to it. Key 0
// wakes all (ep_poll_callback).
func (f *file) wake(key uint32) {
	if f == nil {
		return
	}
	for _, it := range f.items {
		if key == 0 || key&it.mask != 0 {
			it.queue()
		}
	}
}

func (it *item) queue() {
	if !it.queued {
		it.queued = true
		it.ep.ready = append(it.ep.ready, it)
	}
}

func (it *item) remove() {
	it.file.items = without(it.file.items, it)
	it.ep.items = without(it.ep.items, it)
	if it.queued {
		it.ep.ready = without(it.ep.ready, it)
	}
}

func without[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// Ready says that a wait on the epoll of a number would answer at once.
func (k *Kernel) Ready(epfd int) bool {
	f := k.get(epfd)
	if f == nil || f.epoll == nil {
		return false
	}
	for _, it := range f.epoll.ready {
		if it.file.poll()&it.mask != 0 {
			return true
		}
	}
	return false
}

// EpollWait is epoll_wait(2). While nothing is ready it is the Scheduler that waits.
func (k *Kernel) EpollWait(epfd int, events []sys.Event, timeout int64) (int, sys.Errno) {
	if e := k.enter(EpollWait, epfd); e != 0 {
		return 0, e
	}
	f := k.get(epfd)
	switch {
	case f == nil:
		return 0, sys.EBADF
	case f.epoll == nil || len(events) == 0:
		return 0, sys.EINVAL
	}
	n := f.epoll.take(events)
	if n == 0 && timeout != 0 && k.Scheduler != nil {
		deadline := int64(-1)
		if timeout > 0 {
			deadline = k.clock + timeout
		}
		if k.Scheduler.Sleep(epfd, deadline) {
			return 0, 0
		}
		n = f.epoll.take(events)
	}
	k.Progress += uint64(n)
	return n, 0
}

// take answers what is ready of what something happened to. An edge-triggered item is
// then off the list until the next happens; a level-triggered one goes to its end.
func (ep *epoll) take(events []sys.Event) (n int) {
	var again []*item
	for n < len(events) && len(ep.ready) > 0 {
		it := ep.ready[0]
		ep.ready = ep.ready[1:]
		it.queued = false
		mask := it.file.poll() & it.mask
		if mask == 0 {
			continue
		}
		events[n] = sys.MakeEvent(mask, it.token)
		n++
		if it.mask&sys.EpollEdge == 0 {
			again = append(again, it)
		}
	}
	for _, it := range again {
		it.queue()
	}
	return n
}

// poll is what a file is ready for.
func (f *file) poll() uint32 {
	switch {
	case f.sock != nil:
		return f.sock.poll()
	case f.counter != nil && *f.counter > 0:
		return sys.EpollIn | sys.EpollOut
	case f.counter != nil:
		return sys.EpollOut
	}
	return 0
}

// Spurious has every registration of a file told of something that did not happen,
// which a kernel may do.
func (k *Kernel) Spurious(fd int) {
	if f := k.get(fd); f != nil && f.sock != nil {
		f.wake(0)
	}
}

package simkernel

import "github.com/penstock/penstock/internal/sys"

// A file is an open file: what descriptors refer to. It lives until the last of
// them is closed, and so do its registrations with epoll (epoll(7), question 6).
type file struct {
	refs    int
	sock    *sock
	pipe    *pipe
	write   bool // the writing end of pipe
	epoll   *epoll
	counter *uint64 // of an eventfd
	items   []*item
}

// install gives f the lowest number that is free.
func (k *Kernel) install(f *file) (int, sys.Errno) {
	n := k.lowest
	for n < len(k.files) && k.files[n] != nil {
		n++
	}
	if n >= k.Files {
		return -1, sys.EMFILE
	}
	for n >= len(k.files) {
		k.files = append(k.files, nil)
	}
	k.files[n] = f
	k.lowest = n + 1
	f.refs++
	k.Progress++
	return n, 0
}

// get answers the file of a number, nil if it is not open.
func (k *Kernel) get(fd int) *file {
	if fd < 0 || fd >= len(k.files) {
		return nil
	}
	return k.files[fd]
}

// socket answers the socket of a number.
func (k *Kernel) socket(fd int) (*sock, sys.Errno) {
	f := k.get(fd)
	switch {
	case f == nil:
		return nil, sys.EBADF
	case f.sock == nil:
		return nil, sys.ENOTSOCK
	}
	return f.sock, 0
}

// Close is close(2).
func (k *Kernel) Close(fd int) sys.Errno {
	if e := k.enter(Close, fd); e != 0 {
		return e
	}
	f := k.get(fd)
	if f == nil {
		k.Misused++
		return sys.EBADF
	}
	k.files[fd] = nil
	k.lowest = min(k.lowest, fd)
	k.put(f)
	return 0
}

// put takes a reference to f away, and ends it with the last.
func (k *Kernel) put(f *file) {
	k.Progress++
	if f.refs--; f.refs > 0 {
		return
	}
	for len(f.items) > 0 {
		f.items[0].remove()
	}
	switch {
	case f.sock != nil:
		f.sock.file = nil
		f.sock.close()
	case f.pipe != nil:
		f.pipe.ends--
		if f.pipe.ends == 0 {
			k.Piped -= f.pipe.bytes
			k.pipes--
		}
	case f.epoll != nil:
		for len(f.epoll.items) > 0 {
			f.epoll.items[0].remove()
		}
	}
}

// A Hold keeps an open file open, as a process forked off would: closing its
// descriptor then neither ends it nor takes its registrations away.
type Hold struct {
	k *Kernel
	f *file
}

// Hold takes hold of what a number refers to; ok is false if it is not a
// connected socket's.
func (k *Kernel) Hold(fd int) (h Hold, ok bool) {
	f := k.get(fd)
	if f == nil || f.sock == nil || f.sock.state == listening {
		return Hold{}, false
	}
	f.refs++
	return Hold{k, f}, true
}

// Release lets go of it.
func (h Hold) Release() { h.k.put(h.f) }

// Eventfd is eventfd2(2).
func (k *Kernel) Eventfd() (int, sys.Errno) {
	if e := k.enter(Eventfd, -1); e != 0 {
		return -1, e
	}
	return k.install(&file{counter: new(uint64)})
}

// Signal is write(2) of 1 to an eventfd. Its Scheduler is not asked: it is called
// by whoever posts, not by the loop alone.
func (k *Kernel) Signal(fd int) sys.Errno {
	k.Count[Signal]++
	f := k.get(fd)
	switch {
	case f == nil:
		return sys.EBADF
	case f.counter == nil:
		return sys.EINVAL
	}
	*f.counter++
	k.Progress++
	f.wake(sys.EpollIn)
	return 0
}

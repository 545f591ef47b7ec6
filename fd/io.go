package fd

import "github.com/penstock/penstock/internal/sys"

// Recv reads into p. It answers n > 0; or 0 and no error at the end of the
// stream; or an error, EAGAIN meaning that nothing is there.
//
// A short read clears Readable as EAGAIN would, and saves the call that would
// say so. That is sound for TCP (epoll(7), question 9), given that what was in
// the way is ruled out: an end or error behind the bytes (Ended: it arrived with
// the same event, and brings no edge of its own) and the urgent mark, at which
// recv stops (Urgent). What arrives later brings an event of its own. It is not
// sound for Unix sockets: there a read also stops where descriptors were passed.
func (d *FD) Recv(k sys.Kernel, p []byte) (int, sys.Errno) {
	n, e := k.Recv(d.Num(), p, 0)
	if e == sys.EAGAIN && d.ready&Urgent != 0 {
		n, e = d.crossMark(k, p)
	}
	switch {
	case e != 0:
		return 0, d.failed(e, Readable|Urgent)
	case n == 0 && len(p) > 0:
		return 0, d.end()
	case n < len(p) && d.ready&(Ended|Urgent) == 0 && d.kind != sys.Unix:
		d.ready &^= Readable
	}
	return n, 0
}

// crossMark reads again at an urgent mark. There tcp_recvmsg answers EAGAIN also
// when a signal is pending, which the Go scheduler's own are at any time; taken
// for "dry", the rest of the stream would never be read.
func (d *FD) crossMark(k sys.Kernel, p []byte) (n int, e sys.Errno) {
	for range 3 {
		if n, e = k.Recv(d.Num(), p, 0); e != sys.EAGAIN {
			break
		}
	}
	return n, e
}

// end is the end of the stream, unless the socket failed before: the kernel
// answers 0 once its error has been handed out, and that is a cut, not an end.
//
// EPIPE of a Unix socket is no such failure (unreadable).
func (d *FD) end() sys.Errno {
	if d.unreadable() {
		return sys.Errno(d.err)
	}
	d.shut |= readEnd
	d.ready &^= Readable
	return 0
}

// Send writes p, or the part of it that the socket takes.
func (d *FD) Send(k sys.Kernel, p []byte) (int, sys.Errno) {
	n, e := k.Send(d.Num(), p, 0)
	if e != 0 {
		return 0, d.failed(e, Writable)
	}
	return n, 0
}

// Probe asks a socket whose end was read for its error, by a send of nothing:
// after a FIN no read tells of a reset, and SO_ERROR would take the error away
// from whoever should have met it in order.
//
// EPIPE after our own end was sent says only that. Of a Unix socket it says that
// the peer has closed, which is an end and no cut: a TCP peer that closes is told
// by the same FIN as one that shuts its half. There it is a read that tells what
// matters: ECONNRESET if the peer closed without having read all (unix_release_sock).
func (d *FD) Probe(k sys.Kernel) sys.Errno {
	d.ready &^= Broken
	var one [1]byte
	var e sys.Errno
	if d.kind == sys.Unix {
		_, e = k.Recv(d.Num(), one[:], sys.MsgPeek)
	} else {
		_, e = k.Send(d.Num(), nil, 0)
	}
	if e == 0 || e == sys.EAGAIN || e == sys.EPIPE && d.WriteEnded() {
		return d.Err()
	}
	return d.failed(e, 0)
}

// Drain moves up to n bytes from the socket into the EMPTY pipe w, as Recv does
// into memory. The pipe must be empty because EAGAIN of splice(2) also means "no
// room in the pipe", and only with room everywhere does it mean "dry".
//
// At 0 the end is confirmed by a look with recv: splice(2) answers 0 at an urgent
// mark behind which bytes wait, once a FIN has come. Then EAGAIN is answered with
// Urgent set and Readable left, and Recv crosses the mark.
//
// refused reports that splice(2) cannot serve this socket now, no byte having moved,
// and that Recv may. ENOMEM is such an answer, as copying needs no pipe buffers, and so
// is what a kernel or a sandbox answers that does not allow the call (refusal).
// Whatever a socket that has failed answers is a refusal, too: at an urgent mark that
// is its error, or EAGAIN, in front of bytes that recv still reads. e is then what
// splice(2) returned.
func (d *FD) Drain(k sys.Kernel, w, n int) (moved int, refused bool, e sys.Errno) {
	moved, e = k.Splice(d.Num(), w, n)
	switch {
	case e == sys.ENOMEM || e == sys.EAGAIN && d.unreadable():
		return 0, true, e
	case e == sys.EAGAIN:
		return 0, false, d.failed(e, Readable)
	case e != 0:
		if why := d.failure(k, e); why != 0 {
			d.Fail(why)
		}
		return 0, true, e
	case moved == 0:
		return 0, false, d.confirmEnd(k)
	}
	return moved, false, 0
}

// refusal reports whether e is what a kernel or a sandbox says that does not allow a
// call: EINVAL and EOPNOTSUPP for this kind of file, ENOSYS for any, EPERM and EACCES
// by a policy (seccomp(2), an LSM).
func refusal(e sys.Errno) bool {
	switch e {
	case sys.EINVAL, sys.ENOSYS, sys.EOPNOTSUPP, sys.EPERM, sys.EACCES:
		return true
	}
	return false
}

// failure returns the socket's error where splice(2) returned e, 0 if it only refused.
//
// EACCES, EPERM and EOPNOTSUPP look like a refusal, and may be the socket's own error, by
// way of ICMP (tcp_v6_err, tcp_write_err). The kernel hands that out once and reads 0
// from then on, so taken for a refusal it would turn a cut into an end. A socket that
// has bytes, or has nothing now, has not failed. One that reads 0 has ended or has
// failed; only in the latter case a send returns EPIPE. After our own end every send
// does, and the doubt goes against the end. The look with recv may meet an error, which
// it takes from everyone else.
func (d *FD) failure(k sys.Kernel, e sys.Errno) sys.Errno {
	if !refusal(e) {
		return e
	}
	if e == sys.EINVAL || e == sys.ENOSYS || d.kind == sys.Unix {
		return 0 // no error that such a socket has
	}
	var one [1]byte
	switch n, met := k.Recv(d.Num(), one[:], sys.MsgPeek); {
	case met == sys.EAGAIN || n > 0:
		return 0
	case met != 0:
		return met
	}
	if _, dead := k.Send(d.Num(), nil, 0); dead == 0 || dead == sys.EAGAIN {
		return 0
	}
	return e
}

func (d *FD) confirmEnd(k sys.Kernel) sys.Errno {
	var one [1]byte
	n, e := k.Recv(d.Num(), one[:], sys.MsgPeek)
	switch {
	case e == sys.EAGAIN || n > 0:
		d.ready |= Urgent
		return sys.EAGAIN
	case e != 0:
		return d.failed(e, Readable)
	}
	// Read what was looked at: an urgent byte in front of the FIN would stay in the
	// queue, and close(2) answers what stays there with a reset.
	if _, e := k.Recv(d.Num(), one[:], 0); e != 0 {
		return d.failed(e, Readable)
	}
	return d.end()
}

// Pump moves n bytes from the pipe r into the socket. n must be exactly what the
// pipe holds: asked for more, the kernel sets MSG_MORE on the last segment and
// the peer waits 200 ms for it (splice_to_socket). EAGAIN then means "sink full",
// for an empty pipe, its other meaning, is ruled out.
func (d *FD) Pump(k sys.Kernel, r, n int) (int, sys.Errno) {
	moved, e := k.Splice(r, d.Num(), n)
	if e == 0 && moved == 0 {
		e = sys.EIO // cannot be: the pipe holds n bytes and has a writer
	}
	if e != 0 {
		return 0, d.failed(e, Writable)
	}
	return moved, 0
}

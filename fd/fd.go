package fd

import (
	"github.com/penstock/penstock/internal/sys"
)

// An FD is a stream socket that a loop owns. The zero FD is closed.
type FD struct {
	num   int32 // number + 1, so that the zero FD is none
	err   uint16
	ready Ready
	shut  shut
	kind  sys.Family
}

type shut uint8

const (
	readEnd  shut = 1 << iota // the end of the stream was read
	writeEnd                  // our end was sent: shutdown(SHUT_WR)
	writeTry                  // it was tried: each call is an event, even one that fails
)

// Own takes a non-blocking stream socket, which nobody else may close from here
// on. It is taken to be writable, which a fresh socket is, and not readable,
// which its registration will tell.
func Own(num int, f sys.Family) FD {
	return FD{num: int32(num) + 1, kind: f, ready: Writable}
}

// Num is the descriptor's number, -1 once it is closed.
func (d *FD) Num() int { return int(d.num) - 1 }

// Family is the socket's family.
func (d *FD) Family() sys.Family { return d.kind }

// Ready answers the readiness bits.
func (d *FD) Ready() Ready { return d.ready }

// Note adds readiness that an event brought.
func (d *FD) Note(r Ready) { d.ready |= r }

// Err is the first error that the socket met, 0 if none. The kernel hands a
// socket's error out once, to whichever call comes first; whoever meets it keeps
// it here, so that a drain that answers 0 after a pump met the reset is not taken
// for the end of the stream (tcp_recvmsg, sk_stream_error).
func (d *FD) Err() sys.Errno { return sys.Errno(d.err) }

// ReadEnded says that the end of the stream was read.
func (d *FD) ReadEnded() bool { return d.shut&readEnd != 0 }

// WriteEnded says that our end was sent.
func (d *FD) WriteEnded() bool { return d.shut&writeEnd != 0 }

// Fail keeps an error as the socket's, if it is the first, and makes the socket
// ready, so that both of its directions come to look.
func (d *FD) Fail(e sys.Errno) {
	if !d.unreadable() {
		d.err = uint16(e)
	}
	d.ready |= Readable | Writable | Ended
}

// unreadable says that the socket has an error which ends its reading, too. EPIPE of a
// Unix socket says only that its peer does not read any more (unix_shutdown), and what a
// read answers is true all the same: bytes, an end, or ECONNRESET for a peer that closed
// without having read all. Of TCP it may stand for a reset: splice(2) hands the error of
// its second sendmsg to nobody (splice_to_socket).
func (d *FD) unreadable() bool {
	return d.err != 0 && !(d.kind == sys.Unix && sys.Errno(d.err) == sys.EPIPE)
}

// Reread has the end of the stream, or the error, read once more: by whoever
// takes over a socket whose end another has read. No event would tell of it.
func (d *FD) Reread() {
	if d.ReadEnded() || d.err != 0 {
		d.shut &^= readEnd
		d.ready |= Readable
	}
}

// failed handles the outcome of a call on the socket that failed: EAGAIN takes
// back the readiness that the caller named, anything else is kept.
//
// A read that finds nothing on a socket that has failed answers the failure. That
// may have been ours alone, a send for which there was no memory: then no end will
// come from the peer, which knows nothing of it, and no event that ends the wait.
func (d *FD) failed(e sys.Errno, would Ready) sys.Errno {
	if e != sys.EAGAIN {
		d.Fail(e)
		return sys.Errno(d.err)
	}
	d.ready &^= would
	if would&Readable != 0 && d.unreadable() {
		return sys.Errno(d.err)
	}
	return e
}

// Clear takes readiness back: for a descriptor that is not read and written
// through an FD, such as a listener, or not connected yet.
func (d *FD) Clear(r Ready) { d.ready &^= r }

package splice

import (
	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// When to change from copying to splicing and back. Splicing saves the copy, and
// costs a pipe's bookkeeping for each segment: at messages of 1,000 B the two cost
// the same, in bulk splicing costs half.
const (
	// A transfer splices once toSplice reads in a row filled the buffer, or, as
	// bulk may come in smaller pieces, came to bulkRead or more.
	bulkRead = 32 << 10
	toSplice = 2
	// It copies again once toCopy drains in a row brought less than smallDrain.
	smallDrain = 8 << 10
	toCopy     = 4
	// After splice was refused, so many reads are copied before it is tried again.
	denials = 16
)

// drain takes what the source has, by splicing or copying. Nothing is in flight
// when it is called.
func (t *transfer) drain(m Mode) {
	if t.wantsSplice(m) && t.drainPipe(m) {
		return
	}
	t.drainBuffer(m)
}

// wantsSplice chooses the way. Splice cannot cross an urgent mark; recv does.
func (t *transfer) wantsSplice(m Mode) bool {
	switch {
	case m == Copy || t.src.FD().Ready()&fd.Urgent != 0:
		return false
	case t.denied > 0:
		t.denied--
		return false
	}
	return m == Splice || t.splicing
}

// drainPipe splices from the source into an empty pipe. It answers false, with
// nothing moved, if the bytes must be copied: there is no pipe, splice is
// refused, or an urgent mark is in the way.
func (t *transfer) drainPipe(m Mode) bool {
	l := t.src.Loop()
	pipe := l.LeasePipe(t.flowed >= proven)
	if pipe == nil {
		t.deny()
		return false
	}
	l.Count().Drains++
	n, refused, e := t.src.FD().Drain(l.Kernel(), pipe.W, pipe.Size)
	if n > 0 {
		l.SpliceAllowed(true)
		pipe.Bytes = n
		t.pipe = pipe
		t.took(n)
		t.judge(m, n < smallDrain, toCopy)
		return true
	}
	l.PutPipe(pipe)
	switch {
	case refused:
		if e != sys.ENOMEM && t.src.FD().Err() == 0 { // neither the memory nor the socket
			l.SpliceAllowed(false)
		}
		t.deny()
		return false
	case e == sys.EAGAIN:
		return t.src.FD().Ready()&fd.Urgent == 0 // dry; at a mark, copy
	}
	t.sourceEnded(e)
	return true
}

func (t *transfer) deny() {
	t.denied = denials
	t.src.Loop().Count().SpliceDenied++
}

// drainBuffer reads into a buffer.
func (t *transfer) drainBuffer(m Mode) {
	l := t.src.Loop()
	buf := l.LeaseBuffer()
	urgent := t.src.FD().Ready()&fd.Urgent != 0
	l.Count().Recvs++
	n, e := t.src.FD().Recv(l.Kernel(), buf.B)
	if urgent && t.src.FD().Ready()&fd.Urgent == 0 {
		l.Count().UrgentMarks++
	}
	if n > 0 {
		buf.To = n
		t.buf = buf
		t.took(n)
		if !t.splicing { // else it copies for a moment only, and what it sees says nothing
			t.judge(m, n >= bulkRead, toSplice)
		}
		return
	}
	l.PutBuffer(buf)
	if e != sys.EAGAIN {
		t.sourceEnded(e)
	}
}

func (t *transfer) took(n int) {
	l := t.src.Loop()
	l.Count().InFlight += n
	l.Spend(n)
	t.last = l.Now()
	t.state = pumping
}

// judge counts drains that speak for the other way, and goes over to it when
// enough have come in a row.
func (t *transfer) judge(m Mode, other bool, enough int8) {
	if m != Auto || !other {
		t.streak = 0
		return
	}
	if t.streak++; t.streak < enough {
		return
	}
	t.streak = 0
	t.splicing = !t.splicing
	if t.splicing {
		t.src.Loop().Count().ToSplice++
	} else {
		t.src.Loop().Count().ToCopy++
	}
}

// sourceEnded is the end of the stream, e being 0, or the failure of the source.
// All that came before it has been pumped. The relay passes it on.
func (t *transfer) sourceEnded(e sys.Errno) {
	if e != 0 {
		t.state = failed
		return
	}
	t.last = t.src.Loop().Now() // the peer did something
	t.state = done
}

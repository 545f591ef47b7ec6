package bulk

import (
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
)

// A writer is the part of a stream that sends.
type writer struct {
	out  content.Stream
	size int    // bytes of a write
	buf  []byte // a frame
	rest []byte // of it, or of the hello: not sent yet
	kind byte   // of that frame; 0: the hello
	at   uint64 // bytes of all frames before
	sent uint64 // bytes of data frames

	told   uint64 // bytes that the other end was told are right
	toldAt int64
}

// A report is due when so much has come since the last one, or some of it so long ago:
// often enough for the figures of a second, and rarely enough to cost a relay nothing.
const (
	reportEvery = 4 << 20
	reportAfter = 100 * time.Millisecond
)

// smallestFrame keeps headers rare when writes are small: a frame takes several then.
const smallestFrame = 8 << 10

// send sends what is due, within the budget.
func (s *Stream) send() error {
	d, l := s.c.FD(), s.c.Loop()
	for d.Ready()&fd.Writable != 0 && l.Left() > 0 && s.due() {
		n, e := s.write()
		switch {
		case e == sys.EAGAIN:
			return nil
		case e != 0:
			return s.failed("write", e)
		}
		s.moved = l.Now()
		l.Spend(n)
	}
	return nil
}

// shutDown sends our end, once everything before it is sent.
func (s *Stream) shutDown() error {
	if s.halting && !s.shut && len(s.rest) == 0 && (!s.verify || s.kind == end) {
		s.shut = true
		if e := s.c.FD().ShutdownWrite(s.c.Loop().Kernel()); e != 0 {
			return s.failed("shutdown", e)
		}
	}
	return nil
}

// due says whether something is to be sent, and composes it if it is a frame.
func (s *Stream) due() bool {
	switch {
	case len(s.rest) > 0:
	case s.shut || !s.greeted:
		return false
	case !s.verify:
		return s.sends && !s.halting
	case s.halting:
		if s.kind == end {
			return false
		}
		s.compose(end)
	case s.sends:
		s.compose(data)
	case s.unreported():
		s.compose(report)
	default:
		return false
	}
	return true
}

func (s *Stream) unreported() bool {
	news := s.checked - s.told
	return news >= reportEvery || news > 0 && s.c.Loop().Now()-s.toldAt >= int64(reportAfter)
}

// compose makes the next frame.
func (s *Stream) compose(kind byte) {
	if s.buf == nil {
		n := headerSize
		if s.sends {
			n = max(s.size, smallestFrame)
		}
		s.buf = make([]byte, n)
	}
	h := header{kind: kind, at: s.at, checked: s.checked, wrong: s.wrong}
	s.rest, s.kind = s.buf[:headerSize], kind
	if kind == data {
		s.rest = s.buf
		h.length = len(s.buf) - headerSize
		s.out.Fill(s.buf[headerSize:])
	}
	h.put(s.buf)
	s.at += uint64(len(s.rest))
	s.told, s.toldAt = s.checked, s.c.Loop().Now()
}

// write makes one call that sends.
func (s *Stream) write() (n int, e sys.Errno) {
	d, k := s.c.FD(), s.c.Loop().Kernel()
	switch {
	case len(s.rest) > 0:
		n, e = d.Send(k, s.rest[:min(len(s.rest), s.size)])
		s.rest = s.rest[n:]
		if s.kind == data {
			s.sent += uint64(n)
			s.owner.Moved(n, 0, 0)
		}
		return n, e
	case s.light != nil:
		n, e = s.sendFile()
	default:
		n, e = d.Send(k, plainBytes[:min(s.size, len(plainBytes))])
	}
	s.owner.Moved(n, 0, 0)
	return n, e
}

// plainBytes are what a plain stream consists of.
var plainBytes = func() []byte {
	b := make([]byte, 1<<20)
	new(content.Stream).Fill(b)
	return b
}()

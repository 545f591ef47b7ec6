package bulk

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/content"
)

// A checker is the part of a stream that receives frames.
type checker struct {
	in       content.Stream
	held     []byte // of a hello or a header that has not come whole
	position uint64 // bytes of all frames
	left     int    // of the content of a frame
	checked  uint64 // bytes of data frames that came and were right
	wrong    uint64 // where in the stream one was not; none: nowhere
	fault    error  // what was wrong, of an end that goes on to tell the other

	confirmed uint64 // bytes of data frames that the other end says were right
	ended     bool   // the other end's last frame was read
}

// greet reads a hello, and leaves in b what comes after it. A sink that is sent anything
// else is a plain one; a source would never be asked for anything.
func (s *Stream) greet(b *[]byte) error {
	n := min(helloSize-len(s.held), len(*b))
	s.held = append(s.held, (*b)[:n]...)
	known := min(len(s.held), len(helloMagic))
	switch {
	case !bytes.Equal(s.held[:known], helloMagic[:known]) && s.asked:
		return errNoHello
	case !bytes.Equal(s.held[:known], helloMagic[:known]):
		s.greeted, s.verify = true, false
		s.owner.Moved(0, len(s.held), 0)
	case len(s.held) < helloSize:
	default:
		h, err := parseHello(s.held)
		if err != nil {
			return err
		}
		s.greeted, s.verify, s.sends, s.size = true, true, h.receives(), h.size
		s.in.K, s.out.K = h.k, opposite(h.k)
		s.held = s.held[:0]
	}
	*b = (*b)[n:]
	return nil
}

// parse takes in bytes of frames.
func (s *Stream) parse(b []byte) error {
	for len(b) > 0 {
		if s.left > 0 {
			n := min(s.left, len(b))
			if err := s.in.Verify(b[:n]); err != nil {
				return &result.Fault{Kind: wrongByte, Detail: err.Error()}
			}
			s.left -= n
			s.right(n, n)
			b = b[n:]
			continue
		}
		n := min(headerSize-len(s.held), len(b))
		s.held = append(s.held, b[:n]...)
		b = b[n:]
		if len(s.held) < headerSize {
			continue
		}
		h, err := parseHeader(s.held, s.position)
		s.held = s.held[:0]
		if err == nil {
			err = s.begins(h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// right counts bytes of data frames that came and were right, and how many are
// verified by that.
func (s *Stream) right(n, verified int) {
	s.position += uint64(n)
	s.checked += uint64(n)
	s.owner.Moved(0, n, verified)
}

var (
	errNoHello      = errors.New("a client of a source that sends no hello")
	errFalseAccount = errors.New("wrong byte: the other end's account of what it got cannot be")
	errAfterEnd     = errors.New("wrong byte: bytes after the end")
)

// begins takes in the header of a frame.
func (s *Stream) begins(h header) error {
	switch {
	case s.ended:
		return errAfterEnd
	case h.wrong != none:
		return &result.Fault{Kind: wrongByte + ", found by the other end", Detail: fmt.Sprintf("at byte %d of the stream", h.wrong)}
	case h.checked < s.confirmed || h.checked > s.sent:
		return errFalseAccount
	}
	news := int(h.checked - s.confirmed)
	s.confirmed = h.checked
	if !s.client {
		news = 0 // counted where it was sent
	}
	switch h.kind {
	case data:
		s.left = h.length
		s.right(headerSize, headerSize)
	case end:
		s.ended = true
		if s.client && !s.halting {
			return errEarly
		}
		s.halting = true
		fallthrough
	default:
		s.position += headerSize
	}
	s.owner.Moved(0, 0, news)
	return nil
}

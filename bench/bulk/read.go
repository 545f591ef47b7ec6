package bulk

import (
	"io"

	"github.com/penstock/penstock/loop"
)

// receive takes in what has come, within the budget.
func (s *Stream) receive() error {
	for !s.c.FD().ReadEnded() {
		b, n, err := s.read()
		switch {
		case err == loop.ErrAgain:
			return nil
		case err == io.EOF:
			return s.otherEnded()
		case err != nil:
			return err
		}
		s.moved = s.c.Loop().Now()
		if err := s.take(b, n); err != nil {
			return err
		}
	}
	return nil
}

// read answers bytes, or of a light stream how many have been thrown away.
func (s *Stream) read() (b []byte, n int, err error) {
	if s.light != nil {
		n, err = s.discard()
		return nil, n, err
	}
	b, err = s.c.Next()
	return b, len(b), err
}

// take takes in bytes of whatever kind they are.
func (s *Stream) take(b []byte, n int) error {
	if !s.greeted {
		if err := s.greet(&b); err != nil || len(b) == 0 {
			return err
		}
		n = len(b)
	}
	switch {
	case !s.verify:
		s.owner.Moved(0, n, 0)
		return nil
	case s.fault != nil: // what follows a wrong byte tells nothing
		return nil
	}
	err := s.parse(b)
	if err == nil || s.client {
		return err
	}
	// The client is to know. Its end is waited for, since a reset would destroy what it
	// has not read yet.
	s.fault, s.wrong, s.halting = err, s.in.Pos, true
	s.lastWords()
	return nil
}

// otherEnded is the other end's FIN.
func (s *Stream) otherEnded() error {
	switch {
	case s.client && !s.halting && s.sends && s.verify && !s.ended:
		return errNoAccount
	case s.client && !s.halting:
		return errEarly
	}
	s.halting = true
	return nil
}

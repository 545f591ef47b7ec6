// Package bulk moves streams of bytes as fast as connections take them: the load's
// end and the other end of it are the same machine.
//
// A verified stream is content that names its owner (internal/content), in frames that
// say how many bytes came before, and what their sender has received and found right.
// So each end knows that the other one got everything, while it goes on and at the
// end. A plain stream is bytes and nothing else, for other ends that know no frames. A
// light one is plain, and the process touches no byte of it: it sends pages of a file,
// and has what arrives thrown away by the kernel.
package bulk

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// An Owner is told what becomes of a stream, on its loop.
type Owner interface {
	// Moved says how many bytes of the stream were sent, received, and came to be
	// known as right: here, or, of those that were sent, by the other end.
	Moved(sent, received, verified int)
	// Ended is the last call: the connection is closed. err is nil after an end in
	// order, with everything verified that was to be.
	Ended(s *Stream, err error)
}

// A Config is what a stream does.
type Config struct {
	Direction string // of the client: plan.Up, Down or Both
	Size      int    // bytes of a write
	Verify    bool
	K         uint64 // whose bytes they are, of a verified stream
	Light     *Light // nil: none
}

// A Stream is one connection: a loop.Task, as a relay is, so that it reads and writes
// within the loop's budget for a visit, and from where the bytes are.
type Stream struct {
	c       *loop.Conn
	owner   Owner
	light   *Light
	client  bool
	verify  bool
	sends   bool
	greeted bool // the hello is behind us
	asked   bool // nothing is done without one
	writer
	checker

	turn    bool // which direction goes first
	halting bool // nothing new is sent
	shut    bool // our end was sent
	over    bool
	moved   int64 // when something did, by the loop's clock
	patient loop.Timer
}

// lastWords is how long an end waits for the other one where nothing that matters can
// come any more: of a plain stream, and after a wrong byte.
const lastWords = time.Second

// Client makes the stream of a connection that was dialled. It begins with Begin.
func Client(c *loop.Conn, cfg Config, o Owner) *Stream {
	h := hello{direction: cfg.Direction, k: cfg.K, size: cfg.Size}
	s := newStream(c, o, cfg.Light, cfg.Size)
	s.client, s.verify, s.greeted, s.sends = true, cfg.Verify, true, h.sends()
	if cfg.Verify {
		s.out.K, s.in.K = cfg.K, opposite(cfg.K)
		s.rest = h.append(nil)
	}
	return s
}

// Serve makes the other end of a client's stream, which the client's hello says how to
// send and receive. A client that sends none sends a plain stream, which a source
// refuses. With light both ends are plain, and a source sends at once, whatever comes.
func Serve(c *loop.Conn, source bool, light *Light, o Owner) *Stream {
	s := newStream(c, o, light, servedSize)
	s.greeted, s.asked, s.sends = light != nil, source, source && light != nil
	return s
}

// servedSize is the size of a write to a client that has not said which.
const servedSize = 256 << 10

func newStream(c *loop.Conn, o Owner, light *Light, size int) *Stream {
	return &Stream{c: c, owner: o, light: light, writer: writer{size: size}, checker: checker{wrong: none}}
}

// Begin has the stream begin. On an error (net.ErrClosed, if the connection has ended
// meanwhile) the owner is told nothing.
func (s *Stream) Begin() error {
	s.moved = s.c.Loop().Now()
	if err := s.light.acquire(); err != nil {
		return err
	}
	if err := s.c.Attend(s); err != nil {
		s.light.release()
		return err
	}
	return nil
}

// Abandon resets the connection of a stream that has not begun, and tells nobody.
func (s *Stream) Abandon() {
	s.over = true
	s.c.Abort()
}

// Halt sends nothing more but what is under way, and our end. Of a verified stream the
// other end's account is waited for.
func (s *Stream) Halt() {
	if s.over || s.halting {
		return
	}
	s.halting = true
	if !s.verify {
		s.lastWords()
	}
	s.c.Loop().Wake(&s.c.Registration)
}

// LastMove is when something moved, by the loop's clock.
func (s *Stream) LastMove() int64 { return s.moved }

// Ready is part of loop.Task. The directions take turns in going first, since they
// share a budget.
func (s *Stream) Ready(*loop.Registration) (again bool) {
	first, second := s.send, s.receive
	if s.turn = !s.turn; s.turn {
		first, second = second, first
	}
	err := first()
	if err == nil {
		err = second()
	}
	if err == nil {
		err = s.shutDown()
	}
	d := s.c.FD()
	switch {
	case err != nil:
		s.end(err, true)
		return false
	case s.shut && d.ReadEnded():
		s.end(s.account(), false)
		return false
	}
	return s.unfinished()
}

// unfinished says that the budget alone is why nothing is done.
func (s *Stream) unfinished() bool {
	d := s.c.FD()
	return d.Ready()&fd.Readable != 0 && !d.ReadEnded() || d.Ready()&fd.Writable != 0 && s.due()
}

// account is the last look, when both ends have ended.
func (s *Stream) account() error {
	switch {
	case !s.verify || !s.client && s.fault == nil:
		return nil
	case s.fault != nil:
		return s.fault
	case !s.ended:
		return errNoAccount
	case s.confirmed != s.sent:
		return fmt.Errorf("bytes lost: %d of %d bytes reached the other end", s.confirmed, s.sent)
	}
	return nil
}

var (
	errNoAccount = errors.New("the other end ended without an account of what it got: if it is no `serve`, --no-verify asks for none")
	errEarly     = errors.New("the other end ended early")
	errStalled   = errors.New("nothing moves")
)

// Stalled ends a stream on which nothing moves.
func (s *Stream) Stalled() {
	err := errStalled
	if s.client && !s.verify && !s.sends {
		err = fmt.Errorf("%w: a `serve source` without --light waits for the hello of a stream that is verified", err)
	}
	s.end(err, true)
}

// Fail is part of loop.Task.
func (s *Stream) Fail(err error) { s.end(err, true) }

// end closes the connection and tells the owner.
func (s *Stream) end(err error, reset bool) {
	if s.over {
		return
	}
	s.over = true
	s.c.Loop().Disarm(&s.patient)
	s.c.Release(reset)
	s.light.release()
	s.owner.Ended(s, err)
}

// lastWords bounds the wait for the other end's end.
func (s *Stream) lastWords() {
	s.c.Loop().Arm(&s.patient, lastWords, (*impatient)(s))
}

type impatient Stream

func (s *impatient) Expire() { (*Stream)(s).end(s.fault, true) }

// failed is why a call on the connection failed.
func (s *Stream) failed(op string, e sys.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: s.c.RemoteAddr(), Err: e}
}

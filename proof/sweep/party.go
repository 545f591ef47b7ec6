package sweep

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
)

// How a party's connection ended, as it saw it.
const (
	endClean   = "end"     // the end of the stream
	endReset   = "reset"   // or refused
	endStalled = "stalled" // neither, until its patience was over
	endSelf    = "own"     // it reset the connection itself
	endAbsent  = "absent"  // it never had one
	endForeign = "foreign" // a byte was not what it should have been
)

// A party is one peer of the target: a client or a backend.
type party struct {
	name     string
	sends    uint64 // bytes of the stream out
	piece    int    // bytes in a write; 0: all
	lockstep bool   // every write waits until as many pieces have come
	after    int    // less so many: who asks, asks one ahead
	late     bool   // it begins to read when queues have had the time to fill
	holds    bool   // it does not end of itself
	resets   uint64 // it resets when its peer has received so many bytes; 0: it does not
	out, in  content.Stream
	peer     *party // whose stream it receives: itself, for an echo

	got      atomic.Uint64
	finished atomic.Bool // everything was sent, and then the end
	broken   atomic.Bool // a call told of a reset, or of no more patience
	over     atomic.Bool // it receives nothing any more, however that came
	until    time.Time   // its patience ends then
	ended    chan struct{}
	end      string
	detail   error
}

// talk sends and receives until both are over, and notes the end.
func (p *party) talk(c net.Conn, patience time.Duration) {
	p.until = time.Now().Add(patience)
	c.SetDeadline(p.until)
	var sending sync.WaitGroup
	var failed error
	sending.Add(1)
	go func() {
		defer sending.Done()
		if failed = p.send(c); failed != nil {
			p.broken.Store(true)
		}
	}()
	if p.late {
		time.Sleep(8 * time.Millisecond)
	}
	err := p.receive(c)
	if err != nil {
		p.broken.Store(true)
	}
	p.over.Store(true)
	sending.Wait()
	p.conclude(err, failed)
	if p.end == endStalled || p.end == endForeign {
		c.(*net.TCPConn).SetLinger(0)
	}
	c.Close()
}

var errOwnReset = errors.New("own reset")

func (p *party) send(c net.Conn) error {
	size := p.piece
	if size == 0 {
		size = int(p.sends)
	}
	for i := uint64(1); p.out.Pos < p.sends; i++ {
		if p.lockstep && !p.await(p, (int64(i)-int64(p.after))*int64(size)) {
			return nil
		}
		if err := p.out.Send(c, min(uint64(size), p.sends-p.out.Pos), func() int { return size }); err != nil {
			return err
		}
	}
	if p.resets > 0 {
		if p.await(p.peer, int64(p.resets)) {
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			return errOwnReset
		}
		return nil
	}
	p.finished.Store(!p.holds || p.peer == p)
	if p.holds {
		return nil
	}
	return c.(*net.TCPConn).CloseWrite()
}

// await waits until who has received so many bytes, and returns false if that will
// not be, or not within p's patience: who may never have been dialled.
func (p *party) await(who *party, n int64) bool {
	for int64(who.got.Load()) < n {
		if p.broken.Load() || who.broken.Load() || who.over.Load() || time.Now().After(p.until) {
			return int64(who.got.Load()) >= n
		}
		time.Sleep(100 * time.Microsecond)
	}
	return true
}

func (p *party) receive(c net.Conn) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		if bad := p.in.Verify(buf[:n]); bad != nil {
			p.end, p.detail = endForeign, bad
			return bad
		}
		p.got.Add(uint64(n))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// conclude turns the errors of both directions into the end that the party saw.
// The kernel hands a reset out once, to whichever call comes first.
func (p *party) conclude(reading, writing error) {
	switch {
	case p.end == endForeign:
	case errors.Is(writing, errOwnReset):
		p.end = endSelf
	case isReset(reading) || isReset(writing):
		p.end = endReset
	case errors.Is(reading, os.ErrDeadlineExceeded) || errors.Is(writing, os.ErrDeadlineExceeded):
		p.end = endStalled
	case reading != nil || writing != nil:
		p.end, p.detail = endForeign, errors.Join(reading, writing)
	default:
		p.end = endClean
	}
}

func isReset(err error) bool {
	return errors.Is(err, sys.ECONNRESET) || errors.Is(err, sys.EPIPE) || errors.Is(err, sys.ECONNREFUSED) ||
		errors.Is(err, sys.ENOTCONN)
}

// cut says that the stream to p ended as if it were whole, and was not.
func (p *party) cut() bool {
	return p.end == endClean && (!p.peer.finished.Load() || p.got.Load() != p.peer.sends)
}

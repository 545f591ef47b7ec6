package soak

import (
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/internal/content"
)

// A talk is one side of one connection, under way.
type talk struct {
	half
	plan     *plan
	conn     *net.TCPConn
	rec      *record
	out, in  content.Stream
	random   *rand.Rand
	patience time.Duration
	moved    atomic.Int64 // when a byte last moved, ns
	leaving  atomic.Bool  // this side has cut the connection
	slept    uint64       // Received at the last sleep
	buf      []byte       // to write from
}

// stream names what a side sends. The echo service sends the client's own back.
func (p *plan) stream(from side) content.Stream {
	if p.service == echo {
		from = client
	}
	return content.Stream{K: 2*p.k + uint64(from)}
}

func newTalk(p *plan, rec *record, conn *net.TCPConn, patience time.Duration) *talk {
	t := &talk{
		half: p.half[rec.Side], plan: p, conn: conn, rec: rec, patience: patience,
		out: p.stream(rec.Side), in: p.stream(1 - rec.Side),
		random: rand.New(rand.NewPCG(p.k, uint64(rec.Side))),
	}
	conn.SetKeepAliveConfig(keepAlive)
	if t.pace.window > 0 {
		conn.SetReadBuffer(t.pace.window)
	}
	t.touch()
	return t
}

// keepAlive is short: a reset that a dead link swallowed is found by a probe only.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: 2 * time.Second, Count: 9}

// run lives the plan, and fills in the record. It closes the connection.
func (t *talk) run() {
	defer t.conn.Close()
	switch {
	case t.end == abandon && t.at == 0:
		t.leave()
	case t.plan.order == pingpong:
		t.alternate()
	case t.plan.order == reply && t.rec.Side == backend:
		if t.receive(math.MaxUint64); t.rec.Read == ended {
			t.sendAll()
		}
	default:
		t.both()
	}
}

// both sends and receives at once. The kernel tells of a reset only once: if the
// writer is told, the reader reads an end, which is none. Then the socket is closed,
// where behind an end it waits for ours.
func (t *talk) both() {
	var writer sync.WaitGroup
	writer.Go(t.sendAll)
	t.receive(math.MaxUint64)
	over := t.rec.Read == ended && isClosed(t.conn)
	writer.Wait()
	if over && t.rec.Write == reset {
		t.rec.Read = reset
	}
}

// alternate sends and receives in rounds; the client begins, and ends.
func (t *talk) alternate() {
	up, down := t.plan.half[client].bytes/t.plan.rounds, t.plan.half[backend].bytes/t.plan.rounds
	for range t.plan.rounds {
		if t.rec.Side == client && !(t.send(up) && t.receive(down)) ||
			t.rec.Side == backend && !(t.receive(up) && t.send(down)) {
			return
		}
	}
	if t.rec.Side == backend {
		t.receive(math.MaxUint64)
	}
	t.shut()
	if t.rec.Side == client {
		t.receive(math.MaxUint64)
	}
}

func (t *talk) sendAll() {
	if t.send(t.bytes) {
		t.shut()
	}
}

// send writes the next n bytes of the stream, and says whether it went on.
func (t *talk) send(n uint64) bool {
	if t.buf == nil {
		t.buf = make([]byte, t.chunk)
	}
	for end := t.out.Pos + n; t.out.Pos < end; {
		if t.end == cut && t.out.Pos >= t.at {
			t.leave()
			t.rec.Write = left
			return false
		}
		if t.urgent == t.out.Pos+1 {
			t.urgent = 0
			if err := sendUrgent(t.conn); err != nil {
				t.rec.Write = t.outcomeOf(err)
				return false
			}
		}
		p := t.buf[:min(uint64(t.writeSize()), t.until(end))]
		t.out.Fill(p)
		m, err := t.conn.Write(p)
		t.rec.Sent += uint64(m)
		if err != nil {
			t.rec.Write = t.outcomeOf(err)
			return false
		}
		t.touch()
	}
	return true
}

func (t *talk) writeSize() int {
	if t.even {
		return t.chunk
	}
	return 1 + t.random.IntN(t.chunk)
}

// until is how many bytes may be written before something else is to be done.
func (t *talk) until(end uint64) uint64 {
	if t.end == cut {
		end = min(end, t.at)
	}
	if t.urgent > t.out.Pos+1 {
		end = min(end, t.urgent-1)
	}
	return end - t.out.Pos
}

func (t *talk) shut() {
	if err := t.conn.CloseWrite(); err != nil {
		t.rec.Write = t.outcomeOf(err)
		return
	}
	t.rec.Write = ended
}

// receive reads and checks the next n bytes, or all to the end, and says whether
// it got n.
func (t *talk) receive(n uint64) bool {
	buf := make([]byte, t.pace.buffer)
	for end := t.rec.Received + min(n, math.MaxInt64); t.rec.Received < end; {
		t.dawdle()
		m, err := t.conn.Read(buf[:min(uint64(len(buf)), end-t.rec.Received)])
		if bad := t.in.Verify(buf[:m]); bad != nil {
			t.rec.Read, t.rec.Err = wrong, bad.Error()
			t.leaving.Store(true)
			t.conn.SetLinger(0)
			t.conn.Close()
			return false
		}
		t.rec.Received += uint64(m)
		if err != nil {
			t.rec.Read = t.outcomeOf(err)
			if t.rec.Read == failed {
				t.rec.Err = err.Error()
			}
			return false
		}
		t.touch()
		if t.end == abandon && t.rec.Received >= t.at {
			t.leave()
			t.rec.Read = left
			return false
		}
	}
	return true
}

// dawdle is how slow readers are slow.
func (t *talk) dawdle() {
	if t.pace.stallAt > 0 && t.rec.Received >= t.pace.stallAt {
		t.pace.stallAt = 0
		time.Sleep(time.Second)
	}
	if t.pace.every > 0 && t.rec.Received-t.slept >= t.pace.every {
		t.slept = t.rec.Received
		time.Sleep(time.Duration(t.pace.sleep) * time.Millisecond)
	}
}

// leave cuts the connection: by a reset, or by a close with whatever is unread.
func (t *talk) leave() {
	t.rec.Left = t.end
	t.leaving.Store(true)
	if t.end == cut {
		t.conn.SetLinger(0)
	}
	t.conn.Close()
}

// touch puts the deadline off: a byte has moved.
func (t *talk) touch() {
	now := time.Now()
	if last := t.moved.Load(); now.UnixNano()-last > int64(t.patience/32) {
		t.moved.Store(now.UnixNano())
		t.conn.SetDeadline(now.Add(t.patience))
	}
}

func (t *talk) outcomeOf(err error) outcome {
	if t.leaving.Load() {
		return left
	}
	return outcomeOf(err)
}

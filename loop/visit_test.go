package loop

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"golang.org/x/sys/unix"
)

// A read needs something left of the visit's budget. With nothing left it takes nothing,
// and the connection's task runs again; with one byte left it takes all that fits.
func TestReadNeedsBudget(t *testing.T) {
	for _, c := range []struct{ left, want int }{{-1, 0}, {0, 0}, {1, 3}} {
		l := newTestLoop(t)
		conn, peer := newTestConn(t, l)
		unix.Write(peer, []byte("abc"))
		l.turn(false)
		l.left = c.left
		p := make([]byte, 8)
		n, err := conn.Read(p)
		if n != c.want || (n == 0) != (err == ErrAgain) || string(p[:n]) != "abc"[:n] {
			t.Errorf("with %d bytes left: read %q, %v; want %d bytes", c.left, p[:n], err, c.want)
		}
		if n == 0 && !conn.queued {
			t.Errorf("with %d bytes left: the connection is not visited again", c.left)
		}
		if n > 0 && (l.count.BytesIn != 3 || l.left != c.left-opBytes) {
			t.Errorf("%d bytes counted, %d left", l.count.BytesIn, l.left)
		}
		if left := l.left; n == 0 && left != c.left {
			t.Errorf("a read of nothing left %d of %d", left, c.left)
		}
	}
}

// A read outside of the connection's own visit has the task run for what is left.
func TestReadOutsideOfAVisitComesBackForTheRest(t *testing.T) {
	l := newTestLoop(t)
	c, peer := newTestConn(t, l)
	unix.Write(peer, []byte("abc"))
	l.turn(false)
	for _, within := range []bool{true, false} {
		l.left, l.visited = visitBytes, nil
		if within {
			l.visited = &c.Registration
		}
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil || c.queued == within {
			t.Errorf("within its visit %v: read %d, %v, visited again %v", within, n, err, c.queued)
		}
	}
	l.visited = nil
	l.turn(false)
}

// What Write and Flush send: 255 KiB of one connection in a turn, and the rest is queued
// and follows, as far as the visit's budget goes.
func TestWriteSendsItsShareOfATurn(t *testing.T) {
	l := newTestLoop(t)
	k := &swallow{Kernel: l.k}
	l.k = k
	c, _ := newTestConn(t, l)
	const all = 1 << 20
	if room := c.room(); room != 255<<10 {
		t.Errorf("%d bytes may be sent in a turn", room)
	}
	if n, err := c.Write(make([]byte, 100)); n != 100 || err != nil || c.room() != 254<<10 {
		t.Errorf("%d, %v, and room for %d", n, err, c.room())
	}
	if n, err := c.Write(make([]byte, 1025)); n != 1025 || err != nil || c.room() != 252<<10 {
		t.Errorf("%d, %v, and room for %d", n, err, c.room())
	}
	l.turn(false)
	k.sent = 0
	if n, err := c.Write(make([]byte, all)); n != all || err != nil {
		t.Fatal(n, err)
	}
	var sent []int
	for k.sent < all && len(sent) < 100 {
		if c.Buffered() != all-k.sent || l.count.InFlight != all-k.sent || c.room() != 0 && len(sent) == 0 {
			t.Fatalf("%d are sent, %d queued, %d counted, room for %d", k.sent, c.Buffered(), l.count.InFlight, c.room())
		}
		if !c.Congested() {
			t.Error("a queue above its high mark is not congested")
		}
		sent = append(sent, k.sent)
		l.turn(false)
	}
	// A chunk is 64 KiB, and the budget is 256 KiB.
	if want := []int{255 << 10, 511 << 10, 767 << 10, 1023 << 10}; !slices.Equal(sent, want) {
		t.Errorf("sent after each turn %d, want %d", sent, want)
	}
	if c.out != nil || c.fd.Ready()&fd.Writable == 0 || l.count.BytesOut != all+1125 {
		t.Errorf("%d bytes are queued, %d were sent", c.Buffered(), l.count.BytesOut)
	}
}

// What a read returns when there is nothing to take, and which calls it makes.
func TestReadOfNothingMakesNoMoreCallsThanItMust(t *testing.T) {
	l := newTestLoop(t)
	c, peer := newTestConn(t, l)
	l.left, l.visited = visitBytes, nil
	read := func(what string, p []byte, want int, wantErr error, calls int) {
		t.Helper()
		before := l.count.Recvs
		n, err := c.Read(p)
		if got := l.count.Recvs - before; n != want || err != wantErr || int(got) != calls || c.queued {
			t.Errorf("%s: %d, %v, %d calls, visited again %v", what, n, err, got, c.queued)
		}
	}
	p := make([]byte, 8)
	c.fd.Clear(fd.Readable)
	read("nothing is there", p, 0, ErrAgain, 0)
	c.fd.Note(fd.Readable)
	read("no room", nil, 0, nil, 0)
	read("a false event", p, 0, ErrAgain, 1)
	unix.Write(peer, []byte("abc"))
	unix.Shutdown(peer, unix.SHUT_WR)
	c.fd.Note(fd.Readable)
	l.visited = &c.Registration
	read("bytes", p, 3, nil, 1)
	c.fd.Note(fd.Readable)
	read("the end", p, 0, io.EOF, 1)
	read("after the end", p, 0, io.EOF, 0)
	if c.flags&touched == 0 {
		t.Error("the reads have left no mark")
	}
}

// A source that waits for room in a queue is visited once a write of the queue fails, and
// reads on, whether anything has come for it or not: nothing else would tell it.
func TestFailedFlushWakesWhoWaitsForRoom(t *testing.T) {
	l := newTestLoop(t)
	source, _ := newTestConn(t, l)
	sink, _ := newTestConn(t, l) // it ends first
	k := &sends{l.k, sys.EAGAIN}
	l.k = k
	if n, err := sink.Write(make([]byte, 1000)); n != 1000 || err != nil {
		t.Fatal(n, err)
	}
	sink.out.await(&source.Registration)
	source.fd.Clear(fd.Readable)
	sink.fd.Note(fd.Writable)
	k.answer = sys.ECONNRESET
	if _, err := sink.Flush(); !errors.Is(err, sys.ECONNRESET) || !source.queued || source.fd.Ready()&fd.Readable == 0 {
		t.Errorf("%v, source visited: %v, readable: %v", err, source.queued, source.fd.Ready()&fd.Readable != 0)
	}
}

// sends is a kernel that answers every write alike.
type sends struct {
	sys.Kernel
	answer sys.Errno
}

func (k *sends) Send(int, []byte, int) (int, sys.Errno) { return 0, k.answer }

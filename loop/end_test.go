package loop_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// tidy is the host's kernel, and looks on: a descriptor that is closed must be out
// of epoll. A duplicate elsewhere would keep its registration, and its events, alive.
type tidy struct {
	sys.Kernel
	mu     sync.Mutex
	added  map[int]bool
	untidy int
}

func (k *tidy) EpollAdd(epfd, fd int, events uint32, token uint64) sys.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.Kernel.EpollAdd(epfd, fd, events, token)
	k.added[fd] = e == 0
	return e
}

func (k *tidy) EpollDel(epfd, fd int) sys.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.added[fd] = false
	return k.Kernel.EpollDel(epfd, fd)
}

func (k *tidy) Close(fd int) sys.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.added[fd] {
		k.untidy++
	}
	return k.Kernel.Close(fd)
}

func TestDescriptorIsForgottenBeforeItIsClosed(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	k := &tidy{Kernel: host, added: map[int]bool{}}
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1, Kernel: k}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	for i := range 10 {
		c := dial(t, addr)
		c.Write([]byte("x"))
		io.ReadFull(c, make([]byte, 1))
		if i%2 == 0 {
			resetConn(c)
		} else {
			c.Close()
		}
	}
	gone(t, srv)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.untidy != 0 { // those of the connections; the eventfd goes with its epoll
		t.Errorf("%d descriptors were closed while epoll had them", k.untidy)
	}
}

// reader counts, and keeps how its reading ended.
type reader struct {
	n   int
	end error
}

func (s *reader) Writable(*loop.Conn) error { return nil }
func (s *reader) Closed(*loop.Conn, error)  {}
func (s *reader) Data(c *loop.Conn) error {
	b, err := c.Next() // once: whether there is more the loop must know
	s.n += len(b)
	if err != nil && err != loop.ErrAgain {
		s.end = err
	}
	return err
}

// Data and FIN that arrive as one event are both seen: no further edge will come
// for the FIN.
func TestEndThatComesWithTheDataIsSeen(t *testing.T) {
	testkit.Leaks(t)
	s := new(reader)
	srv := &loop.Server{
		Config:  loop.Config{Loops: 1, Stepped: true},
		Handler: openFunc(func(*loop.Conn) (loop.Session, error) { return s, nil }),
	}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer srv.Close()
	c := dial(t, addr)
	c.Write([]byte("all of it"))
	c.(*net.TCPConn).CloseWrite()
	time.Sleep(20 * time.Millisecond) // both are there before the loop looks
	srv.Accept()
	for range 20 {
		srv.Group().Loops()[0].Step(false)
	}
	if s.n != len("all of it") || s.end != io.EOF {
		t.Errorf("%d bytes, then %v, want the end", s.n, s.end)
	}
}

// The kernel tells a reset once. After a write that met it, reading answers the
// same reset and not the end of the stream.
func TestResetThatAWriteMetIsNoEnd(t *testing.T) {
	testkit.Leaks(t)
	read, saw, wrote := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		c.Next()
		close(read)
		time.Sleep(100 * time.Millisecond) // the reset arrives
		_, err := c.Write([]byte("x"))
		wrote <- err
		_, err = c.Next()
		saw <- err
		return err
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	<-read
	resetConn(c)
	if err := <-wrote; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the write answered %v: this test stands on the reset", err)
	}
	if err := <-saw; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the read after it answered %v, want the reset", err)
	}
	gone(t, srv)
}

// A posted function whose connection ends before its turn has come is not run: it
// would act on what Closed was the last word about.
func TestTaskForAConnectionThatEndedBeforeItsTurnIsNotRun(t *testing.T) {
	testkit.Leaks(t)
	var ran atomic.Bool
	after := make(chan struct{})
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		if err := c.Handle().Do(func(*loop.Conn) { ran.Store(true) }); err != nil {
			t.Error(err)
		}
		c.Loop().Post(func() { close(after) })
		c.Abort()
		return nil
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	<-after
	if ran.Load() {
		t.Error("it ran on a connection that had ended")
	}
}

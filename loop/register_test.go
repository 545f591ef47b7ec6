package loop

import (
	"os"
	"sync"
	"testing"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/poller"
)

// Within one batch the owner of a slot goes and another comes: the event that
// was meant for the first reaches nobody, and each grade is counted.
func TestStaleEventsAreDroppedAndGraded(t *testing.T) {
	g, err := newGroup(Config{Loops: 1})
	if err != nil {
		t.Skip(err)
	}
	defer func() {
		for _, l := range g.loops {
			l.end()
		}
		g.lendSpare()
	}()
	l := g.loops[0]
	open := func() (*Registration, *called) {
		num, e := l.k.Eventfd()
		if e != 0 {
			t.Fatal(e)
		}
		r, task := new(Registration), new(called)
		r.fd = fd.Own(num, sys.Inet4)
		if e := l.register(r, task, false); e != 0 {
			t.Fatal(e)
		}
		return r, task
	}
	old, oldTask := open()
	ev := sys.MakeEvent(sys.EpollIn, uint64(l.tokenOf(old)))
	slot, num := old.slot, old.fd.Num()
	l.unregister(old)
	heir, heirTask := open()
	if heir.slot != slot || heir.fd.Num() != num {
		t.Fatalf("slot %d, descriptor %d: want those just given up, %d and %d", heir.slot, heir.fd.Num(), slot, num)
	}
	l.dispatch(&ev)
	if l.count.StaleBatch != 1 {
		t.Errorf("closed in this batch: counted %d", l.count.StaleBatch)
	}
	l.batch++
	l.dispatch(&ev)
	if l.count.StaleEarlier != 1 {
		t.Errorf("closed in an earlier batch: counted %d", l.count.StaleEarlier)
	}
	never := sys.MakeEvent(sys.EpollIn, uint64(fd.MakeToken(99, 0)))
	l.dispatch(&never)
	future := sys.MakeEvent(sys.EpollIn, uint64(fd.MakeToken(slot, l.tokenOf(heir).Generation()+1)))
	l.dispatch(&future)
	if l.count.StaleNever != 2 {
		t.Errorf("never registered: counted %d", l.count.StaleNever)
	}
	l.runReady()
	if oldTask.n != 0 || heirTask.n != 0 {
		t.Errorf("stale events ran tasks: %d, %d times", oldTask.n, heirTask.n)
	}
	mine := sys.MakeEvent(sys.EpollIn, uint64(l.tokenOf(heir)))
	l.dispatch(&mine)
	l.runReady()
	if heirTask.n != 1 || heir.fd.Ready() != poller.Decode(sys.EpollIn)|fd.Writable {
		t.Errorf("its own event ran the task %d times, ready %b", heirTask.n, heir.fd.Ready())
	}
	l.unregister(heir)
}

// tokenOf is the token that the events of r have.
func (l *Loop) tokenOf(r *Registration) fd.Token {
	return fd.MakeToken(r.slot, l.slab.at(r.slot).generation)
}

type called struct{ n int }

func (c *called) Ready(*Registration) bool { c.n++; return false }
func (c *called) Fail(error)               {}

// Connections that end and begin in the same batch take each other's numbers, a
// hundred thousand times. Each says who it is; no event, and no byte, reaches
// another. What was too late for its owner is counted.
func TestNumbersReusedWithinABatchStayApart(t *testing.T) {
	total := 10_000
	if os.Getenv("PENSTOCK_FULL") != "" && !raceEnabled {
		total = 100_000
	}
	var waiting *Conn
	srv := &Server{Config: Config{Loops: 1}, Handler: openFunc(func(c *Conn) (Session, error) {
		s := &killer{partner: waiting}
		waiting = c
		return s, nil
	})}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	l := srv.Group().loops[0]
	for _, ln := range srv.group.listeners {
		l.Post(func() { ln.accept() })
	}
	const atATime = 100
	var wg sync.WaitGroup
	wg.Add(1)
	begun, ended := 0, 0
	var begin func()
	begin = func() {
		k := begun
		begun++
		id := []byte{byte(k), byte(k >> 8), byte(k >> 16)}
		err := new(Dialer).Dial(l, "tcp", addr.String(), func(c *Conn, err error) error {
			if err != nil {
				t.Error(err)
				wg.Done()
				return err
			}
			c.Serve(&identified{t: t, id: id, closed: func() {
				if ended++; ended == total {
					wg.Done()
				} else if begun < total {
					begin()
				}
			}})
			_, err = c.Write(id)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	l.Post(func() {
		for range atATime {
			begin()
		}
	})
	wg.Wait()
	srv.Close()
	c := srv.Group().Counters()
	t.Logf("%d connections, %d events for connections closed within their batch, %d later", c.Registered, c.StaleBatch, c.StaleEarlier)
	if c.StaleBatch == 0 || c.StaleNever != 0 || c.Conns != 0 || c.Registered != c.Unregistered {
		t.Errorf("%+v", c)
	}
}

type openFunc func(c *Conn) (Session, error)

func (f openFunc) Open(c *Conn) (Session, error) { return f(c) }

// A killer answers, resets the connection that came before its own, which is
// likely to have an event in the same batch, and closes.
type killer struct{ partner *Conn }

func (*killer) Writable(*Conn) error { return nil }
func (*killer) Closed(*Conn, error)  {}
func (k *killer) Data(c *Conn) error {
	b, err := c.Next()
	if err != nil {
		return err
	}
	c.Write(b)
	if k.partner != nil {
		k.partner.Abort()
	}
	c.Close()
	return nil
}

// identified expects its own id back and the end, or to be reset.
type identified struct {
	t      *testing.T
	id     []byte
	got    []byte
	closed func()
}

func (s *identified) Writable(*Conn) error { return nil }
func (s *identified) Closed(_ *Conn, err error) {
	if string(s.got) != string(s.id) && (err == nil || len(s.got) > 0) {
		s.t.Errorf("connection %v got %v: %v", s.id, s.got, err)
	}
	s.closed()
}

func (s *identified) Data(c *Conn) error {
	b, err := c.Next()
	s.got = append(s.got, b...)
	return err
}

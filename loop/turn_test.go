package loop

import (
	"net"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// selfish is a task with little to do that wakes itself while it runs.
type selfish struct {
	l      *Loop
	visits int
}

func (s *selfish) Fail(error) {}
func (s *selfish) Ready(r *Registration) bool {
	if s.visits++; s.visits < 10_000 {
		s.l.Wake(r)
	}
	return false
}

func newTestLoop(t *testing.T) *Loop {
	t.Helper()
	g, err := newGroup(Config{Loops: 1})
	if err != nil {
		t.Skip(err)
	}
	l := g.loops[0]
	t.Cleanup(func() { l.end(); g.lendSpare() })
	return l
}

// Continuations that feed themselves do not keep epoll from being polled: each has
// one visit in a turn.
func TestTaskThatWakesItselfDoesNotKeepItsLoop(t *testing.T) {
	l := newTestLoop(t)
	num, e := l.k.Eventfd()
	if e != 0 {
		t.Fatal(e)
	}
	defer fd.CloseNum(l.k, num)
	r, s := new(Registration), &selfish{l: l}
	r.fd = fd.Own(num, sys.Inet4)
	if e := l.register(r, s, false); e != 0 {
		t.Fatal(e)
	}
	l.turn(false) // takes the event of its registration
	for range 10 {
		before := s.visits
		l.turn(false)
		if n := s.visits - before; n != 1 {
			t.Fatalf("%d visits in one turn", n)
		}
	}
}

// Nor do posted functions that post themselves: a turn runs so many, and then looks
// at the sockets.
func TestTasksThatPostThemselvesDoNotKeepTheirLoop(t *testing.T) {
	l := newTestLoop(t)
	ran := 0
	var again func()
	again = func() {
		if ran++; ran < 10_000 {
			l.Post(again)
		}
	}
	for range 10 {
		l.Post(again)
	}
	for ran < 10_000 {
		before := ran
		l.turn(false)
		if n := ran - before; n == 0 || n > tasksPerTurn {
			t.Fatalf("%d posted functions ran in one turn", n)
		}
	}
}

type counted struct{ n *int }

func (c counted) Expire() { *c.n++ }

// Timers that run out together run in portions.
func TestTimersOfATurnAreBounded(t *testing.T) {
	l := newTestLoop(t)
	ran := 0
	const all = 1000
	for range all {
		l.Arm(new(Timer), 0, counted{&ran})
	}
	for begin := time.Now(); ran < all; {
		before := ran
		l.turn(false)
		if n := ran - before; n > timersPerTurn || time.Since(begin) > 5*time.Second {
			t.Fatalf("%d timers ran in one turn, %d of %d in all", n, ran, all)
		}
	}
}

// A full backlog is taken in portions, between which the others have their turn.
func TestAcceptsOfATurnAreBounded(t *testing.T) {
	srv := &Server{
		Config:  Config{Loops: 1, Stepped: true},
		Handler: OnOpen(func(*Conn) error { return nil }),
	}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer srv.Close()
	const clients = 200
	for range clients {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	srv.Accept()
	l := srv.Group().Loops()[0]
	for range 100 {
		before := l.count.Accepted
		l.Step(false)
		if n := l.count.Accepted - before; n > visitBytes/acceptCost {
			t.Errorf("%d accepts in one turn", n)
		}
	}
	if n := l.count.Accepted; n != clients {
		t.Errorf("%d of %d were accepted", n, clients)
	}
}

// A piece of work that posts the next has one turn for each: what else is ready does
// not wait for all of them.
func TestPostedFunctionThatPostsTheNextRunsOnceATurn(t *testing.T) {
	l := newTestLoop(t)
	ran := 0
	var next func()
	next = func() { ran++; l.Post(next) }
	l.Post(next)
	for range 10 {
		before := ran
		l.turn(false)
		if n := ran - before; n != 1 {
			t.Fatalf("%d pieces ran in one turn", n)
		}
	}
}

// stopped is the host's kernel with a clock that stands still while a turn lasts.
type stopped struct {
	sys.Kernel
	now int64
}

func (k *stopped) Now() int64 { return k.now }

type rearmed struct {
	l   *Loop
	t   Timer
	ran int
}

func (r *rearmed) Expire() {
	r.ran++
	r.l.Arm(&r.t, 0, r)
}

// The same for a timer that is armed anew with no time to wait.
func TestTimerThatIsArmedAnewRunsOnceATurn(t *testing.T) {
	l := newTestLoop(t)
	k := &stopped{Kernel: l.k}
	l.k = k
	l.now = 0
	r := &rearmed{l: l}
	l.Arm(&r.t, 0, r)
	for range 10 {
		before := r.ran
		k.now++
		l.turn(false)
		if n := r.ran - before; n != 1 {
			t.Fatalf("the timer ran %d times in one turn", n)
		}
	}
}

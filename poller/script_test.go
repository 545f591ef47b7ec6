package poller_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/poller"
)

// script is a kernel that records what it is asked, and returns what it is told.
type script struct {
	sys.Kernel
	calls  []string
	errs   map[string]sys.Errno // by the name of the call
	events []sys.Event          // of the next wait
	during func()               // runs while a wait waits
}

const epfd, wakefd = 70, 80

func (k *script) called(name string, args ...any) sys.Errno {
	k.calls = append(k.calls, strings.TrimSpace(fmt.Sprintln(append([]any{name}, args...)...)))
	return k.errs[name]
}

func (k *script) EpollCreate() (int, sys.Errno) { return epfd, k.called("create") }
func (k *script) Eventfd() (int, sys.Errno)     { return wakefd, k.called("eventfd") }
func (k *script) Close(num int) sys.Errno       { return k.called("close", num) }
func (k *script) Signal(num int) sys.Errno      { return k.called("signal", num) }

func (k *script) EpollDel(epfd, num int) sys.Errno { return k.called("del", epfd, num) }

func (k *script) EpollAdd(epfd, num int, events uint32, token uint64) sys.Errno {
	return k.called("add", epfd, num, fmt.Sprintf("%x %x", events, token))
}

func (k *script) EpollWait(epfd int, events []sys.Event, timeout int64) (int, sys.Errno) {
	if e := k.called("wait", epfd, len(events), timeout); e != 0 {
		return -1, e
	}
	if k.during != nil {
		k.during()
	}
	return copy(events, k.events), 0
}

func scripted(t *testing.T) (*script, *poller.Poller) {
	t.Helper()
	k := &script{errs: map[string]sys.Errno{}}
	p, err := poller.Open(k, 4)
	if err != nil {
		t.Fatal(err)
	}
	k.calls = nil
	return k, p
}

func (k *script) want(t *testing.T, calls ...string) {
	t.Helper()
	if !slices.Equal(k.calls, calls) {
		t.Errorf("calls %q, want %q", k.calls, calls)
	}
	k.calls = nil
}

// The first call of Open that fails ends it, with an error that names the call, and what
// was made before is closed.
func TestOpenThatFailsClosesWhatItMade(t *testing.T) {
	add := fmt.Sprintf("add %d %d %x %x", epfd, wakefd, sys.EpollIn|sys.EpollEdge, ^uint64(0))
	for _, c := range []struct {
		call, name string
		calls      []string
	}{
		{"create", "epoll_create1", []string{"create"}},
		{"eventfd", "eventfd2", []string{"create", "eventfd", "close 70"}},
		{"add", "epoll_ctl", []string{"create", "eventfd", add, "close 80", "close 70"}},
		{"none", "", []string{"create", "eventfd", add}},
	} {
		k := &script{errs: map[string]sys.Errno{c.call: sys.EMFILE}}
		p, err := poller.Open(k, 4)
		k.want(t, c.calls...)
		if c.name == "" {
			if err != nil || p == nil {
				t.Errorf("%v, %v", p, err)
			}
			p.Close()
			k.want(t, "close 80", "close 70")
		} else if p != nil || !errors.Is(err, sys.EMFILE) || !strings.HasPrefix(err.Error(), c.name+":") {
			t.Errorf("%s fails: %v, %v", c.call, p, err)
		}
	}
}

// Each descriptor is registered with its token, a connection for everything, a listener
// for what it can have.
func TestRegistrationsSayWhatTheyAreFor(t *testing.T) {
	k, p := scripted(t)
	const token = 0x700000009
	p.Add(5, fd.Token(token))
	k.want(t, fmt.Sprintf("add 70 5 %x %x", uint32(0x80002007), token)) // IN, PRI, OUT, RDHUP, ET
	p.AddListener(6, fd.Token(token))
	k.want(t, fmt.Sprintf("add 70 6 %x %x", uint32(0x80000001), token)) // IN, ET
	p.Forget(5)
	k.want(t, "del 70 5")
	k.errs["add"] = sys.ENOMEM
	if e := p.Add(5, 0); e != sys.ENOMEM {
		t.Errorf("Add: %v", e)
	}
	if e := p.AddListener(5, 0); e != sys.ENOMEM {
		t.Errorf("AddListener: %v", e)
	}
}

// The eventfd's event is taken out of a batch, wherever it is, and every other stays.
func TestWakeUpIsTakenOutOfTheBatch(t *testing.T) {
	k, p := scripted(t)
	wake := sys.MakeEvent(sys.EpollIn, ^uint64(0))
	for at := range 4 {
		k.events = nil
		for i := range 3 {
			k.events = append(k.events, sys.MakeEvent(sys.EpollIn, uint64(i+1)))
		}
		if at < 3 {
			k.events[at] = wake
		}
		events, e := p.Poll()
		k.want(t, "wait 70 4 0")
		var got, want []uint64
		for i := range events {
			got = append(got, events[i].Token())
		}
		for i := range 3 {
			if i != at {
				want = append(want, uint64(i+1))
			}
		}
		slices.Sort(got)
		if e != 0 || !slices.Equal(got, want) {
			t.Errorf("wake-up at %d: %v, %v, want %v", at, got, e, want)
		}
	}
	k.errs["wait"] = sys.EBADF
	if events, e := p.Poll(); events != nil || e != sys.EBADF {
		t.Errorf("a wait that fails: %v, %v", events, e)
	}
}

// A loop is woken only while it sleeps, and once for each sleep.
func TestOnlyASleepIsEnded(t *testing.T) {
	k, p := scripted(t)
	p.Wake()
	k.want(t)
	if p.Asleep() {
		t.Error("asleep before any sleep")
	}
	k.during = func() {
		if !p.Asleep() {
			t.Error("not asleep while it waits")
		}
		p.Wake()
		p.Wake()
	}
	p.Sleep(7, func() bool { return true })
	k.want(t, "wait 70 4 7", "signal 80")
	k.during = nil
	for _, idle := range []bool{true, false} {
		if events, e := p.Sleep(7, func() bool { return idle }); len(events) != 0 || e != 0 || p.Asleep() {
			t.Errorf("idle %v: %v, %v, asleep %v", idle, events, e, p.Asleep())
		}
		k.calls = nil
		p.Wake()
		k.want(t)
	}
	k.during = func() { p.Wake() } // of each sleep anew
	p.Sleep(7, func() bool { return true })
	k.want(t, "wait 70 4 7", "signal 80")
}

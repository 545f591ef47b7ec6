package sys

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func epollOf(t *testing.T, k Kernel) int {
	t.Helper()
	ep, e := k.EpollCreate()
	return owned(t, ep, e)
}

// A token that came back changed would take an event to another connection.
func TestEventsBringMaskAndTokenOfTheirDescriptor(t *testing.T) {
	k := hostOf(t)
	ep := epollOf(t, k)
	a, b := unixPair(t)
	const one, two = 1<<63 | 1<<31 | 5, 1<<32 | 9
	for fd, token := range map[int]uint64{a: one, b: two} {
		if e := k.EpollAdd(ep, fd, EpollIn|EpollEdge, token); e != 0 {
			t.Fatal(e)
		}
		if e := k.EpollAdd(ep, fd, EpollIn|EpollEdge, token); e != EEXIST {
			t.Errorf("registered twice: %v", e)
		}
	}
	events := make([]Event, 4)
	if n, e := k.EpollWait(ep, events, 0); n != 0 || e != 0 {
		t.Errorf("nothing came: %d events, %v", n, e)
	}
	k.Send(a, []byte("x"), 0)
	k.Send(b, []byte("x"), 0)
	seen := map[uint64]uint32{}
	for _, timeout := range []int64{0, int64(time.Second)} { // a poll, and a wait; room for one each
		n, e := k.EpollWait(ep, events[:1], timeout)
		if n != 1 || e != 0 {
			t.Fatalf("room for one event: %d, %v", n, e)
		}
		seen[events[0].Token()] = events[0].Mask()
	}
	if len(seen) != 2 || seen[one] != EpollIn || seen[two] != EpollIn {
		t.Errorf("%x", seen)
	}
	if n, e := k.EpollWait(ep, events, 0); n != 0 || e != 0 {
		t.Errorf("edges came twice: %d, %v", n, e)
	}
	if e := k.EpollDel(ep, a); e != 0 {
		t.Error(e)
	}
	if e := k.EpollDel(ep, a); e != ENOENT {
		t.Errorf("taken off twice: %v", e)
	}
	k.Send(b, []byte("x"), 0)
	if n, e := k.EpollWait(ep, events, 0); n != 0 || e != 0 {
		t.Errorf("an event of a descriptor that was taken off: %d, %v", n, e)
	}
}

// A wait lasts as long as it should, and no shorter: a loop that does not sleep spins.
func TestWaitLastsItsTimeout(t *testing.T) {
	k := hostOf(t)
	ep := epollOf(t, k)
	for _, timeout := range []time.Duration{1, 5 * time.Millisecond} {
		began := time.Now()
		if n, e := k.EpollWait(ep, make([]Event, 1), int64(timeout)); n != 0 || e != 0 {
			t.Errorf("%d events, %v", n, e)
		}
		if took := time.Since(began); took < max(timeout, time.Millisecond) {
			t.Errorf("a wait of %v took %v", timeout, took)
		}
	}
}

// A signal ends a wait without an event and without an error; a wait without limit, too.
func TestInterruptedWaitIsNoError(t *testing.T) {
	k := hostOf(t)
	ep := epollOf(t, k)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, over, joined := unix.Gettid(), make(chan bool), make(chan bool)
	go func() {
		defer close(joined)
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-over:
				tick.Stop()
				return
			case <-tick.C:
				unix.Tgkill(unix.Getpid(), thread, unix.SIGURG) // the Go runtime's own
			}
		}
	}()
	n, e := k.EpollWait(ep, make([]Event, 1), -1)
	close(over)
	<-joined
	if n != 0 || e != 0 {
		t.Errorf("%d events, %v", n, e)
	}
}

// An eventfd begins at nothing, and each signal adds one and makes it readable.
func TestSignalsAreCounted(t *testing.T) {
	k := hostOf(t)
	fd, e := k.Eventfd()
	owned(t, fd, e)
	buf := make([]byte, 8)
	if _, err := unix.Read(fd, buf); err != unix.EAGAIN {
		t.Errorf("a fresh one: %v, % x", err, buf)
	}
	for range 3 {
		if e := k.Signal(fd); e != 0 {
			t.Fatal(e)
		}
	}
	if n, err := unix.Read(fd, buf); n != 8 || err != nil || buf[0] != 3 {
		t.Errorf("%d, %v, % x", n, err, buf)
	}
}

func TestThreadsClockCountsItsWork(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := ThreadCPU()
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < time.Millisecond; {
	}
	if after, err := ThreadCPU(); err != nil || after <= before || before <= 0 {
		t.Errorf("%d ns, and then %d, %v", before, after, err)
	}
}

package poller_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/poller"
)

func TestDecodeIsTheTable(t *testing.T) {
	bits := []struct {
		mask  uint32
		ready fd.Ready
	}{
		{sys.EpollIn, fd.Readable},
		{sys.EpollOut, fd.Writable},
		{sys.EpollPri, fd.Readable | fd.Urgent},
		{sys.EpollRdhup, fd.Readable | fd.Ended},
		{sys.EpollHup, fd.Readable | fd.Writable | fd.Ended | fd.Broken},
		{sys.EpollErr, fd.Readable | fd.Writable | fd.Ended | fd.Broken},
	}
	for set := range 1 << len(bits) {
		var mask uint32
		var want fd.Ready
		for i, b := range bits {
			if set>>i&1 != 0 {
				mask, want = mask|b.mask, want|b.ready
			}
		}
		if got := poller.Decode(mask); got != want {
			t.Errorf("mask %#x: %b, want %b", mask, got, want)
		}
	}
}

func open(t *testing.T) (sys.Kernel, *poller.Poller) {
	t.Helper()
	k, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	p, err := poller.Open(k, 16)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return k, p
}

// The edge comes once, with its token; the eventfd's own is never shown.
func TestEventsAreEdges(t *testing.T) {
	k, p := open(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	token := fd.MakeToken(3, 9)
	if e := p.Add(pair[0], token); e != 0 {
		t.Fatal(e)
	}
	p.Poll() // writable
	k.Send(pair[1], []byte("x"), 0)
	events, _ := p.Poll()
	if len(events) != 1 || fd.Token(events[0].Token()) != token || poller.Decode(events[0].Mask()) != fd.Readable|fd.Writable {
		t.Fatalf("%+v", events)
	}
	if events, _ := p.Poll(); len(events) != 0 {
		t.Errorf("the same edge twice: %+v", events)
	}
	p.Forget(pair[0])
	k.Send(pair[1], []byte("x"), 0)
	if events, _ := p.Poll(); len(events) != 0 {
		t.Errorf("an event after Forget: %+v", events)
	}
}

func TestWakeEndsASleepAndIsNotShown(t *testing.T) {
	_, p := open(t)
	idle := func() bool { return true }
	for range 1000 {
		woken := make(chan struct{})
		go func() {
			for !p.Asleep() {
				time.Sleep(time.Microsecond)
			}
			p.Wake()
			close(woken)
		}()
		if events, e := p.Sleep(int64(10*time.Second), idle); e != 0 || len(events) != 0 {
			t.Fatalf("%v, %v", events, e)
		}
		<-woken
	}
	if events, e := p.Sleep(int64(time.Minute), func() bool { return false }); events != nil || e != 0 {
		t.Errorf("work was found at the last look, and Sleep waited all the same: %v, %v", events, e)
	}
}

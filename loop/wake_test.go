package loop_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// ending is a kernel on which a loop may end while another goroutine is about to wake it.
type ending struct {
	sys.Kernel
	begun   atomic.Bool // the first wake-up ends the loop
	group   *loop.Group
	waking  atomic.Int32 // the eventfd that is being written, 0 for none
	toClose atomic.Bool  // it was closed meanwhile
	ended   chan struct{}
}

func (k *ending) Signal(num int) sys.Errno {
	if k.group == nil || !k.begun.CompareAndSwap(false, true) {
		return k.Kernel.Signal(num)
	}
	k.waking.Store(int32(num))
	defer k.waking.Store(0)
	k.Kernel.Signal(num) // the loop wakes up, as by an event of its own
	go func() { k.group.Close(); close(k.ended) }()
	select {
	case <-k.ended:
	case <-time.After(300 * time.Millisecond): // it waits for this wake-up, as it must
	}
	if k.toClose.Load() {
		return 0 // the number may be anybody's by now: do not write
	}
	return k.Kernel.Signal(num)
}

func (k *ending) Close(num int) sys.Errno {
	if num != 0 && int32(num) == k.waking.Load() {
		k.toClose.Store(true)
	}
	return k.Kernel.Close(num)
}

// A loop does not close its eventfd between a post and the wake-up that belongs to it: the
// write would reach whatever has the number next.
func TestLoopDoesNotEndBetweenAPostAndItsWakeUp(t *testing.T) {
	testkit.Leaks(t)
	k := &ending{Kernel: newFaulty(t).Kernel, ended: make(chan struct{})}
	g, err := loop.Start(loop.Config{Loops: 1, Kernel: k})
	if err != nil {
		t.Fatal(err)
	}
	k.group = g
	for !k.begun.Load() { // a loop that is awake needs no wake-up
		time.Sleep(time.Millisecond)
		if err := g.Loops()[0].Post(func() {}); err != nil {
			t.Fatal(err)
		}
	}
	<-k.ended
	if k.toClose.Load() {
		t.Error("the loop closed its eventfd while a post was about to write it")
	}
}

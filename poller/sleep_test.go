package poller_test

import (
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/poller"
)

// A post that comes after the last look, and before the wait, ends it: the sleeper
// had said that it falls asleep, and the poster has seen that.
func TestPostBetweenTheLastLookAndTheSleepEndsIt(t *testing.T) {
	_, p := open(t)
	begin := time.Now()
	events, e := p.Sleep(int64(3*time.Second), func() bool {
		p.Wake() // somebody posts, just after the look
		return true
	})
	if e != 0 || len(events) != 0 {
		t.Errorf("%v, %v", events, e)
	}
	if slept := time.Since(begin); slept > time.Second {
		t.Errorf("it slept for %v with work posted", slept)
	}
}

// A kernel whose eventfd refuses so many writes.
type refusing struct {
	sys.Kernel
	writes int
}

func (k *refusing) Signal(fd int) sys.Errno {
	if k.writes > 0 {
		k.writes--
		return sys.EIO
	}
	return k.Kernel.Signal(fd)
}

// A wake-up whose write failed would leave the loop asleep with work posted.
func TestWakeThatIsRefusedIsMadeAgain(t *testing.T) {
	for refused, want := range map[int]bool{2: true, 3: false} {
		k, err := sys.Host()
		if err != nil {
			t.Skip(err)
		}
		p, err := poller.Open(&refusing{k, refused}, 8)
		if err != nil {
			t.Fatal(err)
		}
		woken := func() (woken bool) {
			defer func() { recover() }()
			begin := time.Now()
			p.Sleep(int64(3*time.Second), func() bool { p.Wake(); return true })
			return time.Since(begin) < time.Second
		}()
		if woken != want {
			t.Errorf("after %d refusals: woken %v", refused, woken)
		}
		p.Close()
	}
}

package loop

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
)

// silentNet is the host's kernel with a clock of its own, where no connect is answered,
// and the connects are noted: when each was made, in ms, and to which address.
type silentNet struct {
	stopped
	began    int64
	connects []string
	last     netip.Addr
	sockets  sys.Errno // what Socket fails with
	failures int       // of Socket
}

func (k *silentNet) Socket(f sys.Family) (int, sys.Errno) {
	if k.sockets != 0 {
		k.failures++
		return -1, k.sockets
	}
	return k.Kernel.Socket(f)
}

func (k *silentNet) Connect(num int, a sys.Addr) sys.Errno {
	if to := a.AP.Addr(); to != k.last { // a false event has the call made again
		k.last = to
		k.connects = append(k.connects, fmt.Sprintf("%d ms: %v", (k.now-k.began)/ms, to))
	}
	return sys.EINPROGRESS
}

func onSilentNet(t *testing.T) (*Loop, *silentNet) {
	l := newTestLoop(t)
	k := &silentNet{stopped: stopped{Kernel: l.k, now: l.now}, began: l.now}
	l.k = k
	return l, k
}

// dialSilently dials addresses that do not answer, turns the loop once a millisecond until
// the dial fails, and returns the time that took, in ms.
func dialSilently(t *testing.T, l *Loop, k *silentNet, timeout time.Duration, addrs ...string) (took int64) {
	t.Helper()
	var failed error
	var to []netip.AddrPort
	for _, a := range addrs {
		to = append(to, netip.AddrPortFrom(netip.MustParseAddr(a), 9))
	}
	dialAll(l, timeout, func(c *Conn, err error) error {
		if c != nil || l.conns.Load() != 0 || l.group.conns.Load() != 0 {
			t.Errorf("a connection: %v; %d and %d are counted", c != nil, l.conns.Load(), l.group.conns.Load())
		}
		failed = err
		return nil
	}, to...)
	l.turn(false)
	for failed == nil && took < 60_000 {
		took++
		k.now += ms
		l.turn(false)
		if failed == nil && (k.sockets == 0) != (l.conns.Load() > 0) {
			t.Fatalf("%d ms: %d connections are counted", took, l.conns.Load())
		}
	}
	var op *net.OpError
	if !errors.As(failed, &op) || op.Op != "dial" || !errors.Is(failed, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want a deadline", failed)
	}
	if n := l.count; n.Conns != 0 || n.Registered != n.Unregistered || len(l.timers) != 0 || l.group.starving.Load() != 0 {
		t.Errorf("%d connections, %d registrations of %d ended, %d timers, %d starving", n.Conns, n.Unregistered, n.Registered, len(l.timers), l.group.starving.Load())
	}
	return took
}

// When each address is tried, if none answers: each has its share of what is left, at
// least 2 s, and the second family begins after 300 ms.
func TestPaceOfADialThatNobodyAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout time.Duration
		addrs   []string
		want    []string
	}{
		{"one", 3 * time.Second, []string{"192.0.2.1"}, []string{"0 ms: 192.0.2.1"}},
		{"three share", 9 * time.Second, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"},
			[]string{"0 ms: 192.0.2.1", "3000 ms: 192.0.2.2", "6000 ms: 192.0.2.3"}},
		{"2 s at least", 5 * time.Second, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"},
			[]string{"0 ms: 192.0.2.1", "2000 ms: 192.0.2.2", "4000 ms: 192.0.2.3"}},
		{"less than 2 s", time.Second, []string{"192.0.2.1", "192.0.2.2"}, []string{"0 ms: 192.0.2.1"}},
		{"two families", 10 * time.Second, []string{"192.0.2.1", "2001:db8::1"},
			[]string{"0 ms: 192.0.2.1", "300 ms: 2001:db8::1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, k := onSilentNet(t)
			took := dialSilently(t, l, k, c.timeout, c.addrs...)
			if took != c.timeout.Milliseconds() {
				t.Errorf("failed after %d ms, want %v", took, c.timeout)
			}
			if !slices.Equal(k.connects, c.want) {
				t.Errorf("connects %q, want %q", k.connects, c.want)
			}
		})
	}
}

// A dial without a descriptor, or without memory, tries every 10 ms; only the first holds
// back the listeners.
func TestPaceOfADialThatHasNoDescriptor(t *testing.T) {
	for e, starving := range map[sys.Errno]int64{sys.EMFILE: 1, sys.ENFILE: 1, sys.ENOBUFS: 0, sys.ENOMEM: 0} {
		t.Run(e.Error(), func(t *testing.T) {
			l, k := onSilentNet(t)
			k.sockets = e
			l.AfterFunc(500*time.Millisecond, func() {
				if n := l.group.starving.Load(); n != starving {
					t.Errorf("%d dials wait for a descriptor, want %d", n, starving)
				}
			})
			if took := dialSilently(t, l, k, time.Second, "192.0.2.1"); took != 1000 {
				t.Errorf("failed after %d ms", took)
			}
			want := 100
			if starving > 0 {
				want++ // with the reserve descriptor's number
			}
			if k.failures != want {
				t.Errorf("%d tries, want %d", k.failures, want)
			}
		})
	}
}

package loop

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/penstock/penstock/internal/sys"
)

// An answer may be thrown away as soon as it is not used any more: at its time, not behind it.
func TestAnswersThatAreOverMakeRoom(t *testing.T) {
	for _, c := range []struct {
		until int64 // from now
		room  bool
	}{{-1, true}, {0, true}, {1, false}} {
		l := newTestLoop(t)
		n := &names{group: l.group}
		n.group.k = &stopped{Kernel: l.group.k, now: 1000}
		n.lookups = map[question]*lookup{}
		for i := range maxAnswers + 1 {
			n.lookups[question{port: strconv.Itoa(i)}] = &lookup{addrs: []sys.Addr{{AP: netip.AddrPortFrom(netip.IPv4Unspecified(), 1)}}, until: 1000 + c.until}
		}
		if got := n.hasRoom(); got != c.room {
			t.Errorf("answers whose time is over in %d ns: room: %v", c.until, got)
		}
	}
}

// Whoever was told of an outcome waits no more.
func TestToldWaitersAreNotCounted(t *testing.T) {
	l := newTestLoop(t)
	n := &names{group: l.group, waiting: 5}
	a := &lookup{cancel: func() {}, waiters: map[*waiter]struct{}{{l: l, order: 1}: {}, {l: l, order: 2}: {}}}
	if n.finish(a, nil, sys.EIO); n.waiting != 3 || a.waiters != nil {
		t.Errorf("%d of 5 wait after 2 were told", n.waiting)
	}
	l.turn(false)
}

package loop

import (
	"testing"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// hog is a task that is never done: it spends its visit, and wants another.
type hog struct {
	l      *Loop
	visits int
}

func (h *hog) Fail(error) {}
func (h *hog) Ready(*Registration) bool {
	h.visits++
	for h.l.Spend(16 << 10) {
	}
	return true
}

// Tasks that are never done have their turn, and so has everybody else.
func TestTaskThatIsNeverDoneDoesNotKeepItsLoop(t *testing.T) {
	g, err := newGroup(Config{Loops: 1})
	if err != nil {
		t.Skip(err)
	}
	l := g.loops[0]
	defer func() { l.end(); g.lendSpare() }()
	var hogs []*hog
	register := func(task Task) *Registration {
		num, e := l.k.Eventfd()
		if e != 0 {
			t.Fatal(e)
		}
		r := new(Registration)
		r.fd = fd.Own(num, sys.Inet4)
		if e := l.register(r, task, false); e != 0 {
			t.Fatal(e)
		}
		t.Cleanup(func() { fd.CloseNum(g.k, num) })
		return r
	}
	for range 8 {
		h := &hog{l: l}
		hogs = append(hogs, h)
		l.push(register(h))
	}
	light := new(called)
	r := register(light)
	l.turn(false) // in which the hogs are found out to be heavy
	for i, h := range hogs {
		if h.visits != 1 {
			t.Errorf("hog %d was visited %d times in one turn", i, h.visits)
		}
		h.visits = 0
	}
	ran := 0
	const turns = 100
	for range turns {
		l.Post(func() { ran++ })
		before := light.n
		l.push(r)
		l.turn(false)
		if light.n != before+1 {
			t.Fatal("the light one was not visited in its turn")
		}
	}
	if ran != turns {
		t.Errorf("%d of %d posted tasks ran", ran, turns)
	}
	for i, h := range hogs { // 4 visits of 256 KiB a turn, shared by eight
		if h.visits < turns/4 || h.visits > turns {
			t.Errorf("hog %d was visited %d times in %d turns", i, h.visits, turns)
		}
	}
}

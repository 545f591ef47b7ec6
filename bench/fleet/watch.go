package fleet

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// noResponders is the status of NATS' answer in the name of who is not there.
const noResponders = "503"

// tick calls, asks every member whether it is there, and judges those that are not.
func (r *run) tick(now time.Time) {
	if r.phase == waiting {
		r.call()
	}
	for _, m := range r.members {
		r.conn.PublishMsg(&nats.Msg{Subject: pingSubject(m.id), Reply: r.pongs + m.id})
	}
	// Nobody is judged by a pause that was ours: what has come meanwhile is read first.
	if now.Sub(r.ticked) < 4*beat {
		for _, m := range slices.Clone(r.members) {
			if why := r.fault(m, now); why != "" {
				r.dismiss(m, why)
			}
		}
	}
	r.ticked = now
}

// pong takes the answer to a ping in, which is NATS' if the agent has disconnected.
func (r *run) pong(id string, gone bool) {
	m := r.member(id)
	switch {
	case m == nil:
	case gone:
		r.dismiss(m, "disconnected")
	default:
		m.heard = time.Now()
	}
}

// dismiss gives a member up, and its place to another if the load has not begun.
func (r *run) dismiss(m *member, why string) {
	if r.phase == waiting {
		r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
		r.say("%s is gone: %s; %s", m.name, why, r.present())
		return
	}
	r.lose(m, why)
}

// fault says what is wrong with a member, going by what was heard of it.
func (r *run) fault(m *member, now time.Time) string {
	quiet, since := now.Sub(m.heard), now.Sub(m.told)
	switch {
	case m.ended || m.lost != "":
		return ""
	case quiet > silence:
		return fmt.Sprintf("no word for %.1f s", quiet.Seconds())
	case r.phase != running:
		return ""
	case quiet > 2*beat: // perhaps dead, which silence will tell
		return ""
	case since > max(3*r.plan.Window, silence):
		return fmt.Sprintf("no window for %.1f s, though it is there", since.Seconds())
	}
	if behind := r.behind(m, now); behind > max(2*r.plan.Window, lag) {
		return fmt.Sprintf("lags: its window %d is %.1f s behind the others'", m.next, behind.Seconds())
	}
	return ""
}

// lag is what an agent may be late at least, however short the windows are: TCP repeats
// what was lost after 0.2, 0.4 and 0.8 s, and does no harm by it to what agents count by
// their own clocks.
const lag = 2 * time.Second

// behind is how long others have been waiting for a member's window.
func (r *run) behind(m *member, now time.Time) (d time.Duration) {
	if len(m.windows) > 0 {
		return 0
	}
	for _, o := range r.members {
		if len(o.windows) > 0 { // as number m.next: nobody is merged without m
			d = max(d, now.Sub(o.windows[0].at))
		}
	}
	return d
}

package sim

// Sleep is a loop that waits. With several loops it returns at once, and the deadline
// is kept: a wait may end early.
func (w *World) Sleep(ep int, deadline int64) (interrupted bool) {
	if len(w.loops) > 1 || w.quiet {
		w.epolls[ep] = deadline
		return false
	}
	if w.posted != w.ran && !w.k.Ready(ep) {
		w.fail("lost wake-up: %d posted, %d ran, and the loop sleeps", w.posted, w.ran)
	}
	defer func() { w.looked() }()
	for w.failure == "" && !w.k.Ready(ep) {
		if w.posted < w.posts && w.tape.Odds(8) {
			w.post()
			continue
		}
		if w.act() {
			continue
		}
		if w.mayPause(8) {
			w.pause()
			if w.tape.Pick(2) == 1 {
				return true
			}
			break
		}
		if !w.pass(deadline) {
			return false
		}
		if deadline >= 0 && w.k.Clock() >= deadline {
			return false
		}
	}
	for w.bound.linger != w.config.linger && w.tape.Odds(3) && w.act() {
		w.bound.linger++ // more comes before the loop is awake: one batch, or one event, tells all
	}
	return false
}

// pass lets time pass until the next thing happens by itself, and answers false if that
// is the end of the wait: the deadline, or the end of the run.
func (w *World) pass(deadline int64) bool {
	if len(w.holds) > 0 {
		w.holds[0].Release()
		w.holds = w.holds[1:]
		return true
	}
	if w.finished() {
		return false
	}
	if len(w.due()) > 0 {
		return true // calls take time, too
	}
	if w.config.exact != nil && w.posted < w.posts {
		w.post()
		return true
	}
	w.overdue()
	next := w.soonest(deadline)
	if next < 0 {
		w.fail("hang: the loop sleeps without a limit, nothing is under way, and %s", w.unfinished())
		return false
	}
	if next-w.k.Clock() > tooLong {
		w.fail("hang: nothing will happen for %d s, and %s", (next-w.k.Clock())/1e9, w.unfinished())
		return false
	}
	w.k.Advance(next)
	w.bound.calls = 0
	return next != deadline
}

// tooLong is longer than any wait that is meant: nobody stalls for so long.
const tooLong = int64(25e9)

// passAll lets time pass for several loops, each of which has been run to rest.
func (w *World) passAll() {
	next := int64(-1)
	clear(w.epolls)
	for i, l := range w.loops {
		before := w.k.Progress
		w.step(l)
		if w.k.Progress != before || len(w.epolls) != i+1 {
			return // it had something to do, and did not sleep
		}
	}
	for _, d := range w.epolls {
		if d >= 0 && (next < 0 || d < next) {
			next = d
		}
	}
	w.pass(next)
}

package sim

// meanwhile has something happen between two calls of the runtime.
func (w *World) meanwhile() {
	switch {
	case w.posted < w.posts && (w.config.exact != nil || w.tape.Odds(4)):
		w.post()
	case w.bound.paused < w.config.pauses && (w.config.exact != nil || w.tape.Odds(16)):
		w.pause()
	case w.config.nested && !w.nested && w.tape.Odds(4):
		w.other()
	case w.config.holds && w.tape.Odds(8):
		w.hold()
	case w.config.spurious && w.tape.Odds(16):
		w.k.Spurious(3 + w.tape.Pick(16))
	default:
		w.act()
	}
}

// post is another goroutine's. What it posts posts itself so many times more.
func (w *World) post() {
	w.posted++
	l, left := w.loops[w.posted%len(w.loops)], w.config.feeds
	var f func()
	f = func() {
		if w.bound.tasks++; w.bound.tasks > turnTasks {
			w.fail("a turn without end: %d posted functions since epoll was asked", w.bound.tasks)
			panic(w.failure)
		}
		if left--; left >= 0 {
			w.k.Progress++ // a turn runs one of them: the polls between are no spin
			if l.Post(f) != nil {
				w.refused++
			}
			return
		}
		w.ran++
	}
	w.busy = true
	if l.Post(f) != nil {
		w.refused++
	}
	w.busy = false
	w.k.Progress++ // also if the loop was awake, and nobody had to be told
	w.say("somebody posts")
}

// polls notes which loop polls, and when. While the loops end they are not run from here.
func (w *World) polls(ep int) {
	switch one, known := w.owners[ep]; {
	case !w.ending:
		w.owners[ep] = w.running
		w.looked()
	case known && !w.nested:
		w.running = one
	}
}

// other has the other loop make a turn between two calls of the one that runs.
func (w *World) other() {
	one := w.running
	w.nested, w.running = true, 1-one
	w.loops[w.running].Step(true)
	w.nested, w.running = false, one
}

// atTheEnd has posts and turns of the other loop come while the loops end.
func (w *World) atTheEnd() {
	switch {
	case w.bound.atEnd > 20 || w.tape.Pick(2) == 0:
		return
	case w.tape.Pick(2) == 0:
		w.post()
	case !w.nested && len(w.owners) == len(w.loops):
		w.other()
	}
	w.bound.atEnd++
}

// drain has the server stop listening, and tells its sessions, once.
func (w *World) drain() {
	if w.config.drains && !w.drained && w.tape.Odds(64) {
		w.drained = true
		w.busy = true
		w.srv.Drain()
		w.busy = false
		w.k.Progress++
		w.say("the server is drained")
	}
}

// hold keeps a socket open as if another process had it, or lets go of one.
func (w *World) hold() {
	if len(w.holds) == 2 || len(w.holds) > 0 && w.tape.Pick(2) == 0 {
		w.holds[0].Release()
		w.holds = w.holds[1:]
		return
	}
	if h, ok := w.k.Hold(3 + w.tape.Pick(16)); ok {
		w.holds = append(w.holds, h)
	}
}

package loop

// Step turns a loop of a group whose Config.Stepped is set, once, on the caller's
// goroutine, which stands for the loop's own: events, tasks, timers, ready list. It
// waits for events, if there is nothing else to do, and mayBlock is true. It answers
// false when the loop has ended. It is for the tests of Penstock itself.
func (l *Loop) Step(mayBlock bool) bool {
	if l.ended {
		return false
	}
	l.exiting = false
	l.now = l.k.Now() // time that passed between two steps is no turn's
	l.turn(mayBlock)
	l.restedAt = 0
	l.tick(l.k.Now())
	l.publish()
	if l.ending {
		l.end()
	}
	return !l.ended
}

// Accept has the loops of a server whose Config.Stepped is set begin to accept,
// as Serve does; Close ends it. It is for the tests of Penstock itself.
func (s *Server) Accept() { s.acceptAll(s.Group()) }

// Drain has the listeners of a server whose Config.Stepped is set stop, and its
// sessions told, as Serve does when its context ends. It returns before the loops have
// done it. It is for the tests of Penstock itself.
func (s *Server) Drain() {
	g := s.Group()
	for _, a := range g.listeners {
		a.loop.Post(a.stop)
	}
	for _, l := range g.loops {
		l.Post(l.drainSessions)
	}
}

// Hand has do take the place of the workers, for Group.Do and for look-ups of names. It
// must be called before either. It is for the tests of Penstock itself.
func (g *Group) Hand(do func(f func()) error) { g.do = do }

// endStepped ends the loops of a group that nobody else runs.
func (g *Group) endStepped() {
	for _, l := range g.loops {
		for l.Step(false) {
		}
	}
}

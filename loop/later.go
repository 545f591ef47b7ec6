package loop

// Later has f called on the loop's goroutine once the function that runs there now has
// returned, and before the next one runs. A task calls the user's last function by it, be
// it Closed or another: what ends a connection is most often a callback itself, and no
// callback is invoked within another. A panic in f is logged, and ends nothing. Only the
// loop's goroutine may call it.
func (l *Loop) Later(f func()) { l.last = append(l.last, f) }

// runLater calls what Later was given, and what those functions give it.
func (l *Loop) runLater() {
	for len(l.last) > 0 {
		f := l.last[0]
		l.last[0] = nil
		l.last = l.last[1:]
		l.running.calls(f)
		l.guard(nil, f)
	}
	l.last = nil
}

package loop

import "time"

// slowTurns are the last turns that took longer than lateAfter. Now stood still in
// them, so a time that was noted there may be older than what it stands for by the
// length of the turn: the process was stopped, or a handler held the loop, between
// the beginning of the turn and the note.
type slowTurns struct {
	turns [4]struct{ began, ended int64 }
	next  uint8
}

// tick begins a turn.
func (l *Loop) tick(now int64) {
	ended := now
	if l.restedAt > 0 {
		ended = l.restedAt // then it slept
	}
	if ended-l.now > lateAfter {
		s := &l.slow
		s.turns[s.next].began, s.turns[s.next].ended = l.now, ended
		s.next = (s.next + 1) % uint8(len(s.turns))
	}
	l.now = now
}

// Since is how long ago t was, which is a value of Now. If the turn of t took long
// the time counts from the end of that turn: what happened in it may have happened
// then. Only the loop's goroutine may call it.
func (l *Loop) Since(t int64) time.Duration {
	for _, turn := range l.slow.turns {
		if turn.began == t {
			t = turn.ended
			break // not on to the end of the next turn, which may have begun right then
		}
	}
	return time.Duration(max(l.now-t, 0))
}

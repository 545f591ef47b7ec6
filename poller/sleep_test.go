package poller_test

import (
	"testing"
	"time"
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

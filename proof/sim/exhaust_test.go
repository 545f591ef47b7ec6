package sim

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
)

// Planted bugs are held against this test: what it finds it finds with certainty, and
// the number of schedules says how soon. A plant that only seeds find, by luck, wants a
// small world of its own.
func TestEveryScheduleOfSmallWorldsHolds(t *testing.T) {
	limits := []int{500}
	if testkit.Full() && !testkit.Race() {
		limits = []int{500, 5000, 0} // what the first schedules of a world find is found before others are tried whole
	}
	tried := 0
	for _, most := range limits {
		for _, s := range small {
			n, all, err := enumerate(&s.world, most)
			tried += n
			if err != nil {
				t.Fatalf("schedules until found: %d\n%s: %v", tried, s.name, err)
			}
			if !all && most == 0 || n < 100 {
				t.Errorf("%s: %d schedules, all: %v", s.name, n, all)
			}
		}
	}
}

// An enumeration visits every leaf of a tree of choices, once each.
func TestEnumerationMissesNothing(t *testing.T) {
	seen := map[string]int{}
	for tape := (&Tape{keep: true}); tape != nil; tape = tape.next() {
		if tape.Pick(3) == 1 {
			tape.Pick(2)
		}
		tape.Pick(4)
		seen[string(tape.picks)]++
	}
	if len(seen) != 4+2*4+4 {
		t.Errorf("%d leaves, want 16", len(seen))
	}
	for leaf, n := range seen {
		if n != 1 {
			t.Errorf("%v visited %d times", []byte(leaf), n)
		}
	}
}

// A turn that makes no call and does not end is told, and not waited for.
func TestRunThatDoesNotEndIsTold(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	err := attend(20*time.Millisecond, func() error {
		Run(Random(1), nil, nil)
		<-over
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "a turn without end") {
		t.Errorf("%v", err)
	}
	want := errors.New("the run's own")
	if err := attend(time.Hour, func() error { return want }); err != want {
		t.Errorf("%v, want %v", err, want)
	}
}

// Fuzzing chooses what a seed would: the plans, the faults, the order of all.
func FuzzSchedules(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(20) {
		t := Random(seed)
		Run(t, nil, nil)
		f.Add(bytes.Clone(t.picks))
	}
	f.Fuzz(func(t *testing.T, picks []byte) {
		if failure := Run(Replay(picks), nil, nil); failure != "" {
			t.Fatal(failure)
		}
	})
}

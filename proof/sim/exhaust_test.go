package sim

import (
	"bytes"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

func TestEveryScheduleOfSmallWorldsHolds(t *testing.T) {
	most := 0
	if testkit.Race() || testing.Short() {
		most = 500
	}
	for _, s := range small {
		n, all, err := enumerate(&s.world, most)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if !all && most == 0 || n < 100 {
			t.Errorf("%s: %d schedules, all: %v", s.name, n, all)
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

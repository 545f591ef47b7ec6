package sim

import (
	"bytes"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

// The seeds are the same each time: whoever changes something is not to meet what one in
// a million others finds. The command schedules draws fresh ones.
func TestRandomSchedulesLoseNothing(t *testing.T) {
	n := 20_000
	if testkit.Race() || !testkit.Full() {
		n = 1000
	}
	report, err := RandomRuns(1<<32, n, 2)
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
}

func TestSameTapeIsTheSameRun(t *testing.T) {
	for seed := range uint64(50) {
		tape := Random(seed)
		var first, second bytes.Buffer
		Run(tape, nil, &first)
		again := Replay(tape.picks)
		Run(again, nil, &second)
		if !bytes.Equal(first.Bytes(), second.Bytes()) || !bytes.Equal(tape.picks, again.picks) {
			t.Fatalf("seed %d: two runs of one tape differ", seed)
		}
	}
}

func TestShrinkingFindsTheShortestFailure(t *testing.T) {
	picks := bytes.Repeat([]byte{1, 2, 3}, 100)
	picks[77] = 200
	short := Shrink(picks, func() bool { return false }, func(b []byte) bool {
		return bytes.ContainsFunc(b, func(r rune) bool { return r > 100 }) || bytes.IndexByte(b, 200) >= 0
	})
	if len(short) != 1 {
		t.Errorf("shrunk to %v", short)
	}
}

func BenchmarkSchedules(b *testing.B) {
	for i := range b.N {
		if f := Run(Random(uint64(i)), nil, nil); f != "" {
			b.Fatal(i, f)
		}
	}
}

func TestBadFlagsAreNamed(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"-tape", "xyz"}} {
		err := Schedules(args, new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), args[0]) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

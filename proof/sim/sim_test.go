package sim

import (
	"bytes"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

// The seed is a fresh one each time; what fails says how to run it again.
func TestRandomSchedulesLoseNothing(t *testing.T) {
	n := 20_000
	if testkit.Race() || testing.Short() {
		n = 1000
	}
	report, err := RandomRuns(rand.Uint64()>>16, n, 2)
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

// The schedules that planted bugs are held against: always the same, so that how many
// it takes to find one can be said, and first every schedule of the small worlds.
func TestPlantsAreCaught(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // each world is a few hundred KB, and short-lived
	tried := 0
	for _, s := range small {
		most := 20_000
		if testkit.Race() {
			most = 200
		}
		n, _, err := enumerate(&s.world, most)
		tried += n
		if err != nil {
			t.Fatalf("schedules until found: %d\n%s: %v", tried, s.name, err)
		}
	}
	for seed := range uint64(3000) {
		tried++
		if failure := Run(Random(seed), nil, nil); failure != "" {
			t.Fatalf("schedules until found: %d\nseed %d: %s", tried, seed, failure)
		}
		if testkit.Race() && seed == 200 {
			return
		}
	}
}

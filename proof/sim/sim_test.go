package sim

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

// The seed is a fresh one each time; what fails says how to run it again.
func TestRandomSchedulesLoseNothing(t *testing.T) {
	n := 20_000
	if testkit.Race() || !testkit.Full() {
		n = 1000
	}
	report, err := RandomRuns(rand.Uint64()>>16, n, 2)
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
}

// Schedules that one in millions of seeds came to, shrunk.
func TestSchedulesThatOnceFailedHold(t *testing.T) {
	for name, tape := range map[string]string{
		"a reset behind an urgent mark, with a signal pending, takes what a dialled backend said": "000201010002010000030700010000000000000300000000000000000000000000000400000000000000000000030000000f0500000000000005000000030307000200000007000000000100010000020001010000000103010101000001010000000001000000000000000100000100000100000000010000010002000100000000000001000000090000010000000000010000000700000100010000010f00000001000100010100000100010001000100000000010100000003",
		"a relay does not wait for what a peer that has reset will never acknowledge":             "000101010000010000000700030001030100000001000000000000000000000000000604000003020000000000000302000000000100010100010100010001010101000000000100010001000101010001010001000000000001010000010001000100000100000100010001000101010100010100010101",
		"an end that could not be sent is not tried again and again":                              "00020000010301000000000100000100000000000100000000000106000000000000010600000000020000000500000303000000010500000303000003000000000000000007000200000000070001000000000000000000000000000000000000000000000000000000000000000000000000000000000000000402070000000000000107020200000000020000000700070300000000000001000000000001070000010400050005060203080100000000080105000000000002070200000000000106040202080002010000010502040000000000070007060000000000010101000002020602080000000000000601050000040000000001070001060600000000000005020001040000000000000200060000000001010700000000020500010105000000000002060202000000010300000000000300070100000006000000000300000000030000000000050000060000010106000000000200000000070100000000000000040002000400000000000200000000010002020000000000000000000000000000000000000000000002",
		"a post to a loop that is awake, while the other falls asleep, is no hang":                "0000000000020102000007000000000000000003030000040000000000000000000000000000000000010001000000000100000000000000070001000000000000070000000000010000000000010000000100000001000007030100000001000000000100010000000703",
	} {
		if err := replay(tape, io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
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

package sim

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Schedules is the command "schedules": random runs of the simulation.
func Schedules(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("schedules", flag.ContinueOnError)
	flags.SetOutput(out)
	n := flags.Int("n", 1_000_000, "how many schedules to run")
	seed := flags.Uint64("seed", rand.Uint64()>>16, "the first seed; the others follow. Default: a fresh one, printed")
	tape := flags.String("tape", "", "replay one run from its choices, in hexadecimal, and say what happens in it")
	cpus := flags.Int("cpus", runtime.GOMAXPROCS(0), "how many to run at a time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *n < 1 || *cpus < 1 {
		return fmt.Errorf("-n %d, -cpus %d: must be 1 or more", *n, *cpus)
	}
	if *tape != "" {
		return replay(*tape, out)
	}
	if *n == 1 {
		return replay(hex.EncodeToString(choices(*seed)), out)
	}
	report, err := RandomRuns(*seed, *n, *cpus)
	fmt.Fprintln(out, report)
	return err
}

// choices answers the choices that a seed makes.
func choices(seed uint64) []byte {
	t := Random(seed)
	Run(t, nil, nil)
	return t.picks
}

func replay(tape string, out io.Writer) error {
	picks, err := hex.DecodeString(tape)
	if err != nil {
		return fmt.Errorf("-tape: %w", err)
	}
	if failure := Run(Replay(picks), nil, out); failure != "" {
		return errors.New(failure)
	}
	return nil
}

// A Report is what a number of runs came to.
type Report struct {
	Seed             uint64
	Schedules, Lives int64
	Bytes            uint64
	Took             time.Duration
	CPUs             int
}

func (r Report) String() string {
	perCore := float64(r.Schedules) / r.Took.Seconds() / float64(r.CPUs)
	lives := float64(r.Lives) / r.Took.Seconds() / float64(r.CPUs)
	return fmt.Sprintf("%d schedules from seed %d: %d lives, %.1f GB moved and checked in %.1f s; %.0f schedules, %.0f lives a second and core",
		r.Schedules, r.Seed, r.Lives, float64(r.Bytes)/1e9, r.Took.Seconds(), perCore, lives)
}

// RandomRuns runs n schedules from a seed on. The error is the first failure, shrunk,
// with the command that replays it.
func RandomRuns(seed uint64, n, cpus int) (Report, error) {
	r := Report{Seed: seed, CPUs: cpus}
	var next, lives atomic.Int64
	var bytes, failing atomic.Uint64
	failing.Store(^uint64(0))
	var all sync.WaitGroup
	began := time.Now()
	for range cpus {
		all.Go(func() {
			for failing.Load() == ^uint64(0) {
				i := next.Add(1) - 1
				if i >= int64(n) {
					return
				}
				w := &World{tape: Random(seed + uint64(i))}
				w.config = (*Scenario)(nil).choose(w.tape)
				w.run()
				lives.Add(int64(len(w.lives)))
				bytes.Add(w.k.Given)
				if w.failure != "" {
					failing.CompareAndSwap(^uint64(0), seed+uint64(i))
				}
			}
		})
	}
	if err := attend(patience, func() error { all.Wait(); return nil }); err != nil {
		return r, err
	}
	r.Schedules, r.Lives, r.Bytes, r.Took = min(next.Load(), int64(n)), lives.Load(), bytes.Load(), time.Since(began)
	if bad := failing.Load(); bad != ^uint64(0) {
		return r, explain(bad, int64(bad-seed)+1, nil)
	}
	return r, nil
}

// explain runs a failing seed again, and shrinks it.
func explain(seed uint64, after int64, exact *Scenario) error {
	t := Random(seed)
	failure := Run(t, exact, nil)
	short, ran := shrunk(t.picks, failure, exact)
	return fmt.Errorf("seed %d fails, after %d schedules: %s\n\nreplay: go run ./proof schedules -n 1 -seed %d\nshrunk from %d to %d choices: %s\nreplay: go run ./proof schedules -tape %s",
		seed, after, failure, seed, len(t.picks), len(short), ran, hex.EncodeToString(short))
}

// shrunk looks for the shortest tape that fails in the same way, and says how.
func shrunk(picks []byte, failure string, exact *Scenario) (short []byte, how string) {
	same := sort(failure)
	deadline := time.Now().Add(10 * time.Second)
	over := func() bool { return time.Now().After(deadline) }
	short = Shrink(picks, over, func(candidate []byte) bool {
		return sort(Run(Replay(candidate), exact, nil)) == same
	})
	return short, Run(Replay(short), exact, nil)
}

// sort is the sort of a failure: its words up to the first that varies.
func sort(failure string) string {
	head, _, _ := strings.Cut(failure, ":")
	return strings.TrimLeft(head, "0123456789 ")
}

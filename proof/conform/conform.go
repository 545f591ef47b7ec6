package conform

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// Run is the command "conform": sequences of calls on both kernels.
func Run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("conform", flag.ContinueOnError)
	flags.SetOutput(out)
	n := flags.Int("n", 10_000, "how many sequences")
	seed := flags.Uint64("seed", rand.Uint64()>>16, "the first seed; the others follow. Default: a fresh one, printed")
	verbose := flags.Bool("v", false, "print the sequences")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *n < 1 {
		return fmt.Errorf("-n %d: must be 1 or more", *n)
	}
	k, err := sys.Host()
	if err != nil {
		return err
	}
	began, calls := time.Now(), 0
	if err := Thresholds(k); err != nil {
		return err
	}
	for i := range *n {
		log, err := Sequence(k, *seed+uint64(i))
		calls += len(log)
		if *verbose {
			fmt.Fprintln(out, strings.Join(log, "\n"))
		}
		if err != nil {
			return fmt.Errorf("sequence %d: %w\nafter:\n  %s\nreplay: go run ./proof conform -n 1 -seed %d", i+1, err, strings.Join(log, "\n  "), *seed+uint64(i))
		}
	}
	fmt.Fprintf(out, "%d sequences from seed %d, %d calls compared, on the simulation and on this kernel, in %.1f s: no difference; EPOLLOUT comes late on both\n",
		*n, *seed, calls, time.Since(began).Seconds())
	return nil
}

// families are those of the sequences, by turns.
var families = [4]sys.Family{sys.Inet4, sys.Unix, sys.Inet4, sys.Inet6}

// Sequence makes one sequence of calls on a kernel and on a simulated one, and answers
// what was called, and the first difference.
func Sequence(k sys.Kernel, seed uint64) ([]string, error) {
	f := families[seed%uint64(len(families))]
	real, err := newSide(k, f)
	if f == sys.Inet6 && (errors.Is(err, sys.EAFNOSUPPORT) || errors.Is(err, sys.EADDRNOTAVAIL)) {
		f = sys.Inet4 // a machine without IPv6
		real, err = newSide(k, f)
	}
	if err != nil {
		return nil, err
	}
	defer k.Close(real.ln)
	model, err := newSide(simkernel.New(simkernel.Config{Send: 1 << 20, Recv: 1 << 20, Slot: 1 << 20}), f)
	if err != nil {
		return nil, err
	}
	r := &run{real: real, model: model, rng: rand.New(rand.NewPCG(seed, 1))}
	r.out[0].K, r.out[1].K = 1, 2
	defer real.close()
	defer model.close()
	for _, s := range []*side{real, model} {
		if err := s.open(); err != nil {
			return nil, err
		}
	}
	for range 5 + r.rng.IntN(40) {
		if err := r.step(); err != nil {
			return r.log, err
		}
	}
	return r.log, nil
}

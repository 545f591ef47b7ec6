// Package soak runs the runtime for minutes on real sockets, in network namespaces
// of its own, under a load whose every byte names its owner: with half-closes,
// resets, urgent bytes, slow and absent readers, links that go down or narrow, and
// sockets that are destroyed. Both ends of each connection say what they saw, and
// an oracle holds the one against the other.
//
// The roles are processes: the client, the forwarder (an unprivileged user, whose
// pipes have a page budget) and the backend. The load comes in waves; in the gaps
// between them the forwarder must hold nothing, and what it holds must not grow.
package soak

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os/signal"
	"strings"
	"time"
)

// settings are what the flags say.
type settings struct {
	minutes  float64
	seed     uint64
	atOnce   int
	shape    bool
	verbose  bool
	plain    bool
	patience time.Duration
	fault    string
}

// Run is the command "soak". Its error is the first thing that was wrong.
func Run(args []string, out io.Writer) error {
	if err := supported(); err != nil {
		return err
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "role-") {
		return runRole(args[0], args[1:], out)
	}
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals...)
	defer stop()
	return s.run(ctx, out)
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := new(settings)
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Float64Var(&s.minutes, "minutes", 1, "how long to load")
	flags.Uint64Var(&s.seed, "seed", rand.Uint64()>>16, "what is drawn from. Default: a fresh one, printed")
	flags.IntVar(&s.atOnce, "c", 200, "connections at a time")
	flags.BoolVar(&s.shape, "shape", true, "shape the links now and then")
	flags.BoolVar(&s.verbose, "v", false, "tell of each wave")
	flags.BoolVar(&s.plain, "plain", false, "on the loopback, without root: no trouble with links, no kills")
	flags.DurationVar(&s.patience, "patience", time.Minute, "after how long without a byte a connection hangs")
	flags.StringVar(&s.fault, "fault", "", "put a forwarder with a fault in place of the real one, to see it noticed: drop, repeat, swap, tail, clean, early, cut or hang")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("soak: %q: no such argument", flags.Arg(0))
	case s.minutes <= 0 || s.atOnce < 1 || s.patience < time.Second:
		return nil, fmt.Errorf("soak: -minutes %v, -c %d, -patience %v: must be above 0, 1 or more, and 1s or more", s.minutes, s.atOnce, s.patience)
	case s.fault != "" && faults[s.fault] == nil:
		return nil, fmt.Errorf("soak: -fault %q: not one of those that -h lists", s.fault)
	}
	return s, nil
}

// again is the command that repeats a run, as far as time lets it.
func (s *settings) again() string {
	c := fmt.Sprintf("go run ./proof soak -minutes %v -seed %d -c %d -shape=%v", s.minutes, s.seed, s.atOnce, s.shape)
	if s.plain {
		c += " -plain"
	}
	if s.fault != "" {
		c += " -fault " + s.fault
	}
	return c
}

// waveTime is how long a wave loads: there are some twelve in a run, so that slopes
// can be told after a minute.
func (s *settings) waveTime() time.Duration {
	total := time.Duration(s.minutes * float64(time.Minute))
	return min(max(total/12, 2*time.Second), 20*time.Second)
}

package sim

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// small are the worlds all of whose schedules are run: who acts next, whenever
// somebody could; what the parties do; and what comes between two calls.
var small = []struct {
	name  string
	world Scenario
}{
	{"one transfer: bytes or none, each end, a full sink or not, spliced and copied", Scenario{Lives: 1, Steps: 1}},
	{"one transfer, and one thing between any two calls of its first 40", Scenario{Lives: 1, Steps: 0, Interleave: 1}},
	{"the wake-up: two posts, each between any two calls, or while the loop sleeps", Scenario{Lives: 0, Posts: 2}},
	{"close and reuse: two connections, a reset in the same batch as an arrival", Scenario{Lives: 2, Ends: true}},
}

// Exhaust is the command "exhaust": every schedule of some small worlds.
func Exhaust(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("exhaust", flag.ContinueOnError)
	flags.SetOutput(out)
	most := flags.Int("max", 0, "stop after so many schedules of each world, which is then not exhausted; 0: never")
	if err := flags.Parse(args); err != nil {
		return err
	}
	total, began := 0, time.Now()
	for i := range small {
		n, all, err := enumerate(&small[i].world, *most)
		if err != nil {
			return fmt.Errorf("%s: %w", small[i].name, err)
		}
		word := "every one"
		if !all {
			word = "not all"
		}
		fmt.Fprintf(out, "%9d schedules, %s, of %s\n", n, word, small[i].name)
		total += n
	}
	fmt.Fprintf(out, "%9d schedules in %.1f s\n", total, time.Since(began).Seconds())
	return nil
}

// enumerate runs every schedule of a world, or the first most. all says that none is left.
func enumerate(s *Scenario, most int) (n int, all bool, err error) {
	for t := (&Tape{keep: true}); t != nil; t = t.next() {
		if most > 0 && n == most {
			return n, false, nil
		}
		n++
		if failure := Run(t, s, nil); failure != "" {
			return n, false, fmt.Errorf("schedule %d: %s\nchoices: %x", n, failure, t.picks)
		}
	}
	return n, true, nil
}

// A Scenario bounds what a run may choose. Nil is everything.
type Scenario struct {
	Lives      int  // exactly
	Steps      int  // each party writes up to so many times
	Ends       bool // parties write nothing, and end by FIN or RST
	Interleave int  // how many times something happens between two calls
	Posts      int  // of another goroutine
}

// exact is a small world.
func (s *Scenario) exact(t *Tape) config {
	c := config{
		loops: 1, lives: make([]kind, s.Lives), mss: 1 << 20, peers: 64 << 10,
		posts: s.Posts, interleave: 2, between: s.Interleave, exact: s,
	}
	if s.Posts > 0 {
		c.between = s.Posts
	}
	c.relay = splice.Options{StallTimeout: -1, Mode: splice.Splice}
	c.kernel = simkernel.Config{Send: 64 << 10, Recv: 64 << 10}
	if s.Steps > 0 {
		c.relay.Mode = Of(t, splice.Splice, splice.Copy)
		c.kernel.Send = Of(t, 64<<10, 600)
	}
	c.marks = loop.Marks{}
	return c
}

// limit makes the plan of a party one of a few.
func (s *Scenario) limit(t *Tape, p *party) {
	p.chunk, p.reads, p.urgent = 1000, 1<<20, -1
	p.total = 1000 * t.Pick(s.Steps+1)
	switch {
	case s.Ends:
		p.how = Of(t, shutHalf, resetAll)
	case s.Steps > 0:
		p.how = ending(t.Pick(4))
	default:
		p.how = Of(t, shutHalf, resetAll)
	}
}

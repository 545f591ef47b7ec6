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
	{"the wake-up: three posts, each between any two calls or while the loop sleeps", Scenario{Posts: 3}},
	{"a posted function that posts itself 2,000 times, beside an echo", Scenario{Lives: 1, Echo: true, Resets: true, Posts: 1, Feeds: 2000}},
	{"close and reuse: three connections to an echo server, that write, and end or reset, in all orders", Scenario{Lives: 3, Echo: true, Steps: 0, Resets: true}},
	{"close and reuse: two of them, and one thing between any two calls", Scenario{Lives: 2, Echo: true, Steps: 0, Resets: true, Interleave: 1}},
	{"a shortage: three connections to an echo server that has a descriptor for one", Scenario{Lives: 3, Echo: true, Resets: true, Room: 1}},
	{"a fault: any call of a relay fails, in each of its ways", Scenario{Lives: 1, Steps: 1, Ordered: true, Faults: 1}},
	{"a fault: any call of an echo", Scenario{Lives: 1, Echo: true, Steps: 1, Ordered: true, Faults: 1}},
	{"a fault: any call of an answer that a timer sends", Scenario{Lives: 1, Reply: true, Steps: 1, Ordered: true, Faults: 1}},
	{"an answer that a timer sends: a write or none; FIN, close or RST; one thing between any two calls", Scenario{Lives: 1, Reply: true, Steps: 1, Interleave: 1}},
	{"both directions without bytes, FIN, close or RST", Scenario{Lives: 1}},
	{"one relay without bytes, FIN or RST, and one thing between any two calls", Scenario{Lives: 1, Ends: true, Interleave: 1}},
	{"one direction: a write or none; FIN, close or RST; spliced and copied; a sink with room or without", Scenario{Lives: 1, Steps: 1, OneWay: true}},
	{"one direction, into a sink that resets", Scenario{Lives: 1, Steps: 1, Ends: true, Cut: true}},
	{"one direction back: a backend that speaks first, and ends before the loop is awake", Scenario{Lives: 1, Steps: 1, First: true, Linger: 5}},
	{"the same, with an urgent byte in front of what it says, and RST; a signal pending at the mark, or none", Scenario{Lives: 1, Steps: 1, First: true, Urgent: true, Resets: true, Linger: 7}},
	{"an echo that its client does not read, and back-pressure, up to two writes and RST, before the loop is awake", Scenario{Lives: 1, Echo: true, Steps: 2, Tight: true, Resets: true, Linger: 3}},
	{"time: one direction into a sink that is read at any pace, under each timeout", Scenario{Lives: 1, Steps: 1, OneWay: true, Timed: true, Ordered: true}},
	{"time: the process is stopped between any two calls, or while the loop sleeps", Scenario{Lives: 1, Steps: 1, OneWay: true, Ends: true, Timed: true, Pauses: 1, Interleave: 1, Ordered: true}},
	{"time: a backend that is late to answer, and the process is stopped", Scenario{Lives: 1, Timed: true, Late: 2, Pauses: 1, Interleave: 1, Ordered: true}},
	{"time: the server has its say and closes; a client that reads at any pace, by TCP or Unix, and one thing between any two calls", Scenario{Lives: 1, Speaks: true, Interleave: 1, Ordered: true}},
	{"Unix sockets on one side or both: one direction, a write or none; FIN, close or what is a reset elsewhere", Scenario{Lives: 1, Steps: 1, OneWay: true, Unix: true}},
	{"the same, both directions without bytes, and one thing between any two calls", Scenario{Lives: 1, Unix: true, Ends: true, Interleave: 1}},
	{"Unix sockets: one direction, into a sink that closes with bytes unread", Scenario{Lives: 1, Steps: 1, Ends: true, Cut: true, Unix: true}},
	{"a race: a name of two addresses, each of which answers, refuses, is a black hole, late or unreachable", Scenario{Lives: 1, Ends: true, Ordered: true, Named: true}},
	{"a race of two addresses that answer a second later, and the process is stopped between any two calls", Scenario{Lives: 1, Ends: true, Ordered: true, Named: true, Pauses: 1, Interleave: 1}},
	{"Unix sockets: a backend has its say and closes, with bytes unread or not, up to three events before the loop is awake", Scenario{Lives: 1, Steps: 1, Parting: true, Unix: true, Ordered: true, Linger: 3}},
	{"Unix sockets: a backend whose backlog is full at first", Scenario{Lives: 1, Timed: true, Late: 1, Unix: true}},
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
	err = attend(patience, func() error {
		for t := (&Tape{keep: true}); t != nil; t = t.next() {
			if most > 0 && n == most {
				return nil
			}
			n++
			if failure := Run(t, s, nil); failure != "" {
				return fmt.Errorf("schedule %d: %s\nchoices: %x", n, failure, t.picks)
			}
		}
		all = true
		return nil
	})
	return n, all, err
}

// A Scenario bounds what a run may choose. Nil is everything.
type Scenario struct {
	Lives      int  // exactly
	Steps      int  // each party writes up to so many times
	Echo       bool // the server echoes, instead of relaying
	Reply      bool // the server answers 100 ms after the end, instead of relaying
	Tight      bool // the sink takes 600 bytes, and back-pressure begins at 1,000
	Resets     bool // parties end by RST
	Ends       bool // parties end by FIN or RST; else by FIN, close or RST
	OneWay     bool // backends write nothing, and end when their client has
	Urgent     bool // backends send an urgent byte before they write
	First      bool // clients write nothing, and end when their backend has
	Cut        bool // backends write nothing, and reset
	Ordered    bool // of those who could act the first does; parties end by FIN, at once or as an answer, or RST
	Room       int  // descriptors for connections; 0: enough
	Faults     int  // how many calls fail
	Linger     int  // how many times more comes before the loop is awake
	Interleave int  // how many times something happens between two calls
	Posts      int  // of another goroutine
	Speaks     bool // the server has its say and closes, and Linger is a second; clients read at any pace
	Unix       bool // clients, or backends, or both, have Unix sockets
	Parting    bool // both write once, and backends close then, without having read
	Named      bool // backends have a name of two addresses
	Timed      bool // one of the timeouts of a relay is in force; backends read slowly
	Pauses     int  // how many times the process is stopped
	Late       int  // of so many times more, backends answer after one
	Feeds      int  // a posted function posts itself so many times more
}

// exact is a small world.
func (s *Scenario) exact(t *Tape) config {
	c := config{
		dial: longDial, loops: 1, workers: 1, lives: make([]kind, s.Lives), mss: 1 << 20, peers: 64 << 10,
		posts: s.Posts, interleave: 2, between: s.Interleave + s.Posts, linger: s.Linger, exact: s,
		feeds: s.Feeds, odd: s.Urgent, faults: s.Faults > 0, deadly: true, failing: s.Faults,
	}
	for i := range c.lives {
		switch {
		case s.Echo:
			c.lives[i] = echoed
		case s.Reply:
			c.lives[i] = replied
		case s.Speaks:
			c.lives[i] = spoken
		}
	}
	c.relay = splice.Options{StallTimeout: -1, Mode: splice.Splice}
	c.kernel = simkernel.Config{Send: 64 << 10, Recv: 64 << 10}
	if s.Room > 0 {
		c.kernel.Files = c.ownFiles() + s.Room
	}
	if s.Unix {
		c.backs = []back{byUnix}
		switch t.Pick(3) {
		case 1:
			c.front = overUnix
		case 2:
			c.front, c.backs[0] = overUnix, byTCP4
		}
	}
	if s.Named {
		c.backs, c.pauses = []back{byName}, s.Pauses
	}
	if s.Speaks {
		c.timed, c.closeWait, c.peers = true, time.Second, 2000
		c.front = Of(t, overTCP4, overUnix)
	} else if s.Tight {
		c.kernel.Send, c.marks = 600, loop.Marks{Low: 500, High: 1000}
	} else if s.Timed {
		s.time(t, &c)
	} else if s.Steps > 0 && !s.First {
		c.relay.Mode = Of(t, splice.Splice, splice.Copy)
		c.kernel.Send = Of(t, 64<<10, 600)
	}
	return c
}

// limit makes the plan of a party one of a few.
func (s *Scenario) limit(t *Tape, p *party, backend bool) {
	p.chunk, p.reads, p.urgent, p.stallAt = 1000, 1<<20, -1, ^uint64(0)
	if s.Urgent && backend {
		p.urgent = 0
	}
	switch {
	case s.Cut && backend:
		p.how = resetAll
		return
	case s.OneWay && backend, s.First && !backend:
		p.how = answer
		return
	case s.Parting:
		p.total, p.how = p.chunk, shutHalf
		if backend {
			p.how = closeAll
		}
		return
	case s.Speaks:
		p.how, p.reads = Of(t, answer, shutHalf, resetAll), 1000
		p.chunk = 5000
		return
	case s.Resets:
		p.how = resetAll
	case s.Ends:
		p.how = Of(t, shutHalf, resetAll)
	case s.Ordered:
		p.how = Of(t, shutHalf, answer, resetAll)
	default:
		p.how = Of(t, shutHalf, closeAll, resetAll)
	}
	if s.Timed {
		p.chunk = 5000
	}
	p.total = p.chunk * t.Pick(s.Steps+1)
}

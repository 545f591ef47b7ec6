package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/penstock/penstock/examples/internal/cli"
)

// The demonstration has the forwarder and a plain proxy carry the same load in turns, and
// then a number of silent connections. Messages go to the backend directly, too: what that
// takes is the load's own, and this machine's.
const (
	demoRounds     = 3
	streamsTime    = 900 * time.Millisecond
	messagesTime   = 600 * time.Millisecond
	demoStreams    = 2 // each way
	demoPings      = 8
	demoMessage    = 64
	demoSilent     = 200
	throughNothing = "direct"
)

// runDemo shows what the forwarder does and what it costs.
func runDemo() int {
	if err := demonstrate(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return cli.Failure
	}
	return cli.Drained
}

// A contender is one column of the demonstration.
type contender struct {
	name    string
	back    *backend
	process *process // nil for throughNothing
	addr    string

	streams, messages work // by the blocks, one each round
	took              []time.Duration
	silent            figures // for each silent connection
	left              int     // descriptors that were not given back
}

// work is what was done in some blocks, and the CPU time of the process that did it.
type work struct {
	cpu     []time.Duration
	amounts []float64 // GiB, or thousands of messages
}

// perUnit returns the median over the blocks.
func (w *work) perUnit() time.Duration {
	each := make([]time.Duration, len(w.cpu))
	for i := range each {
		each[i] = time.Duration(float64(w.cpu[i]) / w.amounts[i])
	}
	slices.Sort(each)
	return each[len(each)/2]
}

func (w *work) total() (sum float64) {
	for _, a := range w.amounts {
		sum += a
	}
	return sum
}

func demonstrate() (err error) {
	fmt.Printf("Penstock and a plain io.Copy proxy, each in a process of its own, in turns, and\n"+
		"messages without a proxy, too: %d streams each way; then %d that exchange %d\nbytes now and then; then %d that are silent. Every byte is verified.\n\n",
		demoStreams, demoPings, demoMessage, demoSilent)
	var all []*contender
	for _, name := range []string{throughPenstock, throughCopy, throughNothing} {
		c, e := newContender(name)
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, c.close()) }()
		all = append(all, c)
	}
	for range demoRounds {
		for _, c := range all {
			if err := c.round(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		slices.Reverse(all[:2]) // none is always first
	}
	penstock, plain := all[0], all[1]
	if penstock.name != throughPenstock {
		penstock, plain = plain, penstock
	}
	for _, c := range all[:2] {
		if err := c.hold(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	report(penstock, plain, all[2])
	return errors.Join(penstock.back.verdict(), plain.back.verdict(), all[2].back.verdict())
}

func newContender(name string) (*contender, error) {
	back, err := startBackend()
	if err != nil {
		return nil, err
	}
	c := &contender{name: name, back: back, addr: back.addr()}
	if name != throughNothing {
		if c.process, err = startProcess(name, back.addr()); err != nil {
			back.close()
			return nil, err
		}
		c.addr = c.process.addr
	}
	return c, nil
}

func (c *contender) close() error {
	var err error
	if c.process != nil {
		err = c.process.end()
	}
	c.back.close()
	return err
}

// round is a block of streams and one of messages.
func (c *contender) round() error {
	if c.process != nil {
		if err := c.block(&c.streams, func() (float64, error) {
			begin := time.Now()
			bytes, err := c.back.streams(c.addr, streamsTime)
			gib := float64(bytes) / (1 << 30)
			fmt.Printf("%-9s streams  %8.2f GiB/s\n", c.name, gib/time.Since(begin).Seconds())
			return gib, err
		}); err != nil {
			return err
		}
	}
	return c.block(&c.messages, func() (float64, error) {
		took, err := c.back.messages(c.addr, messagesTime)
		fmt.Printf("%-9s messages %8d answered\n", c.name, len(took))
		c.took = append(c.took, took...)
		return float64(len(took)) / 1000, err
	})
}

// block runs one, and keeps what it cost.
func (c *contender) block(w *work, run func() (amount float64, err error)) error {
	var before, after figures
	var err error
	if c.process != nil {
		if before, err = c.process.ask(askCPU); err != nil {
			return err
		}
	}
	amount, err := run()
	if err == nil && c.process != nil {
		after, err = c.process.ask(askCPU)
	}
	w.cpu, w.amounts = append(w.cpu, after.CPU-before.CPU), append(w.amounts, amount)
	return err
}

// hold opens connections that exchange one message, and says what each costs while it is
// silent.
func (c *contender) hold() error {
	before, err := c.process.ask(askAll)
	if err != nil {
		return err
	}
	closeAll, err := c.back.hold(c.addr, demoSilent)
	if err == nil {
		c.silent, err = c.process.ask(askAll)
	}
	closeAll()
	c.silent = c.silent.minus(before)
	for range 100 { // the ends are on their way
		after, e := c.process.ask(askAll)
		c.left = max(after.Descriptors-before.Descriptors, 0)
		if err = errors.Join(err, e); err != nil || c.left == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func report(penstock, plain, direct *contender) {
	row := func(what, format string, of func(*contender) any, columns ...*contender) {
		fmt.Printf("%-34s", what)
		for _, c := range columns {
			fmt.Printf(" %13s", fmt.Sprintf(format, of(c)))
		}
		fmt.Println()
	}
	both, every := []*contender{penstock, plain}, []*contender{penstock, plain, direct}
	fmt.Println()
	row("", "%v", func(c *contender) any { return c.name }, every...)
	row("streams: CPU for a GiB", "%v", func(c *contender) any { return c.streams.perUnit().Round(time.Millisecond) }, both...)
	row("messages: CPU for a thousand", "%v", func(c *contender) any { return c.messages.perUnit().Round(100 * time.Microsecond) }, both...)
	row("  round trip, median", "%v", func(c *contender) any { return c.percentile(50) }, every...)
	row("  round trip, 99 of 100 within", "%v", func(c *contender) any { return c.percentile(99) }, every...)
	row("each silent connection: files", "%.0f", func(c *contender) any { return float64(c.silent.Descriptors) / demoSilent }, both...)
	row("  goroutines", "%.0f", func(c *contender) any { return float64(c.silent.Goroutines) / demoSilent }, both...)
	row("  memory of the process, KiB", "%.1f", func(c *contender) any { return float64(c.silent.Memory) / 1024 / demoSilent }, both...)
	row("descriptors not given back", "%d", func(c *contender) any { return c.left }, both...)
	row("moved, and verified, GiB", "%.2f", func(c *contender) any { return c.streams.total() }, both...)
	row("bytes lost", "%d", func(c *contender) any { return c.back.lost() }, every...)
	fmt.Print(`
CPU is that of the proxy's process, the median of three blocks. Try next:
  go run ./examples/forward -listen 127.0.0.1:8080 -to HOST:PORT -stats
  go run ./examples/forward -h
`)
}

func (c *contender) percentile(p int) time.Duration {
	slices.Sort(c.took)
	if len(c.took) == 0 {
		return 0
	}
	return c.took[(len(c.took)-1)*p/100].Round(time.Microsecond)
}

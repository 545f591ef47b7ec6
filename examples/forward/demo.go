package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/loop"
)

// What the demo runs: streams up, streams down, and pairs that exchange small
// messages, in phases.
const (
	streamsAlone int32 = iota
	messagesAlone
	bothAtOnce
	over
)

var (
	phaseNames = [over]string{"streams", "messages", "both"}
	phaseTimes = [over]time.Duration{4 * time.Second, 3 * time.Second, 3 * time.Second}
)

const (
	demoStreams = 2
	demoPings   = 8
	demoMessage = 64
)

// runDemo shows what the forwarder does and what it costs, with a backend and a
// load in the same process.
func runDemo() int {
	if err := demonstrate(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return cli.Failure
	}
	return cli.Drained
}

func demonstrate() error {
	now := new(atomic.Int32)
	back, err := startBackend(now)
	if err != nil {
		return err
	}
	defer back.close()
	f := &forwarder{to: cli.Addr{Network: "tcp", Address: back.addr()}, outage: newOutage("")}
	// A thread for each loop, so that its CPU time can be told from the load's.
	srv := &loop.Server{Handler: loop.OnOpen(f.open), Config: loop.Config{LockThreads: true}}
	front, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()

	fmt.Printf("backend %s, forwarder %s:\n%d streams up, %d down, %d exchanging %d bytes, 10 s,\nevery byte verified\n",
		back.addr(), front, demoStreams, demoStreams, demoPings, demoMessage)
	ld, err := startLoad(front.String(), back)
	if err != nil {
		return err
	}
	var streams loop.Counters // after the first phase
	for phase := range over {
		now.Store(phase)
		watch(srv, ld, phase)
		if phase == streamsAlone {
			streams = srv.Group().Counters()
		}
	}
	ld.end()
	c := idle(srv) // the small connections are open, and silent
	report(streams, c, ld)
	ld.close()
	stop()
	if err := <-served; err != nil {
		return err
	}
	if left := srv.Group().Counters().Conns; left != 0 {
		return fmt.Errorf("%d connections were not given back", left)
	}
	return ld.verdict()
}

// watch prints what is going on until the phase is over: on a terminal a line that
// renews itself, elsewhere one line at the end.
func watch(srv *loop.Server, ld *load, phase int32) {
	every, end := phaseTimes[phase], "\n"
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		every, end = 200*time.Millisecond, "\r"
	}
	last := srv.Group().Counters()
	for range int(phaseTimes[phase] / every) {
		time.Sleep(every)
		c := srv.Group().Counters()
		fmt.Print(liveLine(phase, every, ld.messages.Swap(0), &c, &last), end)
		last = c
	}
	if end == "\r" {
		fmt.Println()
	}
}

// liveLine is what happened since last, in less than the 80 columns of a terminal: a
// longer line would wrap, and could not renew itself.
func liveLine(phase int32, since time.Duration, messages int64, c, last *loop.Counters) string {
	spliced, copied := c.BytesSpliced-last.BytesSpliced, c.BytesCopied-last.BytesCopied
	return fmt.Sprintf("%-8s %6.2f GiB/s %3.0f %% spliced %6d msg/s %2d pipes %5d KiB in flight",
		phaseNames[phase], mib(spliced+copied)/1024/since.Seconds(), 100*float64(spliced)/float64(max(spliced+copied, 1)),
		int(float64(messages)/since.Seconds()), c.Pipes.Leased, c.InFlight>>10)
}

// idle waits until the loops sleep, so that their counters are exact.
func idle(srv *loop.Server) loop.Counters {
	c := srv.Group().Counters()
	for range 100 {
		time.Sleep(20 * time.Millisecond)
		next := srv.Group().Counters()
		if next.BytesCopied == c.BytesCopied && next.BytesSpliced == c.BytesSpliced && next.Relays == demoPings {
			return next
		}
		c = next
	}
	return c
}

func report(streams, c loop.Counters, ld *load) {
	moved := mib(streams.BytesSpliced + streams.BytesCopied)
	fmt.Printf("\n%-36s %10.2f GiB\n", "moved, and verified", mib(c.BytesSpliced+c.BytesCopied)/1024)
	fmt.Printf("%-36s %10.2f s\n", "streams, CPU of the loops for a GiB", time.Duration(streams.CPU).Seconds()/(moved/1024))
	fmt.Printf("%-36s %10.1f\n", "streams, system calls for a MiB", float64(streams.Calls())/moved)
	for _, phase := range []int32{messagesAlone, bothAtOnce} {
		took := ld.took[phase]
		slices.Sort(took)
		percentile := func(p int) time.Duration { return took[(len(took)-1)*p/100].Round(time.Microsecond) }
		if len(took) > 0 {
			fmt.Printf("%-36s %10v p50 %10v p99\n", "small message, phase "+phaseNames[phase], percentile(50), percentile(99))
		}
	}
	fmt.Printf("%-36s %10d of %d connections\n", "pipes held when idle", c.Pipes.Leased, c.Relays)
	fmt.Printf("%-36s %10d\n", "bytes lost", ld.lost())
	fmt.Print(`
Beside the streams a message waits for the load, which makes and checks every byte on the same CPUs. Try next:
  go run ./examples/forward -listen 127.0.0.1:8080 -to HOST:PORT -stats
  go run ./examples/forward -h
`)
}

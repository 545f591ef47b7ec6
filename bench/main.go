// Bench is a load-testing harness for TCP servers and relays that tells the truth:
// it measures response times from when a request should have been sent, checks every
// byte, charges the system under test for what it uses, and says itself when a run
// cannot be believed.
//
//	go run ./bench rr tcp://127.0.0.1:7000 -c 100 -r 20000 -d 10s
//	go run ./bench -h
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/penstock/penstock/bench/plan"
)

// The exit codes.
const (
	exitFailed    = 1 // the command could not be run
	exitUsage     = 2 // an argument makes no sense
	exitInvalid   = 3 // there is a result, and it cannot be believed
	exitThreshold = 4 // there is a result, and it misses a threshold
)

// An exit is an error with a code of its own.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprint("exit ", e.code)
	}
	return e.err.Error()
}
func (e *exit) Unwrap() error { return e.err }

// A session is what every command is given.
type session struct {
	ctx  context.Context // ended by an interrupt
	out  io.Writer
	err  io.Writer // progress and complaints
	args []string  // as they were called
	// capture, if there is one, is given what a load command would have run: for
	// commands that are given another one, and run it their own way.
	capture func(c *common, p *plan.Plan) error
}

// commands are the command line.
type commands struct {
	RR         rrCommand         `cmd:"" name:"rr" help:"Requests and responses over connections that stay."`
	CRR        crrCommand        `cmd:"" name:"crr" help:"A connection for each request."`
	Stream     streamCommand     `cmd:"" help:"Bulk, up, down or both, every byte verified."`
	Serve      serveCommand      `cmd:"" help:"The other end of a load."`
	Hold       holdCommand       `cmd:"" help:"Many connections that stay, a few of them active."`
	Churn      churnCommand      `cmd:"" help:"Storms of connections."`
	Slow       slowCommand       `cmd:"" help:"Peers that read or write a little at a time, and what others notice of them."`
	HalfClose  halfCloseCommand  `cmd:"" name:"halfclose" help:"Requests with an end: the response comes all the same."`
	RST        rstCommand        `cmd:"" name:"rst" help:"Resets in flight, and what others notice of them."`
	Search     searchCommand     `cmd:"" help:"The highest rate that keeps an objective."`
	Scan       scanCommand       `cmd:"" help:"Latency over load: one run for each of several rates."`
	Agent      agentCommand      `cmd:"" help:"Generate load for a controller elsewhere: any load command with --agents."`
	AB         abCommand         `cmd:"" name:"ab" help:"Systems under the same load, in turn: which is cheaper, and by how much."`
	Compare    compareCommand    `cmd:"" help:"Two saved results side by side."`
	Report     reportCommand     `cmd:"" help:"A page of saved results and comparisons: one HTML file that needs no network."`
	Doctor     doctorCommand     `cmd:"" help:"What would spoil a measurement on this machine. Exit code 3 if something is bad."`
	Peers      peersCommand      `cmd:"" help:"Penstock and its peers: the matrix of systems and loads."`
	Generators generatorsCommand `cmd:"" name:"generators" help:"This harness beside wrk, h2load, fortio, redis-benchmark and iperf3, on the same servers."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main, for tests: it answers the exit code.
func run(args []string, out, complaints io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := (&session{ctx: ctx, out: out, err: complaints, args: args}).run(args)
	if err == nil {
		return 0
	}
	var e *exit
	var bad *plan.Invalid // of which only the generator could know
	switch {
	case errors.As(err, &e):
	case errors.As(err, &bad):
		e = &exit{exitUsage, err}
	default:
		e = &exit{exitFailed, err}
	}
	if e.err != nil {
		fmt.Fprintln(complaints, "penstock-bench:", err)
	}
	return e.code
}

// run parses and runs a command line. What cannot be parsed is an exit with
// exitUsage; help, once printed, one without an error.
func (s *session) run(args []string) (err error) {
	parser, err := kong.New(new(commands), kong.Name("penstock-bench"), kong.Writers(s.out, s.err),
		kong.Description("A load-testing harness that tells the truth. Exit codes: 1 failed, 2 bad usage, 3 the run is invalid, 4 a threshold was missed."),
		kong.Exit(func(n int) { panic(&exit{code: n}) })) // kong goes on otherwise
	if err != nil {
		panic(err) // the command line itself is wrong
	}
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(*exit)
			if !ok {
				panic(v)
			}
			err = e
		}
	}()
	command, err := parser.Parse(args)
	if err != nil {
		return &exit{exitUsage, err}
	}
	if s.capture != nil {
		if _, ok := command.Selected().Target.Addr().Interface().(interface{ isLoad() }); !ok {
			return &exit{exitUsage, fmt.Errorf("%s is no load", command.Selected().Name)}
		}
	}
	return command.Run(s)
}

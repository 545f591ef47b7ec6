// Proof runs what the reliability card of the README claims: each of its numbers
// is the outcome of one of these commands.
//
//	go run ./proof schedules    random schedules of the runtime on a simulated kernel
//	go run ./proof exhaust      every schedule of small ones
//	go run ./proof conform      the simulated kernel held against the real one
//	go run ./proof sweep        every errno at every index of every system call
//	go run ./proof museum       historic bugs, planted, that the tests must catch
//	go run ./proof mutants      small changes of the source that some test must notice
//	go run ./proof soak         minutes of real traffic through a bad network
//	go run ./proof suites       Go's own network tests through a transparent forwarder
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/penstock/penstock/proof/conform"
	"github.com/penstock/penstock/proof/museum"
	"github.com/penstock/penstock/proof/mutants"
	"github.com/penstock/penstock/proof/sim"
	"github.com/penstock/penstock/proof/soak"
	"github.com/penstock/penstock/proof/suites"
	"github.com/penstock/penstock/proof/sweep"
)

// commands by name. Each reads its own flags, and answers an error if what it was
// to prove does not hold.
var commands = map[string]func(args []string, out io.Writer) error{
	"schedules": sim.Schedules,
	"exhaust":   sim.Exhaust,
	"conform":   conform.Run,
	"sweep":     sweep.Run,
	"museum":    museum.Run,
	"mutants":   mutants.Run,
	"soak":      soak.Run,
	"suites":    suites.Run,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go run ./proof schedules|exhaust|conform|sweep|museum|mutants|soak|suites [flags]; -h after the command lists them")
		os.Exit(2)
	}
	err := commands[os.Args[1]](os.Args[2:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"testing"
)

// The test binary is the program, too, for tests that start it: with any argument
// that is no flag of the tests'.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	// The runtime keeps a goroutine for signals from the first time on.
	_, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	stop()
	os.Exit(m.Run())
}

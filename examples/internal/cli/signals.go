package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// togetherFor is how long after the first signal further ones count as the same
// request to end: supervisors send two, for example one to the process and one to its
// group.
const togetherFor = time.Second

// Interrupted returns a context that the first SIGTERM or SIGINT ends. A signal that
// comes more than a second later ends the process at once.
func Interrupted() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		first := time.Now()
		cancel()
		for s := range signals {
			if time.Since(first) < togetherFor {
				continue
			}
			sayAtMost(100*time.Millisecond, fmt.Sprintf("%v, %v after the first signal: the drain ends now, open connections are reset", s, time.Since(first).Round(time.Second)))
			os.Exit(Failure)
		}
	}()
	return ctx
}

// sayAtMost writes a line to stderr, and waits for that no longer than d: a pipe that
// nobody reads would block for ever.
func sayAtMost(d time.Duration, line string) {
	said := make(chan struct{})
	go func() {
		fmt.Fprintln(os.Stderr, line)
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(d):
	}
}

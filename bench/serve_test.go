package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/testkit"
)

// The first line tells where it listens, and what listens there is what was asked for.
func TestServeTellsWhereItListens(t *testing.T) {
	for _, listen := range []string{"tcp://127.0.0.1:0", fmt.Sprint("unix:@penstock-bench-serve-command-", os.Getpid())} {
		testkit.Leaks(t)
		at, err := plan.ParseListen(listen)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		r, w := io.Pipe()
		ran := make(chan error, 1)
		go func() {
			ran <- (&serveCommand{Kind: "echo", Listen: listenTarget(at), Loops: 1}).Run(&session{ctx: ctx, out: w})
		}()
		first, _ := bufio.NewReader(r).ReadString('\n')
		address, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
		if !ok {
			t.Fatalf("it said %q", first)
		}
		target, err := plan.ParseTarget(address)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial(target.Network, target.Address)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "hello")
		answer := make([]byte, 5)
		if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "hello" {
			t.Errorf("%q, %v", answer, err)
		}
		c.Close()
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}
}

func TestServeRefusesWhatMakesNoSense(t *testing.T) {
	for _, args := range []string{"serve tea", "serve echo --light", "serve echo --loops 0", "serve echo --listen http://127.0.0.1:1", "serve echo --listen tcp://127.0.0.1:x"} {
		var complaints strings.Builder
		if code := run(strings.Fields(args), io.Discard, &complaints); code != exitUsage {
			t.Errorf("%s: exit code %d: %s", args, code, complaints.String())
		}
	}
}

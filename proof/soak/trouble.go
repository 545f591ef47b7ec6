package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A trouble is what befalls the network during a wave: links go down for a moment,
// or are shaped for a while, and sockets of the forwarder are destroyed.
type trouble struct {
	net    *network
	random *rand.Rand
	shape  bool
	kills  []kill // of this wave
	downs  int
	shaped int
	killed int // sockets
}

// run makes trouble until ctx ends, and mends it.
func (t *trouble) run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	shaped := make(chan error, 1)
	shaped <- nil
	for {
		if !sleep(ctx, time.Duration(200+t.random.IntN(1000))*time.Millisecond) {
			return <-shaped
		}
		var err error
		switch n := t.random.IntN(4); {
		case n < 2:
			err = t.kill(ctx)
		case n == 2:
			err = t.down(ctx)
		case t.shape:
			select {
			case err = <-shaped:
				role, egress, lasts := t.side(), t.random.IntN(2) == 0, time.Duration(500+t.random.IntN(2500))*time.Millisecond
				t.shaped++
				all.Go(func() { shaped <- t.slow(ctx, role, egress, lasts) })
			default: // one link at a time
			}
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (t *trouble) side() string { return []string{"client", "backend"}[t.random.IntN(2)] }

// down takes a link down for a moment, at its outer end: at the forwarder's end its
// dials would have no route, and fail at once.
func (t *trouble) down(ctx context.Context) error {
	ns := t.net.names[t.side()]
	set := func(way string) error {
		return command(context.Background(), "ip", "-n", ns, "link", "set", "forwarder", way)
	}
	if err := set("down"); err != nil {
		return err
	}
	t.downs++
	sleep(ctx, time.Duration(100+t.random.IntN(400))*time.Millisecond)
	return set("up")
}

// slow shapes one direction of a link for a while.
func (t *trouble) slow(ctx context.Context, role string, egress bool, lasts time.Duration) error {
	ns, device := t.net.names[role], "forwarder"
	if egress {
		ns, device = t.net.names["forwarder"], role
	}
	tc := func(words string) error {
		return command(context.Background(), append([]string{"tc", "-n", ns}, strings.Fields(words)...)...)
	}
	if err := tc("qdisc replace dev " + device + " root tbf rate 200mbit burst 128kb latency 50ms"); err != nil {
		return err
	}
	sleep(ctx, lasts)
	return tc("qdisc del dev " + device + " root")
}

// killPorts is how wide a range of ports a kill strikes: one connection in 55 by the
// client's port. The forwarder's own ports towards the backend lie together.
const killPorts = 1000

// kill destroys the sockets of the forwarder in a range of ports, and keeps which
// they were: ss prints those that it destroyed.
func (t *trouble) kill(ctx context.Context) error {
	low := firstPort + t.random.IntN(65536-killPorts-firstPort)
	span := func(end string) string {
		return fmt.Sprintf("( %s >= :%d and %s < :%d )", end, low, end, low+killPorts)
	}
	words := append(t.net.within("forwarder"), "ss", "-K", "-H", "-n", "-t",
		"state", "established", "state", "close-wait", "state", "fin-wait-1", "state", "fin-wait-2",
		span("sport")+" or "+span("dport"))
	k := kill{from: time.Now().UnixNano(), clients: map[int]bool{}, towards: map[int]bool{}}
	var stderr bytes.Buffer
	cmd := exec.Command(words[0], words[1:]...) // not ctx: half a list would blame the forwarder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("soak: ss -K: %w: %s", err, stderr.String())
	}
	k.to = time.Now().UnixNano()
	for line := range strings.Lines(string(out)) {
		if err := k.add(line); err != nil {
			return err
		}
	}
	t.killed += len(k.clients) + len(k.towards)
	t.kills = append(t.kills, k)
	return ctx.Err()
}

// add takes in one line of ss: STATE RECVQ SENDQ LOCAL PEER.
func (k *kill) add(line string) error {
	var ports []int
	for _, field := range strings.Fields(line) {
		if i := strings.LastIndexByte(field, ':'); i >= 0 && len(ports) < 2 {
			port, err := strconv.Atoi(field[i+1:])
			if err != nil {
				return fmt.Errorf("soak: ss -K says %q: %w", line, err)
			}
			ports = append(ports, port)
		}
	}
	switch {
	case len(ports) < 2:
		return errors.New("soak: ss -K says " + strconv.Quote(line))
	case ports[0] < firstPort:
		k.clients[ports[1]] = true
	default:
		k.towards[ports[0]] = true
	}
	return nil
}

// sleep says whether the time passed, rather than ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

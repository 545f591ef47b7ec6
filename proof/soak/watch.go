package soak

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// watchEvery is how often the echo connections are looked at.
const watchEvery = 5 * time.Second

// watch looks for deadlocks of the kernel until ctx ends.
func (r *run) watch(ctx context.Context) error {
	port := strconv.Itoa(listenPort + int(echo))
	for sleep(ctx, watchEvery) {
		s, err := look(r.net.within("client"), r.net.within("forwarder"), port)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.oracle.deadlocks.add(s)
		r.mu.Unlock()
	}
	return nil
}

// look takes a snapshot of the connections to one port. The words bring a command
// to where the clients and the servers are.
func look(clients, servers []string, port string) (s snapshot, err error) {
	ss := func(within []string, filter ...string) ([]socketState, error) {
		out, err := output(append(append(within, "ss", "-Htnoim", "state", "established", "state", "close-wait", "state", "fin-wait-1", "state", "fin-wait-2"), filter...))
		if err != nil {
			return nil, err
		}
		return readSockets(out)
	}
	var e1, e2, e3 error
	s.at = time.Now()
	s.clients, e1 = ss(clients, "dport", "=", ":"+port)
	s.servers, e2 = ss(servers, "sport", "=", ":"+port)
	s.beyond, e3 = beyondWindow(servers)
	return s, errors.Join(e1, e2, e3)
}

// beyondWindow reads the counter of segments that were dropped as beyond the window.
// Kernels before 6.16 accept such segments' acknowledgements, and have no counter.
func beyondWindow(within []string) (int, error) {
	out, err := output(append(within, "cat", "/proc/self/net/netstat"))
	if err != nil {
		return 0, err
	}
	lines := strings.Split(out, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j, name := range names {
			if name == "BeyondWindow" && j < len(values) {
				return strconv.Atoi(values[j])
			}
		}
	}
	return 0, nil
}

func output(words []string) (string, error) {
	var stderr strings.Builder
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("soak: %s: %w: %s", strings.Join(words, " "), err, stderr.String())
	}
	return string(out), nil
}

package suites

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// relayRole is the argument that makes this program a relay.
const relayRole = "role-relay"

// counters are what a relay says of itself, as a line of JSON.
type counters struct {
	Open            int    // connections
	Accepted        uint64 // connections
	Spliced, Copied uint64 // bytes
	Panics          uint64
}

func (c counters) plus(d counters) counters {
	return counters{d.Open, c.Accepted + d.Accepted, c.Spliced + d.Spliced, c.Copied + d.Copied, c.Panics + d.Panics}
}

func (c counters) minus(d counters) counters {
	return counters{c.Open, c.Accepted - d.Accepted, c.Spliced - d.Spliced, c.Copied - d.Copied, c.Panics - d.Panics}
}

func (c counters) String() string {
	return fmt.Sprintf("%d connections, %.1f MiB spliced, %.1f copied", c.Accepted, float64(c.Spliced)/(1<<20), float64(c.Copied)/(1<<20))
}

// A relayProcess is a relay under way: this program again, in the namespace.
type relayProcess struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan counters // closed when it ends
	stderr bytes.Buffer  // to be read when it has ended
	err    error         // why it ended, once lines is closed
	last   counters
}

// patience is how long the relay may take to answer, and to close its connections
// once the tests have ended.
const patience = 20 * time.Second

// startRelay starts a relay and waits until it listens.
func startRelay(ctx context.Context, n *network, mode string) (*relayProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	words := n.within(self, "suites", relayRole, mode)
	p := &relayProcess{cmd: exec.Command(words[0], words[1:]...), lines: make(chan counters)}
	p.cmd.Env = append(os.Environ(), roleVariable+"=relay")
	p.cmd.Stderr = &p.stderr
	apart(p.cmd)
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.lines)
		for from := json.NewDecoder(stdout); ; {
			var c counters
			if err := from.Decode(&c); err != nil {
				p.err = p.cmd.Wait()
				return
			}
			p.lines <- c
		}
	}()
	if _, err := p.next(); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, ctx.Err()
}

// roleVariable is set for the relay's process. A test binary, whose arguments are
// not the command's, knows by it what it is.
const roleVariable = "PENSTOCK_SUITES_ROLE"

func (p *relayProcess) next() (counters, error) {
	select {
	case c, ok := <-p.lines:
		if !ok {
			return c, fmt.Errorf("the relay has ended: %v\n%s", p.err, p.stderr.Bytes())
		}
		return c, nil
	case <-time.After(patience):
		return counters{}, fmt.Errorf("the relay does not answer for %v", patience)
	}
}

// carried returns what the relay carried since the last call. It waits until the
// relay has closed the connections of the tests, which have ended.
func (p *relayProcess) carried() (counters, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		fmt.Fprintln(p.stdin) // if it has ended, next says so
		c, err := p.next()
		if err != nil {
			return c, err
		}
		if c.Open == 0 {
			since := c.minus(p.last)
			p.last = c
			return since, nil
		}
		if time.Now().After(deadline) {
			return c, fmt.Errorf("the relay has %d connections open, %v after the tests have ended", c.Open, patience)
		}
	}
}

// end ends the relay, and kills it if it does not.
func (p *relayProcess) end() error {
	p.stdin.Close()
	kill := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	for range p.lines {
	}
	if p.err != nil {
		return fmt.Errorf("suites: the relay: %w\n%s", p.err, p.stderr.Bytes())
	}
	return nil
}

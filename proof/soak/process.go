package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// roleVariable is set for the processes of roles. A test binary, whose arguments
// are not the command's, knows by it what it is.
const roleVariable = "PENSTOCK_SOAK_ROLE"

// A process is a role under way: this program again, in a namespace of its own.
type process struct {
	name    string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stderr  tail
	replies chan message // but records and ticks; closed when it ends
	err     error        // why it ended, once replies is closed
}

// startRole starts a role, behind the words that bring it into its namespace. Its
// records and ticks go to heard, from another goroutine.
func startRole(within []string, name string, args []string, heard func(message)) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	words := append(append(within, self, "soak", "role-"+name), args...)
	p := &process{name: name, cmd: exec.Command(words[0], words[1:]...), replies: make(chan message, 16)}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+name)
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
	go p.listen(stdout, heard)
	return p, nil
}

func (p *process) listen(stdout io.Reader, heard func(message)) {
	defer close(p.replies)
	lines := json.NewDecoder(bufio.NewReader(stdout))
	for {
		var m message
		if err := lines.Decode(&m); err != nil {
			if err != io.EOF {
				p.err = err
				p.cmd.Process.Kill()
			}
			p.err = errors.Join(p.err, p.cmd.Wait())
			return
		}
		if m.Record != nil || m.State != nil && m.State.Tick {
			heard(m)
		} else {
			p.replies <- m
		}
	}
}

// hear waits for the next reply.
func (p *process) hear(ctx context.Context, atMost time.Duration) (m message, err error) {
	select {
	case <-ctx.Done():
		return m, ctx.Err()
	case <-time.After(atMost):
		return m, fmt.Errorf("soak: the %s says nothing for %v: it hangs", p.name, atMost)
	case m, ok := <-p.replies:
		if !ok {
			return m, fmt.Errorf("soak: the %s has ended: %v\n%s", p.name, p.err, p.stderr.String())
		}
		return m, nil
	}
}

// ask sends a command and waits for its reply.
func (p *process) ask(ctx context.Context, command string, atMost time.Duration) (message, error) {
	if _, err := fmt.Fprintln(p.stdin, command); err != nil {
		return message{}, fmt.Errorf("soak: the %s: %w\n%s", p.name, err, p.stderr.String())
	}
	return p.hear(ctx, atMost)
}

// end has the process end in order, and kills it if it does not. It answers what it
// said last.
func (p *process) end() (last message, err error) {
	p.stdin.Close()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case m, ok := <-p.replies:
			if !ok {
				return last, p.err
			}
			last = m
		case <-deadline:
			p.cmd.Process.Kill()
			deadline = nil
			err = fmt.Errorf("soak: the %s did not end in 10 s", p.name)
			defer func() { err = errors.Join(err, p.err) }()
		}
	}
}

// A tail keeps the last of what is written to it, for failures.
type tail struct {
	mu sync.Mutex
	b  []byte // guarded by mu
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - tailSize; over > 0 {
		t.b = append([]byte(nil), t.b[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

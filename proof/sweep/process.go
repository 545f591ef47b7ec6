package sweep

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// bound is how long the harness waits for any one thing that the target owes it.
const bound = 5 * time.Second

var errNoAnswer = errors.New("no answer from the target")

// A process is a target, seen from the harness.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // of its standard output
	stderr bytes.Buffer
	strace *exec.Cmd
	log    string
	goWake string // the eventfd of Go's own runtime
}

func startTarget(p plan) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	t := &process{cmd: exec.Command(exe, "sweep"), lines: make(chan string, 8)}
	// The runtime's signals for preemption would interrupt the calls that are counted.
	t.cmd.Env = append(os.Environ(), targetEnv+"="+string(text), "GODEBUG=asyncpreemptoff=1", "GOTRACEBACK=single")
	t.cmd.Stderr = &t.stderr
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if t.stdin, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(t.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			t.lines <- s.Text()
		}
	}()
	return t, nil
}

// line answers the next line of the target's output, split into words.
func (t *process) line() ([]string, error) {
	select {
	case s, ok := <-t.lines:
		if !ok {
			return nil, io.EOF
		}
		if head, rest, ok := strings.Cut(s, " "); ok && head == "outcome" {
			return []string{head, rest}, nil
		}
		return strings.Fields(s), nil
	case <-time.After(bound):
		return nil, errNoAnswer
	}
}

// goOn lets the target take its next step.
func (t *process) goOn() { io.WriteString(t.stdin, "go\n") }

// stop tells the target to drain and to end.
func (t *process) stop() { t.stdin.Close() }

// wait waits for the end of the target, and kills it if that does not come.
func (t *process) wait() (ended bool) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		t.cmd.Wait()
		if t.strace != nil {
			t.strace.Wait() // it has nothing left to trace
		}
	}()
	select {
	case <-over:
		return true
	case <-time.After(bound):
	}
	t.cmd.Process.Kill()
	<-over
	return false
}

// attach has strace trace one thread, and inject a fault if there is one. It
// returns when the thread is being traced: every call from here on counts.
func (t *process) attach(tid, dir string, f fault) error {
	t.log = dir + "/log"
	args := []string{"-p", tid, "-o", t.log}
	if f.Errno == "" {
		var names []string
		for _, c := range table {
			names = append(names, c.name)
		}
		args = append(args, "-e", "trace="+strings.Join(names, ","))
	} else {
		inject := fmt.Sprintf("inject=%s:error=%s:when=%d", f.Call, f.Errno, f.Index)
		if f.Lasting {
			inject += "+"
		}
		args = append(args, "-e", "trace="+f.Call, "-e", inject)
	}
	t.strace = exec.Command("strace", args...)
	said, err := t.strace.StderrPipe()
	if err != nil {
		return err
	}
	if err := t.strace.Start(); err != nil {
		t.strace = nil
		return err
	}
	attached := make(chan error, 1)
	go func() {
		r := bufio.NewReader(said)
		first, _ := r.ReadString('\n')
		if !strings.Contains(first, "attached") {
			rest, _ := io.ReadAll(r)
			attached <- fmt.Errorf("strace: %s%s", first, rest)
			return
		}
		attached <- nil
		io.Copy(io.Discard, r)
	}()
	select {
	case err := <-attached:
		return err
	case <-time.After(bound):
		return errors.New("strace does not attach")
	}
}

// traced answers the lines of the log.
func (t *process) traced() []string {
	if t.log == "" {
		return nil
	}
	text, _ := os.ReadFile(t.log)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

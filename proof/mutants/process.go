package mutants

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Why a process was killed from here.
var (
	errTime   = errors.New("took too long")
	errMemory = errors.New("took too much memory")
)

// mostMemory is what a process may take, in bytes; the tests need a tenth of it.
const mostMemory = 1 << 30

// run runs a binary against a mutant, 0 for none, and returns the end of its output.
func (b *build) run(dir, pkg string, mutant int, limit time.Duration, args ...string) (string, error) {
	return b.start(dir, pkg, limit, args, fmt.Sprint("PENSTOCK_MUTANT=", mutant))
}

// runTouched runs a trial without a mutant, and has it write the functions that it
// reaches to a file.
func (b *build) runTouched(t *trial, path string) (string, error) {
	return b.start(b.dir, t.pkg, 2*time.Minute, arguments([]*trial{t}), "PENSTOCK_MUTANT=-1", "PENSTOCK_TOUCHED="+path)
}

// start runs a binary, and kills it and its children when it exceeds a limit, or when this
// process is told to end. It holds its thread: see group.
func (b *build) start(dir, pkg string, limit time.Duration, args []string, env ...string) (string, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(binary(dir, pkg), args...)
	cmd.Dir = filepath.Join(b.root, filepath.FromSlash(pkg))
	cmd.Env = append(os.Environ(), env...)
	text := &tail{}
	cmd.Stdout, cmd.Stderr = text, text
	cmd.WaitDelay = time.Second
	group(cmd)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	end := time.After(limit)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(told)
	for {
		select {
		case err := <-ended:
			return text.String(), err
		case <-end:
			kill(cmd)
			<-ended
			return text.String(), errTime
		case <-told:
			kill(cmd)
			<-ended
			os.Exit(130)
		case <-look.C:
			if memory(cmd.Process.Pid) > mostMemory {
				kill(cmd)
				<-ended
				return text.String(), errMemory
			}
		}
	}
}

// memory is the resident memory of a process in bytes, 0 if it cannot be read.
func memory(pid int) (bytes int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// A tail keeps the beginning and the end of what is written: a mutant may write without end.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const mostText = 128 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > mostText {
		t.text = append(t.text[:mostText/4], t.text[len(t.text)-mostText/4:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.text), "?")
}

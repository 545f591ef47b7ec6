package view

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/internal/testkit"
)

// terminal opens one, of 100 columns, of which the test is the other end.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// A screen keeps what a terminal was sent.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestLiveDisplayShowsTheRunAndIsGoneAfterwards(t *testing.T) {
	testkit.Leaks(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	master, slave := terminal(t)
	var shown screen
	read := make(chan struct{})
	go func() { io.Copy(&shown, master); close(read) }()

	r := sample.Result()
	New(slave, r.Plan).Close() // nothing was shown
	v := New(slave, r.Plan)
	sees := func(want ...string) {
		t.Helper()
		for _, w := range want {
			testkit.Eventually(t, w+" is shown", func() bool { return strings.Contains(shown.String(), w) })
		}
	}
	s := r.Series[0]
	s.Errors = 3
	v.Second(s, -1, r.Plan.Time)
	sees("rr tcp://127.0.0.1:7000 · 100 connections", "warming up", "1.00 s of 5.00 s at most", "20,000/s asked", "errors 3")
	s.At = 15 * time.Second // longer than what is measured
	v.Second(s, -1, r.Plan.Time)
	sees("15.0 s of 5.00 s at most")
	s = r.Series[5]
	s.P99 = 123_456
	v.Second(s, 3*time.Second, r.Plan.Time)
	sees("measuring", "3.00 s of 10.0 s", "p99 123 µs", "system under test 0.18 cores", "generator 0.13 cores", "errors 3", "open 100")
	text := shown.String()
	load, rate, response, cpu, bar := strings.LastIndex(text, "rr tcp"), strings.LastIndex(text, "  rate "), strings.LastIndex(text, "  response "), strings.LastIndex(text, "  CPU "), strings.LastIndex(text, "measuring")
	if !(load < rate && rate < response && response < cpu && cpu < bar) {
		t.Errorf("the lines are not in order: %q", text[load:])
	}
	for _, line := range strings.Split(shown.String(), "\n") {
		if width := len([]rune(line)); width > 100+20 { // escapes included
			t.Errorf("a line of %d columns wraps: %q", width, line)
		}
	}
	v.Close()
	fmt.Fprint(slave, "the result")
	sees("the result")
	slave.Close()
	master.Close()
	<-read
	// Whatever stood on the last lines was erased before the result was written.
	text = shown.String()
	if erased, bar := strings.LastIndex(text, "\x1b[J"), strings.LastIndex(text, "measuring"); erased < bar {
		t.Errorf("the display was not taken away: %q", text[max(0, len(text)-300):])
	}
}

// A terminal that is closed in the middle of a run does not stop it.
func TestTerminalThatGoesAwayDoesNotStopTheRun(t *testing.T) {
	testkit.Leaks(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	master, slave := terminal(t)
	r := sample.Result()
	v := New(slave, r.Plan)
	master.Close()
	for i := range 20 {
		v.Second(r.Series[5], time.Duration(i)*time.Second, r.Plan.Time)
	}
	v.Close()
	slave.Close()
}

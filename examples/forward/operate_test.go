package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
)

// Two signals within a second are one request to end: the connection lives on. One that
// comes later ends the drain, and says so.
func TestLaterSignalEndsTheDrainAnImmediateOneDoesNot(t *testing.T) {
	p := start(t, serveBackend(t, echoBack), nil)
	c := p.dial(t)
	if err := exchange(c, []byte("x")); err != nil {
		t.Fatal(err)
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Process.Signal(syscall.SIGINT) // SIGTERM could be merged with the first
	testkit.Eventually(t, "it stops listening", func() bool {
		extra, err := net.Dial("tcp", p.addr)
		if err == nil {
			extra.Close()
		}
		return err != nil
	})
	time.Sleep(1500 * time.Millisecond)
	if err := exchange(c, []byte("y")); err != nil {
		t.Fatalf("the second signal ended the drain: %v\n%s", err, p.text())
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	if code := p.ended(t); code != 1 || !strings.Contains(p.text(), "the drain ends now") {
		t.Errorf("exit code %d\n%s", code, p.text())
	}
}

// The first dial that fails is told at once, a hundred more in a few lines, and the end
// of it in one.
func TestBackendThatIsDownIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "back")
	testkit.Leaks(t)
	p := start(t, "unix:"+path, nil)
	began := time.Now()
	fail := func(n int) {
		for range n {
			c, err := net.Dial("tcp", p.addr)
			if err == nil {
				_, err = c.Read(make([]byte, 1))
				c.Close()
			}
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("a client without a backend got %v", err)
			}
		}
	}
	fail(1)
	testkit.Eventually(t, "the first failure is told", func() bool {
		return strings.Contains(p.text(), "backend unix:"+path+": dial unix "+path)
	})
	fail(100)
	testkit.Eventually(t, "the others are told", func() bool { return strings.Contains(p.text(), "failed since the last line") })
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, func(c net.Conn) { io.Copy(c, c) })
	c := p.dial(t)
	if err := exchange(c, []byte("x")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "that it is back is told", func() bool { return strings.Contains(p.text(), "is back after") })
	if !strings.Contains(p.text(), "in which 101 dials failed") {
		t.Errorf("101 dials failed\n%s", p.text())
	}
	if lines, most := strings.Count(p.text(), "\nbackend "), 2+int(time.Since(began).Seconds()); lines > most {
		t.Errorf("%d lines, want a line a second at most: %d\n%s", lines, most, p.text())
	}
	c.Close()
	p.stop(t)
}

// A client that ends during the dial is no failure of the backend, and a backend that
// fails for one client and not for the next has no more than a line a second.
func TestOutageCountsWhatFails(t *testing.T) {
	o := newOutage("there")
	o.note(nil)
	o.note(&net.OpError{Op: "dial", Err: net.ErrClosed})
	if l := o.line(); l != "" {
		t.Errorf("%q, and nothing has failed", l)
	}
	for range 3 {
		o.note(errors.New("refused"))
		o.note(nil)
	}
	for _, want := range []string{"backend there: refused (the last of 3 dials", "backend there is back after", ""} {
		if l := o.line(); !strings.HasPrefix(l, want) || want == "" && l != "" {
			t.Errorf("%q, want %q", l, want)
		}
	}
	o.note(errors.New("refused again"))
	if l := o.line(); l != "backend there: refused again" {
		t.Errorf("%q", l)
	}
}

// The reader of stderr has ended: what is written there then fails, and must not end
// the process by SIGPIPE.
func TestDeadReaderOfStderrDoesNotEndIt(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	back := serveBackend(t, echoBack)
	exe, _ := os.Executable()
	cmd := exec.Command(exe, "-listen", "127.0.0.1:0", "-to", back, "-stats")
	cmd.Env = append(os.Environ(), "PENSTOCK_FORWARD=1")
	cmd.Stderr = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { cmd.Process.Kill() }()
	var addr string
	if _, err := fmt.Fscanf(read, "listening on %s\n", &addr); err != nil {
		t.Fatal(err)
	}
	read.Close()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 10 { // -stats writes a line a second
		if err := exchange(c, []byte("x")); err != nil {
			t.Fatalf("%v; the process: %v", err, <-ended)
		}
		time.Sleep(250 * time.Millisecond)
	}
	c.Close()
	cmd.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Errorf("%v", err)
	}
}

// Two forwarders lead to each other: each connection makes one more in either, until
// both have as many as they may have. They keep descriptors for themselves, give back
// the others without anybody's help, and serve on.
func TestForwardingInACircleIsGivenUp(t *testing.T) {
	testkit.Leaks(t)
	few := func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"sh", "-c", `ulimit -n 128; exec "$0" "$@"`}, cmd.Args...)
		cmd.Path = "/bin/sh"
	}
	there := "127.0.0.1:" + freePort(t)
	first := start(t, there, few, "-connect-timeout", "500ms", "-loops", "1")
	second := start(t, first.addr, func(cmd *exec.Cmd) { cmd.Args[2] = there; few(cmd) }, "-connect-timeout", "500ms", "-loops", "1")
	before := first.kinds(t)["socket"]
	c := first.dial(t)
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client of a circle got %v, want a reset", err)
	}
	testkit.Eventually(t, "the descriptors are back", func() bool { return first.kinds(t)["socket"] == before })
	for _, p := range []*program{first, second} {
		if !strings.Contains(p.text(), "accepting paused") || strings.Contains(p.text(), "too many open files") {
			t.Errorf("it ran out of descriptors, or had no limit:\n%s", p.text())
		}
		p.stop(t)
	}
}

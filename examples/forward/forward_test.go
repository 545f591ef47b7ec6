package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
)

// The tests run the program itself, in a process of its own: this test's binary,
// which is the program when it is told so.
func TestMain(m *testing.M) {
	if os.Getenv("PENSTOCK_PLAIN") != "" {
		plainForward(os.Args[2], os.Args[4])
	}
	if os.Getenv("PENSTOCK_FORWARD") != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// plainForward is a forwarder of the standard library: two goroutines for each
// connection, which its scheduler runs in turn.
func plainForward(listen, to string) {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		panic(err)
	}
	os.Stderr.WriteString("listening on " + ln.Addr().String() + "\n")
	for {
		c, err := ln.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer c.Close()
			up, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer up.Close()
			go func() { io.Copy(c, up); c.(*net.TCPConn).CloseWrite() }()
			io.Copy(up, c)
			up.(*net.TCPConn).CloseWrite()
		}()
	}
}

// A program is one that is running.
type program struct {
	cmd  *exec.Cmd
	addr string
	mu   sync.Mutex
	log  bytes.Buffer // guarded by mu
	gone chan error
}

// start runs forward to a backend, and waits until it listens. change may change
// the command first.
func start(t *testing.T, to string, change func(*exec.Cmd), flags ...string) *program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{cmd: exec.Command(exe, append([]string{"-listen", "127.0.0.1:0", "-to", to}, flags...)...), gone: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), "PENSTOCK_FORWARD=1")
	if change != nil {
		change(p.cmd)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.mu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			if addr, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
				listening <- addr
			}
		}
		p.gone <- p.cmd.Wait()
	}()
	t.Cleanup(func() { p.cmd.Process.Kill() })
	select {
	case p.addr = <-listening:
	case err := <-p.gone:
		t.Fatalf("it ended: %v\n%s", err, p.text())
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not listen\n%s", p.text())
	}
	return p
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// ended waits for the end and answers the exit code.
func (p *program) ended(t *testing.T) int {
	t.Helper()
	select {
	case err := <-p.gone:
		p.gone <- err
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not end\n%s", p.text())
		return -1
	}
}

// stop drains it, and expects a clean end.
func (p *program) stop(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	if code := p.ended(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.text())
	}
}

func (p *program) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// serveBackend answers each connection with serve, until the test ends.
func serveBackend(t *testing.T, serve func(c *net.TCPConn)) string {
	t.Helper()
	testkit.Leaks(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, func(c net.Conn) { serve(c.(*net.TCPConn)) })
	return ln.Addr().String()
}

func serveOn(t *testing.T, ln net.Listener, serve func(c net.Conn)) {
	var all sync.WaitGroup
	all.Add(1)
	go func() {
		defer all.Done()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Add(1)
			go func() { defer all.Done(); defer c.Close(); serve(c) }()
		}
	}()
	t.Cleanup(func() { ln.Close(); all.Wait() })
}

// echoBack echoes. (io.Copy would splice, and hold a pipe while it waits: two more
// descriptors for each connection.)
func echoBack(c *net.TCPConn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		c.Write(buf[:n])
	}
}

func TestTermInTheMiddleOfATransferLetsItComplete(t *testing.T) {
	const n = 64 << 20
	got := make(chan uint64, 1)
	p := start(t, serveBackend(t, func(c *net.TCPConn) {
		in := content.Stream{K: 1}
		if err := in.Receive(c); err != nil {
			t.Error(err)
		}
		if in.Pos > 0 { // not one of those that asked whether it listens
			got <- in.Pos
		}
	}), nil, "-drain", "20s")
	c := p.dial(t)
	out := content.Stream{K: 1}
	out.Send(c, 1<<20, func() int { return 64 << 10 })
	p.cmd.Process.Signal(syscall.SIGTERM)
	testkit.Eventually(t, "it stops listening", func() bool {
		extra, err := net.Dial("tcp", p.addr)
		if err == nil {
			extra.Close()
		}
		return err != nil
	})
	if err := out.Send(c, n-1<<20, func() int { return 64 << 10 }); err != nil {
		t.Error(err)
	}
	c.CloseWrite()
	if pos := <-got; pos != n {
		t.Errorf("%d bytes arrived, want %d", pos, n)
	}
	if code := p.ended(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.text())
	}
}

func TestTransferThatOutlivesTheDrainIsResetAndReported(t *testing.T) {
	release := make(chan struct{})
	results := make(chan error, 1)
	p := start(t, serveBackend(t, func(c *net.TCPConn) {
		<-release // does not read
		in := content.Stream{K: 1}
		results <- in.Receive(c)
	}), nil, "-drain", "300ms")
	c := p.dial(t)
	go func() {
		out := content.Stream{K: 1}
		out.Send(c, 64<<20, func() int { return 64 << 10 })
	}()
	time.Sleep(300 * time.Millisecond)
	p.cmd.Process.Signal(syscall.SIGTERM)
	if code := p.ended(t); code != 1 || !strings.Contains(p.text(), "bytes stranded") || strings.Contains(p.text(), " 0 bytes stranded") {
		t.Errorf("exit code %d\n%s", code, p.text())
	}
	close(release)
	if err := <-results; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the backend saw %v, want a reset", err)
	}
}

func TestStatsAreALineASecond(t *testing.T) {
	p := start(t, serveBackend(t, echoBack), nil, "-stats")
	c := p.dial(t)
	c.Write(make([]byte, 1000))
	io.ReadFull(c, make([]byte, 1000))
	testkit.Eventually(t, "a line tells of the relay", func() bool { return strings.Contains(p.text(), "conns 2 relays 1") })
	c.Close()
	p.stop(t)
}

func TestUnixOnBothSides(t *testing.T) {
	back := serveBackend(t, echoBack)
	middle := filepath.Join(t.TempDir(), "middle")
	p := start(t, back, func(cmd *exec.Cmd) { cmd.Args[2] = "unix:" + middle })
	q := start(t, "unix:"+middle, func(cmd *exec.Cmd) { cmd.Args[2] = "unix:@penstock-forward-test" })
	c, err := net.Dial("unix", "@penstock-forward-test")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "through two")
	c.(*net.UnixConn).CloseWrite()
	if b, err := io.ReadAll(c); string(b) != "through two" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	c.Close()
	q.stop(t)
	p.stop(t)
	if _, err := os.Stat(middle); err == nil {
		t.Error("the socket is still there")
	}
}

func TestDemoLosesNothing(t *testing.T) {
	testkit.NeedFull(t)
	exe, _ := os.Executable()
	cmd := exec.Command(exe, "-demo")
	cmd.Env = append(os.Environ(), "PENSTOCK_FORWARD=1")
	out, err := cmd.CombinedOutput()
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{"bytes lost 0 0 0", "descriptors not given back 0 0", "files 2 6", "goroutines 0 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for line := range strings.Lines(string(out)) {
		if len(line) > 80 { // with its end
			t.Errorf("more than 79 columns: %s", line)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("%v\n%s", err, out)
	}
}

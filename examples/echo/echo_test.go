package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/penstock/penstock/internal/content"
)

func TestMain(m *testing.M) {
	if os.Getenv("PENSTOCK_ECHO") != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

func command(t *testing.T, flags ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, flags...)
	cmd.Env = append(os.Environ(), "PENSTOCK_ECHO=1")
	return cmd
}

func TestEchoServesAndDrains(t *testing.T) {
	cmd := command(t, "-listen", "127.0.0.1:0", "-loops", "2")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	first, _ := bufio.NewReader(stderr).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if !ok {
		t.Fatalf("it said %q", first)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 4 << 20
	go func() {
		out := content.Stream{K: 1}
		out.Send(c, n, func() int { return 10_000 })
		cmd.Process.Signal(syscall.SIGTERM) // in the middle of its answer
		c.(*net.TCPConn).CloseWrite()
	}()
	in := content.Stream{K: 1}
	if err := in.Receive(c); err != nil || in.Pos != n {
		t.Errorf("%d bytes, %v", in.Pos, err)
	}
	rest, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, rest)
	}
}

func TestBadFlagsSayWhatWouldBeRight(t *testing.T) {
	for flags, want := range map[string]string{
		"-loops -1":          "-loops -1: must be 1 to 1024",
		"-listen nowhere":    "has no port: write nowhere:PORT",
		"-listen unix:@":     "unix:/path or unix:@name",
		"-loops many":        `"many"`,
		"-listen :0 unasked": `"unasked"`,
	} {
		cmd := command(t, strings.Fields(flags)...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), want) {
			t.Errorf("%s: exit code %d, %q; want 2 and %q", flags, cmd.ProcessState.ExitCode(), out, want)
		}
	}
}

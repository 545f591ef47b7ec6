package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
)

// called is what a command line came to.
type called struct {
	code            int
	out, complaints string
	result          *result.Result // if it was saved
}

// call runs a command line, a load being saved.
func call(t *testing.T, args ...string) called {
	t.Helper()
	var out, complaints bytes.Buffer
	file := filepath.Join(t.TempDir(), "result.json")
	c := called{code: run(append(args, "--json", file), &out, &complaints)}
	c.out, c.complaints = out.String(), complaints.String()
	if _, err := os.Stat(file); err == nil {
		if c.result, err = result.Load(file); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// place is a target at which nothing listens.
func place(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "tcp://" + l.Addr().String()
}

func TestBadInputIsToldBeforeAnyLoad(t *testing.T) {
	testkit.Leaks(t)
	nowhere := place(t)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	many := strconv.FormatUint(limit.Max+1, 10)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there := "tcp://" + l.Addr().String()
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"nobody listens", []string{nowhere}, []string{nowhere, "connection refused", "--start"}},
		{"no such socket", []string{"unix:///nowhere/at/all"}, []string{"unix:///nowhere/at/all", "no such file", "--start"}},
		{"no such host", []string{"tcp://nowhere.invalid:80"}, []string{"nowhere.invalid"}},
		{"too many connections", []string{there, "-c", many}, []string{many, strconv.FormatUint(limit.Max, 10), "ask for at most"}},
		{"no such process", []string{there, "--pid", "4194304"}, []string{"--pid 4194304", "no such process"}},
		{"two systems", []string{there, "--pid", "1", "--start", "true"}, []string{"--pid", "--start"}},
		{"open quote", []string{there, "--start", "echo 'a"}, []string{"--start", "quote"}},
		{"a mode that is none", []string{there, "--pin", "apart"}, []string{"--pin", "split"}},
	} {
		got := call(t, append([]string{"rr"}, c.args...)...)
		if got.code != exitUsage || got.result != nil {
			t.Errorf("%s: exit code %d: %s", c.name, got.code, got.complaints)
		}
		for _, want := range c.want {
			if !strings.Contains(got.complaints, want) {
				t.Errorf("%s: %q lacks %q", c.name, got.complaints, want)
			}
		}
	}
}

func TestReachSaysThatNothingAnswers(t *testing.T) {
	testkit.Leaks(t)
	// A listener whose backlog is full lets further connections wait.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	target := plan.Target{Network: "tcp", Address: fmt.Sprint("127.0.0.1:", sa.(*syscall.SockaddrInet4).Port)}
	for {
		c, err := net.DialTimeout("tcp", target.Address, 100*time.Millisecond)
		if err != nil {
			break
		}
		defer c.Close()
	}
	err = reach(context.Background(), target, 100*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "no answer within 100ms") {
		t.Errorf("%v", err)
	}
}

// echoServer is a command that echoes at a target.
func echoServer(target string) string {
	return fmt.Sprintf("'%s' serve echo --listen %s", os.Args[0], target)
}

func TestStartedSystemIsMeasuredAndEnded(t *testing.T) {
	testkit.Leaks(t)
	needTwoCPUs(t)
	target := place(t)
	got := call(t, "rr", target, "-c", "4", "-d", "500ms", "--warmup", "300ms", "--start", echoServer(target), "--pin", "split")
	r := got.result
	if r == nil {
		t.Fatalf("exit code %d: %s", got.code, got.complaints)
	}
	c := r.Cost
	if c == nil || c.Unit != "request" || c.CPUPerUnit < 100 || c.Cores <= 0 || c.Cores > 2 || c.Memory < 1<<20 || c.Descriptors < 4 || c.ContextSwitches == 0 {
		t.Errorf("cost %+v", c)
	}
	if c != nil && c.SyscallsPerUnit == 0 && c.NotToBeHad == "" {
		t.Error("no system calls, and no word why")
	}
	e := r.Environment
	if e.Pinning != "split" || e.GeneratorCPUs == "" || e.SystemCPUs == "" || e.SystemCPUs == e.GeneratorCPUs || e.Kernel == "" || !strings.Contains(e.System, "serve echo") {
		t.Errorf("environment %+v", e)
	}
	if r.Machine == nil || r.Machine.Busy <= 0 {
		t.Errorf("machine %+v", r.Machine)
	}
	if k := r.Ceiling; k == nil || k.Rate <= 0 || k.Share <= 0 || k.Response == nil {
		t.Errorf("ceiling %+v; notes %q", k, r.Notes)
	}
	if again := call(t, "rr", target); again.code != exitUsage {
		t.Errorf("the system listens still: %s", again.out)
	}
}

func TestSystemThatIsKilledMakesTheRunInvalid(t *testing.T) {
	testkit.Leaks(t)
	target := place(t)
	t0, err := plan.ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	words, err := measure.Words(echoServer(target))
	if err != nil {
		t.Fatal(err)
	}
	s, err := measure.Launch(t.Context(), words, nil, t0, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	killed := make(chan error, 1)
	go func() { // once it has worked for longer than the first window, of half a second
		for used := int64(0); used < 7e8; time.Sleep(10 * time.Millisecond) {
			u, err := s.Read()
			if err != nil {
				killed <- err
				return
			}
			used = u.CPU
		}
		killed <- syscall.Kill(s.PID(), syscall.SIGKILL)
	}()
	got := call(t, "rr", target, "-c", "4", "-d", "5s", "--warmup", "0", "--no-ceiling", "--timeout", "1s", "--pid", strconv.Itoa(s.PID()))
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	if got.code != exitInvalid || got.result == nil || !strings.Contains(strings.Join(got.result.InvalidReasons, "\n"), "has ended") {
		t.Errorf("exit code %d: %s%s", got.code, got.out, got.complaints)
	}
}

func TestSystemThatDoesNotStartIsAnError(t *testing.T) {
	testkit.Leaks(t)
	target := place(t)
	got := call(t, "rr", target, "--start", "sh -c 'echo no such configuration >&2; exit 7'")
	if got.code != exitFailed || !strings.Contains(got.complaints, "exit status 7") || !strings.Contains(got.complaints, "no such configuration") {
		t.Errorf("exit code %d: %s", got.code, got.complaints)
	}
}

func TestHeldConnectionsHaveAPrice(t *testing.T) {
	testkit.Leaks(t)
	target := place(t)
	got := call(t, "hold", target, "-c", "500", "-d", "300ms", "--warmup", "100ms", "--start", echoServer(target))
	if got.result == nil || got.result.Memory == nil {
		t.Fatalf("exit code %d: %s", got.code, got.complaints)
	}
	m := got.result.Memory
	if m.Conns != 500 || m.DescriptorsPerConn < 0.99 || m.DescriptorsPerConn > 1.1 || m.PipesPerConn > 0.1 {
		t.Errorf("%+v", m)
	}
	// A socket of the kernel's takes 2 KiB and more, and there are two for each.
	if m.KernelPerConn < 1024 || m.KernelPerConn > 1<<20 || m.ProcessPerConn > 64<<10 {
		t.Errorf("%+v", m)
	}
}

func TestDoctorTellsInJSON(t *testing.T) {
	var out, complaints bytes.Buffer
	code := run([]string{"doctor", "--json"}, &out, &complaints)
	var d diagnosis
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if len(d.Findings) < 10 || d.Environment.Kernel == "" {
		t.Errorf("%+v", d)
	}
	if want := map[bool]int{true: exitInvalid, false: 0}[d.Worst == "bad"]; code != want {
		t.Errorf("worst is %s, exit code %d: %s", d.Worst, code, complaints.String())
	}
}

func TestNoCeilingWhereNoRateIsAsked(t *testing.T) {
	for kind, want := range map[plan.Kind]string{plan.RR: "echo", plan.CRR: "echo", plan.Stream: "sink", plan.Hold: "", plan.Slow: ""} {
		p := &plan.Plan{Kind: kind}
		p.Defaults()
		if got := nullTarget(p); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
		if p.Response = 1024; nullTarget(p) == "echo" {
			t.Errorf("%s: an echo is to answer with another size", kind)
		}
	}
}

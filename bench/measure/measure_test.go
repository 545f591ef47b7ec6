package measure

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/testkit"
)

func TestCPUOfThreadsAndChildrenCounts(t *testing.T) {
	s := launch(t, nil)
	for _, c := range []struct {
		what      string
		least     float64 // ms
		roundings float64 // of ticks
	}{
		{"burn:40", 40, 0},
		{"threads:20", 60, 0}, // which have ended when they are counted
		{"child:40", 40, 20},
		{"children:30", 30, 0},
	} {
		// What the runtime itself takes comes on top.
		if ms := s.spent(c.what); ms < c.least-c.roundings || ms > 2*c.least+200 {
			t.Errorf("%s: %.3f ms of CPU time were read", c.what, ms)
		}
	}
	u, err := s.Survey()
	if err != nil {
		t.Fatal(err)
	}
	if u.Processes != 2 || u.Threads < 2 {
		t.Errorf("%d processes with %d threads, of 2", u.Processes, u.Threads)
	}
}

func TestCPUIsReadToTheNanosecondNotTheTick(t *testing.T) {
	s := launch(t, nil)
	s.do("burn:1")
	// A figure in ticks would be 0 or 10 ms.
	if ms := s.spent("burn:2"); ms < 2 || ms > 9 && !testkit.Race() {
		t.Errorf("2 ms were burnt, %.3f ms read", ms)
	}
}

func TestMemoryDescriptorsAndPipesAreWhatIsHeld(t *testing.T) {
	var ours [2]int // which nobody told to be closed in a child
	if err := unix.Pipe(ours[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ours[0])
	defer unix.Close(ours[1])
	s := launch(t, nil)
	s.do("nothing") // but to accept
	before, err := s.Survey()
	if err != nil {
		t.Fatal(err)
	}
	if before.Pipes != 0 {
		t.Errorf("%d ends of pipes before there are any", before.Pipes)
	}
	s.do("memory:32")
	s.do("pipes:5")
	after, err := s.Survey()
	if err != nil {
		t.Fatal(err)
	}
	if mib := float64(after.Memory-before.Memory) / (1 << 20); mib < 31 || mib > 48 {
		t.Errorf("32 MiB were touched, %.1f read", mib)
	}
	if after.PeakMemory < after.Memory {
		t.Errorf("the peak, %d, is below what is held, %d", after.PeakMemory, after.Memory)
	}
	if n := after.Descriptors - before.Descriptors; n != 10 || after.Pipes != 10 {
		t.Errorf("10 descriptors came, all of them ends of pipes: %d and %d read", n, after.Pipes)
	}
	if after.KernelMemory <= 0 {
		t.Error("the kernel keeps no memory")
	}
}

func TestContextSwitchesOfEndedThreadsStay(t *testing.T) {
	l := ledger{}
	l.take(map[int]times{1: {100, 10}, 2: {50, 5}})
	l.take(map[int]times{1: {110, 11}})
	l.take(map[int]times{1: {3, 1}, 3: {7, 2}}) // 1 is another one now
	if got, want := l.total(), (times{100 + 50 + 10 + 3 + 7, 10 + 5 + 1 + 1 + 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The slices of schedstat are what the kernel counts as context switches.
func TestContextSwitchesAgreeWithTheKernels(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	count := func() (slices, switches uint64) {
		l := ledger{}
		p, err := identify(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		l.read([]process{p})
		return l.live[unix.Gettid()].switches, switchesOf(t, unix.Gettid())
	}
	s0, k0 := count()
	for range 50 {
		time.Sleep(50 * time.Microsecond)
	}
	s1, k1 := count()
	if s1-s0 < 10 || max(s1-s0, k1-k0)-min(s1-s0, k1-k0) > 20 {
		t.Errorf("%d by schedstat, %d by status", s1-s0, k1-k0)
	}
}

func TestSystemThatDiesSaysHow(t *testing.T) {
	s := launch(t, nil)
	s.conn.Write([]byte("exit:3"))
	s.conn.Read(make([]byte, 1)) // its end
	var err error
	testkit.Eventually(t, "the end is seen", func() bool {
		_, err = s.Read()
		return err != nil
	})
	for _, want := range []string{"exit status 3", "the disk is on fire"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}

func TestSystemThatNeverAcceptsSaysHow(t *testing.T) {
	testkit.Leaks(t)
	target := plan.Target{Network: "unix", Address: fmt.Sprintf("@measure-%d-never", os.Getpid())}
	t.Setenv("PENSTOCK_TEST", target.Address+" exit:4")
	_, err := Launch(context.Background(), []string{os.Args[0]}, nil, target, 20*time.Second)
	if err == nil || !strings.Contains(err.Error(), "exit status 4") || !strings.Contains(err.Error(), "the disk is on fire") {
		t.Errorf("one that dies: %v", err)
	}
	t.Setenv("PENSTOCK_TEST", "@elsewhere-"+strconv.Itoa(os.Getpid())+" say:hello")
	_, err = Launch(context.Background(), []string{os.Args[0]}, nil, target, 300*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "does not accept") || !strings.Contains(err.Error(), "hello") {
		t.Errorf("one that listens elsewhere: %v", err)
	}
	_, err = Launch(context.Background(), []string{"/nowhere/at/all"}, nil, target, time.Second)
	if err == nil || !strings.Contains(err.Error(), "/nowhere/at/all") {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestLaunchRefusesWhereSomethingElseListens(t *testing.T) {
	testkit.Leaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Launch(context.Background(), []string{"/bin/true"}, nil, plan.Target{Network: "tcp", Address: l.Addr().String()}, time.Second)
	if err == nil || !strings.Contains(err.Error(), "accepts there already") {
		t.Errorf("%v", err)
	}
}

func TestCloseEndsAStoppedSystemAndItsChildren(t *testing.T) {
	s := launch(t, nil)
	s.do("children:1")
	if _, err := s.Survey(); err != nil {
		t.Fatal(err)
	}
	child := s.tree.procs[len(s.tree.procs)-1].PID
	if child == s.PID() {
		t.Fatal("no child was seen")
	}
	if err := unix.Kill(s.PID(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.Close()
	testkit.Eventually(t, "all are gone", func() bool {
		return !exists(fmt.Sprint("/proc/", s.PID())) && !runs(child)
	})
}

// runs says that a process is there and no zombie.
func runs(pid int) bool {
	_, err := identify(pid)
	return err == nil
}

func TestAttachMeasuresWithoutOwning(t *testing.T) {
	s := launch(t, nil)
	a, err := Attach(s.PID())
	if err != nil {
		t.Fatal(err)
	}
	before, err := a.Read()
	if err != nil {
		t.Fatal(err)
	}
	s.do("burn:20")
	after, err := a.Read()
	if err != nil {
		t.Fatal(err)
	}
	if ms := float64(after.CPU-before.CPU) / 1e6; ms < 20 {
		t.Errorf("20 ms were burnt, %.3f ms read", ms)
	}
	a.Close()
	s.do("burn:1") // it is still there
	s.Close()
	if _, err := a.Read(); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("after its end: %v", err)
	}
	if _, err := Attach(s.PID()); err == nil {
		t.Error("a process that is gone was attached to")
	}
}

func TestSyscallsAreCountedOrItIsSaidWhyNot(t *testing.T) {
	s := launch(t, nil)
	stop, err := s.CountSyscalls()
	if err != nil {
		if !strings.Contains(err.Error(), "raw_syscalls") && !strings.Contains(err.Error(), "perf_event_open") {
			t.Errorf("%v: no reason", err)
		}
		t.Logf("not allowed here: %v", err)
		return
	}
	s.do("syscalls:5000")
	calls, err := stop()
	if err != nil {
		t.Fatal(err)
	}
	if n := calls.N; n < 5000 || n > 10_000 || calls.Took <= 0 {
		t.Errorf("5000 system calls and a few were made; %d were counted, in %v", n, calls.Took)
	}
}

// A splice that moves nothing is no splice, whatever a configuration says.
func TestSyscallsThatMoveBytesAreCountedByName(t *testing.T) {
	s := launch(t, nil)
	stop, err := s.CountSyscalls()
	if err != nil {
		t.Skip("system calls cannot be counted here: ", err)
	}
	s.do("splices:1000")
	calls, err := stop()
	if err != nil {
		t.Fatal(err)
	}
	if n := calls.Moved["splice"]; n != 1000 {
		t.Errorf("%d splices, want the 1000 that moved a byte, and not those that found none", n)
	}
	// The subject reads what it is to do, and may write to its own loop.
	if r, w := calls.Moved["read"], calls.Moved["write"]; r < 1000 || r > 1100 || w < 1000 || w > 1100 {
		t.Errorf("%d reads, %d writes, want 1000 and a few", r, w)
	}
	if n := calls.Moved["sendfile"]; n != 0 {
		t.Errorf("%d calls of sendfile, want none", n)
	}
}

// A count that began before its filter was set would count every call as each of those
// that move bytes.
func TestSyscallsOfABusySystemAreCountedByName(t *testing.T) {
	s := launch(t, nil)
	s.do("calls:2")
	all := uint64(0)
	for range 20 {
		stop, err := s.CountSyscalls()
		if err != nil {
			t.Skip("system calls cannot be counted here: ", err)
		}
		time.Sleep(time.Millisecond)
		calls, err := stop()
		if err != nil {
			t.Fatal(err)
		}
		all += calls.N
		for _, name := range []string{"readv", "recvmsg", "writev", "sendmsg", "splice", "sendfile"} { // which no Go program makes by itself
			if n := calls.Moved[name]; n > 0 {
				t.Errorf("%d calls of %s, want none: the subject asks for its parent", n, name)
			}
		}
	}
	if all == 0 {
		t.Error("no system call was counted")
	}
}

func TestReadIsCheap(t *testing.T) {
	s := launch(t, nil)
	const rounds = 50
	began := processNow()
	for range rounds {
		s.surveyed = time.Now() // as it is in all windows but one in a second
		if _, err := s.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if each := (processNow() - began) / rounds; each > 10*time.Millisecond {
		t.Errorf("a Read takes %v of CPU time", each)
	} else {
		t.Logf("a Read takes %v of CPU time", each)
	}
}

func processNow() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// switchesOf answers how often a thread was switched away from, by its status.
func switchesOf(t *testing.T, tid int) (n uint64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", tid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.HasSuffix(name, "voluntary_ctxt_switches") {
			k, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
			n += k
		}
	}
	return n
}

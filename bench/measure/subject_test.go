package measure

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/testkit"
)

// The test binary is the system under test, too: told by PENSTOCK_TEST what to do.
func TestMain(m *testing.M) {
	if what := os.Getenv("PENSTOCK_TEST"); what != "" {
		words := strings.Fields(what)
		beSystem(words[0], words[1:])
		return
	}
	os.Exit(m.Run())
}

// beSystem serves lines of commands on a Unix socket: each is answered when it is done.
func beSystem(address string, does []string) {
	time.AfterFunc(time.Minute, func() { os.Exit(5) }) // whatever becomes of the test
	for _, d := range does {
		do(d)
	}
	l, err := net.Listen("unix", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b := make([]byte, 100)
		for n, err := c.Read(b); err == nil; n, err = c.Read(b) {
			do(string(b[:n]))
			c.Write([]byte("done"))
		}
		c.Close()
	}
}

func do(what string) {
	verb, arg, _ := strings.Cut(what, ":")
	n, _ := strconv.Atoi(arg)
	switch verb {
	case "burn":
		burn(n)
	case "threads": // that end
		done := make(chan bool)
		for range 3 {
			go func() {
				runtime.LockOSThread() // and is not unlocked: the thread ends with its goroutine
				burn(n)
				done <- true
			}()
		}
		for range 3 {
			<-done
		}
	case "child": // that is waited for
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PENSTOCK_TEST=/nowhere/at/all burn:"+arg)
		cmd.Run()
	case "children": // that stay
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("PENSTOCK_TEST=@%d-child stubborn burn:%s", os.Getpid(), arg))
		cmd.Start()
		for c, err := net.Dial("unix", fmt.Sprintf("@%d-child", os.Getpid())); ; c, err = net.Dial("unix", fmt.Sprintf("@%d-child", os.Getpid())) {
			if err == nil {
				c.Close()
				return
			}
			time.Sleep(time.Millisecond)
		}
	case "stubborn":
		signal.Ignore(unix.SIGTERM)
	case "syscalls": // each tenth in a thread of its own, some of which come now
		var together, done sync.WaitGroup
		together.Add(10)
		for range 10 {
			done.Go(func() {
				runtime.LockOSThread()
				together.Done()
				together.Wait()
				for range n / 10 {
					unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
				}
			})
		}
		done.Wait()
	case "calls": // that move nothing and return more than 0, from now on
		for range n {
			go func() {
				for {
					unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
				}
			}()
		}
	case "splices": // of which every second finds nothing to move
		var a, b [2]int
		unix.Pipe2(a[:], unix.O_NONBLOCK)
		unix.Pipe2(b[:], unix.O_NONBLOCK)
		for range n {
			unix.Splice(a[0], nil, b[1], nil, 1, unix.SPLICE_F_NONBLOCK)
			unix.Write(a[1], []byte{1})
			unix.Splice(a[0], nil, b[1], nil, 1, unix.SPLICE_F_NONBLOCK)
			unix.Read(b[0], make([]byte, 1))
		}
	case "memory":
		unix.Mmap(-1, 0, n<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	case "pipes":
		for range n {
			var p [2]int
			unix.Pipe(p[:])
		}
	case "exit":
		fmt.Fprintln(os.Stderr, "the disk is on fire")
		os.Exit(n)
	case "say":
		fmt.Println(arg)
	}
}

// burn uses so many ms of the calling thread's CPU time.
func burn(ms int) {
	runtime.LockOSThread()
	clock := func() int64 {
		var ts unix.Timespec
		unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
		return ts.Nano()
	}
	for end := clock() + int64(ms)*1e6; clock() < end; {
	}
}

// A subject is a system under test that does as it is told.
type subject struct {
	*System
	t    *testing.T
	conn net.Conn
}

func launch(t *testing.T, cpus CPUs, does ...string) *subject {
	t.Helper()
	testkit.Leaks(t)
	target := plan.Target{Network: "unix", Address: fmt.Sprintf("@measure-%d-%s", os.Getpid(), t.Name())}
	t.Setenv("PENSTOCK_TEST", target.Address+" "+strings.Join(does, " "))
	s, err := Launch(context.Background(), []string{os.Args[0]}, cpus, target, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c, err := net.Dial(target.Network, target.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &subject{s, t, c}
}

func (s *subject) do(what string) {
	s.t.Helper()
	if _, err := s.conn.Write([]byte(what)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.conn.Read(make([]byte, 4)); err != nil {
		s.t.Fatal(err)
	}
}

// spent is the CPU time that doing something takes, in ms.
func (s *subject) spent(what string) float64 {
	s.t.Helper()
	before, err := s.Survey()
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(what)
	after, err := s.Survey()
	if err != nil {
		s.t.Fatal(err)
	}
	return float64(after.CPU-before.CPU) / 1e6
}

package measure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/plan"
)

// ErrBusy says that something accepts where the system under test is to.
var ErrBusy = errors.New("something accepts there already, which would be measured in its place: end it, or measure it with --pid")

// grace is how long a system has to end by itself when it is told to.
const grace = 2 * time.Second

// A launched is a system that was started here.
type launched struct {
	cmd     *exec.Cmd
	began   time.Time
	output  tail
	done    chan struct{} // closed when it has ended
	outcome error         // how, once done is closed
}

// Launch starts the system under test, in a process group of its own and on the given
// CPUs (none: on all that this process was given), and waits until target accepts.
// Its output goes to the end of an error message, if there is one.
func Launch(ctx context.Context, argv []string, cpus CPUs, target plan.Target, timeout time.Duration) (*System, error) {
	if len(argv) == 0 {
		return nil, errors.New("the command of the system under test is empty")
	}
	if c, err := dial(target, timeout); err == nil {
		c.Close()
		return nil, fmt.Errorf("%v: %w", target, ErrBusy)
	}
	// What this process was given without being asked is nothing for the system.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("close_range: %w", err)
	}
	l := &launched{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	// It ends with this process, however that ends.
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	l.cmd.WaitDelay = time.Second // what it leaves behind may hold its output open
	l.cmd.Stdout, l.cmd.Stderr = &l.output, &l.output
	if err := start(l.cmd, cpus); err != nil {
		return nil, fmt.Errorf("the system under test could not be started: %w", err)
	}
	l.began = time.Now()
	go func() {
		l.outcome = l.cmd.Wait()
		close(l.done)
	}()
	s, err := l.system(ctx, target, timeout)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return s, nil
}

func (l *launched) system(ctx context.Context, target plan.Target, timeout time.Duration) (*System, error) {
	if err := l.await(ctx, target, timeout); err != nil {
		return nil, err
	}
	s := &System{ended: l.ended, close: l.close, output: inodeOfOutput(l.cmd.Process.Pid)}
	if err := s.attach(l.cmd.Process.Pid); err != nil {
		return nil, errors.Join(l.ended(errors.Is(err, ErrGone)), err)
	}
	return s, nil
}

// start starts a command from a thread with the affinity that the command is to have:
// it is inherited.
func start(cmd *exec.Cmd, cpus CPUs) error {
	if len(cpus) == 0 {
		cpus = Given()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := setAffinity(0, cpus); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), unix.SchedSetaffinity(0, &before))
}

// await waits until the target accepts.
func (l *launched) await(ctx context.Context, target plan.Target, timeout time.Duration) error {
	for deadline := l.began.Add(timeout); ; {
		c, err := dial(target, time.Until(deadline))
		if err == nil {
			c.Close()
			return l.ended(false)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.done:
			return l.ended(true)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the system under test does not accept on %v within %v: %w%s", target, timeout, err, l.output.words())
		}
	}
}

func dial(t plan.Target, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout(t.Network, t.Address, max(timeout, time.Millisecond))
}

// ended says how the system ended, if it did; if it surely did, it waits to hear how.
func (l *launched) ended(surely bool) error {
	if surely {
		<-l.done
	}
	select {
	case <-l.done:
	default:
		return nil
	}
	hint := ""
	if l.cmd.ProcessState.Success() {
		hint = " (if it went to the background: it must stay in the foreground)"
	}
	return fmt.Errorf("%s ended after %v with %s%s%s", l.cmd.Args[0], time.Since(l.began).Round(time.Millisecond), l.cmd.ProcessState, hint, l.output.words())
}

// close ends the process group: in order, and after a while without.
func (l *launched) close() error {
	group := -l.cmd.Process.Pid
	unix.Kill(group, unix.SIGTERM)
	unix.Kill(group, unix.SIGCONT) // one that is stopped takes no other signal
	select {
	case <-l.done:
	case <-time.After(grace):
	}
	unix.Kill(group, unix.SIGKILL) // also those whose parent has ended
	<-l.done
	return nil
}

// inodeOfOutput tells the pipe that leads to us from those of the system.
func inodeOfOutput(pid int) uint64 {
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/fd/2", pid), &st) != nil {
		return 0
	}
	return st.Ino
}

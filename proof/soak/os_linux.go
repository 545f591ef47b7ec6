package soak

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// supported says whether the soak can run on this system.
func supported() error { return nil }

var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// sendUrgent sends one byte, of no stream, as urgent data.
func sendUrgent(c *net.TCPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = syscall.Sendto(int(fd), []byte{'!'}, syscall.MSG_OOB|syscall.MSG_NOSIGNAL, nil)
		return sent != syscall.EAGAIN
	})
	return errors.Join(err, sent)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOTCONN)
}

// isClosed says that a socket is closed in both directions: by a reset, or by both ends.
func isClosed(c *net.TCPConn) (closed bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		closed = err == nil && info.State == unix.BPF_TCP_CLOSE
	})
	return closed
}

// reuseAddress lets a dial use a port whose last connection is in TIME_WAIT.
func reuseAddress(_, _ string, c syscall.RawConn) (err error) {
	e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
	return errors.Join(e, err)
}

// isPassing says that a dial failed because a link is down, or the port is in use, and
// may be tried again.
func isPassing(err error) bool {
	var e net.Error
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH) || errors.As(err, &e) && e.Timeout()
}

// become gives up root: pipes of an unprivileged user have a page budget.
func become(id int) error {
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(id), syscall.Setuid(id))
}

// apart keeps a terminal's interrupt from a role: its parent ends it in order.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

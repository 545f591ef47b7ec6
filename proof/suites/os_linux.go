package suites

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func supported() error { return nil }

var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// originalDestination returns where a redirected connection was going. The options
// are SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST, both 80. The structures that the
// two calls return are large enough for the socket addresses, which they hold here.
func originalDestination(fd int, six bool) (netip.AddrPort, error) {
	const option = 80
	if six {
		a, err := unix.GetsockoptIPv6MTUInfo(fd, unix.SOL_IPV6, option)
		if err != nil {
			return netip.AddrPort{}, os.NewSyscallError("getsockopt", err)
		}
		port := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, a.Addr.Port))
		return checkDestination(netip.AddrPortFrom(netip.AddrFrom16(a.Addr.Addr), port))
	}
	a, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, option)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockopt", err)
	}
	b := a.Multiaddr // sockaddr_in: family, port, address
	return checkDestination(netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:])))
}

// become gives up root. Pipes of an unprivileged user have a page budget.
func become(id int) error {
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(id), syscall.Setuid(id))
}

// apart gives a process a group of its own, which a cancelled command kills whole,
// and which a terminal's interrupt does not reach.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cmd.Cancel != nil {
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	}
}

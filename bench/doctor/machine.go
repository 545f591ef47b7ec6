package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/measure"
)

func hugePages(m *machine) []Finding {
	mode := chosen(m.read("kernel/mm/transparent_hugepage/enabled"))
	if mode == "" {
		return nil
	}
	level := OK
	if mode == "always" {
		level = Warn
	}
	return one("huge pages", level, mode,
		"memory comes and goes in pieces of 2 MiB: what a connection takes is blurred, and some runs get them and some do not",
		"echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
}

// offloads asks the loopback device what it leaves to later.
func offloads(*machine) []Finding {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	level := OK
	var parts []string
	for _, o := range []struct {
		name    string
		command uint32
	}{{"TSO", unix.ETHTOOL_GTSO}, {"GSO", unix.ETHTOOL_GGSO}, {"GRO", unix.ETHTOOL_GGRO}} {
		on, err := ethtool(fd, "lo", o.command)
		if err != nil {
			return nil
		}
		state := "on"
		if !on {
			level, state = Warn, "off"
		}
		parts = append(parts, o.name+" "+state)
	}
	return one("offloads of lo", level, strings.Join(parts, ", "),
		"without them bulk goes in segments of the MTU, each of which costs",
		"ethtool -K lo tso on gso on gro on")
}

// ethtool asks a device one question that is answered with a number.
func ethtool(fd int, device string, command uint32) (on bool, err error) {
	value := struct{ command, data uint32 }{command: command}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // a union's
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:], device)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return false, errno
	}
	return value.data != 0, nil
}

// syscalls tries to count system calls.
func syscalls(*machine) []Finding {
	const (
		name = "counting system calls"
		why  = "how many a request takes is part of its cost, where the kernel lets it be counted"
	)
	s, err := measure.Attach(os.Getpid())
	if err != nil {
		return one(name, Warn, err.Error(), why, "mount /proc")
	}
	stop, err := s.CountSyscalls()
	if err != nil {
		return one(name, Warn, err.Error(), why, "run as root")
	}
	if _, err := stop(); err != nil {
		return one(name, Warn, err.Error(), why, "run as root")
	}
	return one(name, OK, "allowed", why, "")
}

// tools looks for the programs that some commands need.
func tools(*machine) (all []Finding) {
	for _, t := range []struct {
		names []string
		why   string
		from  string
	}{
		{[]string{"gcc", "cc"}, "peers builds the least that C can do", "gcc"},
		{[]string{"haproxy"}, "a peer", "haproxy"},
		{[]string{"nginx"}, "a peer, with its stream module", "nginx libnginx-mod-stream"},
		{[]string{"chromium", "chromium-browser", "google-chrome"}, "the tests of the page render it", "chromium"},
	} {
		level, value := Warn, "missing"
		for _, name := range t.names {
			if path, err := exec.LookPath(name); err == nil {
				level, value = OK, path
				break
			}
		}
		all = append(all, one(t.names[0], level, value, t.why, fmt.Sprintf("apt-get install %s", t.from))...)
	}
	return all
}

package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tracePoint returns the number of a trace point of raw_syscalls. It is in tracefs,
// which need not be mounted: an instance that is mounted nowhere will do.
func tracePoint(name string) (id uint64, err error) {
	text, err := readTracefs("events/raw_syscalls/" + name + "/id")
	if err == nil {
		id, err = strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	}
	if err != nil {
		return 0, fmt.Errorf("trace point raw_syscalls:%s: %w", name, err)
	}
	return id, nil
}

// readTracefs returns the content of a small file of tracefs.
func readTracefs(name string) (string, error) {
	for _, dir := range []string{"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"} {
		if text, err := os.ReadFile(dir + name); err == nil {
			return string(text), nil
		}
	}
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("tracefs: %w: needs root, or a tracefs that can be read", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return "", fmt.Errorf("tracefs: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("tracefs: %w", err)
	}
	defer unix.Close(mount)
	file, err := unix.Openat(mount, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("tracefs: %w", err)
	}
	defer unix.Close(file)
	var text [32]byte
	n, err := unix.Read(file, text[:])
	return string(text[:max(n, 0)]), err
}

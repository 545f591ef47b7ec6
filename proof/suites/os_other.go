//go:build !linux

package suites

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
)

func supported() error { return fmt.Errorf("suites: on %s: %w", runtime.GOOS, errors.ErrUnsupported) }

var stopSignals = []os.Signal{os.Interrupt}

func originalDestination(int, bool) (netip.AddrPort, error) {
	return netip.AddrPort{}, errors.ErrUnsupported
}
func become(int) error { return errors.ErrUnsupported }
func apart(*exec.Cmd)  {}

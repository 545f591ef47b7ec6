//go:build !linux

package soak

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

func supported() error { return fmt.Errorf("soak: on %s: %w", runtime.GOOS, errors.ErrUnsupported) }

var stopSignals = []os.Signal{os.Interrupt}

func sendUrgent(*net.TCPConn) error                      { return errors.ErrUnsupported }
func isReset(error) bool                                 { return false }
func isClosed(*net.TCPConn) bool                         { return false }
func reuseAddress(string, string, syscall.RawConn) error { return errors.ErrUnsupported }
func isPassing(error) bool                               { return false }
func become(int) error                                   { return errors.ErrUnsupported }
func apart(*exec.Cmd)                                    {}

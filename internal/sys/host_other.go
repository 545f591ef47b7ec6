//go:build !linux

package sys

import (
	"errors"
	"os"
)

// Host answers errors.ErrUnsupported: Penstock runs on Linux.
func Host() (Kernel, error) { return nil, errors.ErrUnsupported }

// ThreadCPU answers errors.ErrUnsupported.
func ThreadCPU() (ns int64, err error) { return 0, errors.ErrUnsupported }

// LockFile answers errors.ErrUnsupported.
func LockFile(string) (f *os.File, busy bool, err error) { return nil, false, errors.ErrUnsupported }

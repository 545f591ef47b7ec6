// Package testkit is what the tests share: a check that everything was given
// back, and servers that end with their test.
package testkit

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Leaks checks, when the test has ended, that the process has the descriptors
// and the goroutines that it has now. Call it first. Tests that call it do not
// run in parallel.
func Leaks(t testing.TB) {
	t.Helper()
	runtime.GC() // what the test before left to finalizers
	before, goroutines := descriptors(), runtime.NumGoroutine()
	t.Cleanup(func() {
		var extra []string
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			extra = extra[:0]
			for fd, what := range descriptors() {
				if _, ok := before[fd]; !ok {
					extra = append(extra, fd+" → "+what)
				}
			}
			if len(extra) == 0 && runtime.NumGoroutine() <= goroutines {
				return
			}
			if time.Now().After(deadline) {
				break
			}
		}
		if len(extra) > 0 {
			t.Errorf("descriptors leaked: %d: %.1000s", len(extra), strings.Join(extra, ", "))
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			buf := make([]byte, 1<<20)
			t.Errorf("goroutines leaked: %d, were %d\n%.20000s", n, goroutines, buf[:runtime.Stack(buf, true)])
		}
	})
}

// descriptors answers the open descriptors of the process and what they are, but
// the one that reads them.
func descriptors() map[string]string {
	open := map[string]string{}
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		what, err := os.Readlink("/proc/self/fd/" + name)
		if err != nil || name == fmt.Sprint(dir.Fd()) {
			continue
		}
		open[name] = what
	}
	return open
}

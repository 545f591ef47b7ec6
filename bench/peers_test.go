package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/internal/testkit"
)

// needCounts skips a test where system calls cannot be counted.
func needCounts(t *testing.T) {
	t.Helper()
	s, err := measure.Attach(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	stop, err := s.CountSyscalls()
	if err != nil {
		t.Skip("system calls cannot be counted here: ", err)
	}
	if _, err := stop(); err != nil {
		t.Fatal(err)
	}
}

// wrongly puts a haproxy into PATH that is configured to splice when it finds that
// worth while, which it never does here.
func wrongly(t *testing.T) {
	t.Helper()
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: ", err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$1\" = -v ] || sed -i 's/splice-request/splice-auto/; /splice-response/d' \"$4\"\nexec " + haproxy + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "haproxy"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

// A rival that does not do what its row says makes the row invalid, and no table.
func TestRivalThatIsHeldWronglyIsRefused(t *testing.T) {
	testkit.Leaks(t)
	needTwoCPUs(t)
	needCounts(t)
	bin := t.TempDir()
	if out, err := exec.Command("make", "-C", "c", "BIN="+bin, bin+"/c-relay").CombinedOutput(); err != nil {
		t.Skipf("the base cannot be built: %v\n%s", err, out)
	}
	row := []string{"peers", "stream-1", "--bin", bin, "--blocks", "1", "-d", "500ms"}
	const refused = "haproxy: does not splice as its row says"
	t.Run("held well", func(t *testing.T) {
		if code, out, complaints := line(row...); code != 0 && code != exitInvalid || strings.Contains(out, refused) || !strings.Contains(out, "haproxy") {
			t.Errorf("exit code %d: %s%s", code, out, complaints)
		}
	})
	t.Run("held wrongly", func(t *testing.T) {
		wrongly(t)
		if code, out, complaints := line(row...); code != exitInvalid || !strings.Contains(out, refused) {
			t.Errorf("exit code %d, want %d, and that it is told: %s%s", code, exitInvalid, out, complaints)
		}
	})
}

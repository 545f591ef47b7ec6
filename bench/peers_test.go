package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/peers"
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
	testkit.NeedFull(t)
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

// The tables are written of rows that were measured one by one, all of them or none.
func TestTablesAreWrittenOfWhatWasSaved(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	saved := t.TempDir()
	t.Chdir(t.TempDir())
	const empty = "<!-- peers: begin -->\n<!-- peers: end -->\n"
	files := map[string]string{"BENCHMARKS.md": "", "README.md": ""}
	for name := range files {
		if err := os.WriteFile(name, []byte(empty), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	echoes := 0
	for _, w := range peers.Workloads() {
		if strings.HasPrefix(w.Title, "echo, ") {
			echoes++
		}
		if code, _, complaints := line("peers", "--from", saved, "--write"); code != exitUsage || !strings.Contains(complaints, "written whole") {
			t.Fatalf("before %s was saved: exit code %d: %s", w.Name, code, complaints)
		}
		c := sample.Comparison()
		c.Name = w.Title
		if err := c.Save(filepath.Join(saved, w.Name+".json")); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, complaints := line("peers", "--from", saved, "--write"); code != 0 {
		t.Fatalf("exit code %d: %s", code, complaints)
	}
	for name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	if all, few := strings.Count(files["BENCHMARKS.md"], "\n| echo, "), strings.Count(files["README.md"], "\n| echo, "); all != echoes || few != 2 {
		t.Errorf("%d and %d rows of echoes, want %d and 2:\n%s\n%s", all, few, echoes, files["BENCHMARKS.md"], files["README.md"])
	}
	for name, text := range files {
		if !strings.Contains(text, sample.Comparison().Environment.CPU) {
			t.Errorf("%s does not name the CPU", name)
		}
	}
}

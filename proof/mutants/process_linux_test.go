package mutants

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process that group prepares is killed when its parent is, which has no time to do it.
func TestChildEndsWithItsParent(t *testing.T) {
	if os.Getenv("PENSTOCK_MUTANTS_PARENT") != "" {
		child := exec.Command("sleep", "60")
		group(child)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString(strconv.Itoa(child.Process.Pid) + "\n")
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	parent := exec.Command(os.Args[0], "-test.run", "^TestChildEndsWithItsParent$")
	parent.Env = append(os.Environ(), "PENSTOCK_MUTANTS_PARENT=1")
	var out bytes.Buffer
	parent.Stdout = &out
	parent.Run() // ends by SIGKILL
	pid, err := strconv.Atoi(strings.TrimSpace(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) { // a zombie waits for init
			return
		}
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the child outlives its parent")
		}
	}
}

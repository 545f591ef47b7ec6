package mutants

import (
	"os/exec"
	"syscall"
)

// group gives the process a group of its own, so that kill ends its children, too, and has
// the kernel kill it when this process ends, however it ends. The signal is sent when the
// thread that started the process ends (prctl(2)), so the goroutine that starts it must
// hold that thread until the process has ended.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

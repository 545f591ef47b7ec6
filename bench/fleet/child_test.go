package fleet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// The tests start themselves again, as what this names.
const (
	roleEnv  = "PENSTOCK_FLEET_TEST_ROLE"
	natsEnv  = "PENSTOCK_FLEET_TEST_NATS"
	nameEnv  = "PENSTOCK_FLEET_TEST_NAME"
	tokenEnv = "PENSTOCK_FLEET_TEST_TOKEN"
)

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleEnv); role {
	case "":
		os.Exit(m.Run())
	case "agent":
		a := &Agent{URL: os.Getenv(natsEnv), Name: os.Getenv(nameEnv), Token: os.Getenv(tokenEnv), Log: os.Stderr}
		err = a.Serve(context.Background())
	case "hub":
		err = hub()
	default:
		err = fmt.Errorf("no role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child starts a process that ends with the test. within is what to put in front.
func child(t *testing.T, within []string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	words := append(within[:len(within):len(within)], self)
	c := exec.Command(words[0], words[1:]...)
	c.Env, c.Stderr = append(os.Environ(), env...), t.Output()
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// agentProcess starts an agent of a process of its own.
func agentProcess(t *testing.T, within []string, url, name, token string) *exec.Cmd {
	t.Helper()
	c := child(t, within, roleEnv+"=agent", natsEnv+"="+url, nameEnv+"="+name, tokenEnv+"="+token)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

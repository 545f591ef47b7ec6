package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/loop"
)

// The network: the controller and the target in one namespace, the hub, at an address
// that all agents reach by links of their own.
const (
	hubAt     = "10.9.0.1"
	echoPort  = "7000"
	natsPort  = "4222"
	hubToken  = "a secret"
	cutDevice = "to-b" // in the hub: the link to agent b
)

// The controller has agents in other namespaces generate a load; then another, in whose
// midst the link to one of them is cut.
func agentsInNamespaces(t *testing.T) {
	t.Parallel()
	within := namespaces(t, "a", "b")
	for _, name := range []string{"a", "b"} {
		agentProcess(t, within[name], "nats://"+hubAt+":"+natsPort, name, hubToken)
	}
	c := child(t, within["hub"], roleEnv+"=hub")
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	var whole, cut result.Result
	d := json.NewDecoder(&out)
	if err := errors.Join(d.Decode(&whole), d.Decode(&cut)); err != nil {
		t.Fatal(err)
	}
	if whole.Errors > 0 || whole.Completed == 0 {
		t.Errorf("%d errors, %d completed", whole.Errors, whole.Completed)
	}
	credited(t, &whole)
	invalid(t, &cut, nil, "agent b: no word for 3.", cut.Measured)
}

// hub is the controller, and the target.
func hub() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	srv := &loop.Server{Handler: loop.OnData(func(c *loop.Conn) error {
		_, err := c.CopyTo(c)
		return err
	})}
	if _, err := srv.Listen("tcp", net.JoinHostPort(hubAt, echoPort)); err != nil {
		return err
	}
	go srv.Serve(ctx)
	f, err := New(&Options{
		Crew: Crew{N: 2, Names: []string{"a", "b"}}, Listen: net.JoinHostPort(hubAt, natsPort), Token: hubToken,
		Wait: 20 * time.Second, Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer f.Close()
	p := planOf(plan.Target{Network: "tcp", Address: net.JoinHostPort(hubAt, echoPort)})
	whole, err := drive.Run(ctx, p, &drive.Options{Source: f.Source, Agents: f.Agents})
	if err != nil {
		return err
	}
	p = endless(p.Target)
	cut, err := drive.Run(ctx, p, &drive.Options{Agents: f.Agents, Source: func(ctx context.Context, p *plan.Plan, tell func(*result.Interval)) error {
		return f.Source(ctx, p, func(i *result.Interval) {
			if i.Seq == 2 && !i.Last {
				if err := command("ip link set " + cutDevice + " down"); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}
			tell(i)
		})
	}})
	if err != nil {
		return err
	}
	e := json.NewEncoder(os.Stdout)
	return errors.Join(e.Encode(whole), e.Encode(cut))
}

// namespaces makes one for each role and one for the hub, linked to all, until the test
// ends. It answers what to put in front of a command to have it run in one.
func namespaces(t *testing.T, roles ...string) (within map[string][]string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need ip, of iproute2")
	}
	within = map[string][]string{}
	name := func(role string) string { return fmt.Sprintf("penstock-fleet-%d-%s", os.Getpid(), role) }
	run := func(format string, args ...any) {
		t.Helper()
		if err := command(fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range append([]string{"hub"}, roles...) {
		ns := name(role)
		run("ip netns add %s", ns)
		t.Cleanup(func() {
			if err := command("ip netns del " + ns); err != nil {
				t.Error(err)
			}
		})
		run("ip -n %s link set lo up", ns)
		within[role] = []string{"ip", "netns", "exec", ns}
	}
	hub := name("hub")
	run("ip -n %s addr add %s/32 dev lo", hub, hubAt)
	for k, role := range roles {
		ns, near, far := name(role), fmt.Sprintf("10.9.%d.1", k+1), fmt.Sprintf("10.9.%d.2", k+1)
		run("ip link add hub netns %s type veth peer name %s netns %s", ns, "to-"+role, hub)
		run("ip -n %s addr add %s/24 dev %s", hub, near, "to-"+role)
		run("ip -n %s addr add %s/24 dev hub", ns, far)
		run("ip -n %s link set %s up", hub, "to-"+role)
		run("ip -n %s link set hub up", ns)
		run("ip -n %s route add default via %s", ns, near)
	}
	return within
}

// command runs one, whose output is told only if it fails.
func command(line string) error {
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}

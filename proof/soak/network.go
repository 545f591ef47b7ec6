package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// A network is where the roles run: three namespaces in a line, or the loopback of
// this machine. The zero network is the latter.
type network struct {
	names map[string]string // role → namespace
}

// The addresses and ports within the namespaces. Ports below firstPort are for
// listeners, so that the port of a socket says which side of the forwarder it is on.
const (
	clientAt    = "10.0.1.1"
	forwarderAt = "10.0.1.2"
	towardsAt   = "10.0.2.1"
	backendAt   = "10.0.2.2"
	listenPort  = 7001
	firstPort   = 10000
)

// needs says what is missing to make namespaces.
func needs() error {
	if os.Getuid() != 0 {
		return errors.New("soak: network namespaces need root: run it as root, or with -plain on the loopback")
	}
	var missing []string
	for _, tool := range []string{"ip", "tc", "ss"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if missing != nil {
		return fmt.Errorf("soak: missing: %s: install iproute2 (apt-get install iproute2), or run with -plain on the loopback", strings.Join(missing, ", "))
	}
	return nil
}

// newNetwork makes the namespaces and the two links between them. On an error what
// was made is removed.
func newNetwork(ctx context.Context) (n *network, err error) {
	if err := needs(); err != nil {
		return nil, err
	}
	n = &network{names: map[string]string{}}
	defer func() {
		if err != nil {
			n.remove()
		}
	}()
	for _, role := range []string{"client", "forwarder", "backend"} {
		name := fmt.Sprintf("penstock-soak-%d-%s", os.Getpid(), role)
		if err := command(ctx, "ip", "netns", "add", name); err != nil {
			return nil, err
		}
		n.names[role] = name
		if err := n.tune(ctx, role); err != nil {
			return nil, err
		}
	}
	err = n.link(ctx, "client", clientAt, forwarderAt)
	return n, errors.Join(err, n.link(ctx, "backend", backendAt, towardsAt))
}

// tune bounds the buffers, so that slow readers are felt by the forwarder, and gives
// fast churn enough ports.
func (n *network) tune(ctx context.Context, role string) error {
	var script strings.Builder
	for _, setting := range [][2]string{
		{"tcp_rmem", "4096 131072 1048576"}, {"tcp_wmem", "4096 65536 1048576"},
		{"ip_local_port_range", fmt.Sprint(firstPort, " 65535")}, {"tcp_tw_reuse", "1"},
	} {
		fmt.Fprintf(&script, "echo %s > /proc/sys/net/ipv4/%s || exit 1\n", setting[1], setting[0])
	}
	return command(ctx, append(n.within(role), "sh", "-c", script.String())...)
}

// link joins a role to the forwarder. The device is named, on either end, for what
// is on the other.
func (n *network) link(ctx context.Context, role, at, forwarder string) error {
	ns, hub := n.names[role], n.names["forwarder"]
	for _, words := range []string{
		"ip link add forwarder netns " + ns + " mtu 1500 type veth peer name " + role + " netns " + hub + " mtu 1500",
		"ip -n " + ns + " addr add " + at + "/24 dev forwarder",
		"ip -n " + hub + " addr add " + forwarder + "/24 dev " + role,
		"ip -n " + ns + " link set forwarder up",
		"ip -n " + hub + " link set " + role + " up",
	} {
		if err := command(ctx, strings.Fields(words)...); err != nil {
			return err
		}
	}
	return nil
}

// within is what to put in front of a command to have it run where a role does.
func (n *network) within(role string) []string {
	if n.names == nil {
		return nil
	}
	return []string{"ip", "netns", "exec", n.names[role]}
}

// sockets lists the forwarder's, with their timers and what TCP knows of them.
func (n *network) sockets() string {
	words := append(n.within("forwarder"), "ss", "-Htnoi")
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("ss: %v: %s", err, out)
	}
	return string(out)
}

// remove removes the namespaces, and the links with them.
func (n *network) remove() (err error) {
	for _, name := range n.names {
		err = errors.Join(err, command(context.Background(), "ip", "netns", "del", name))
	}
	return err
}

// command runs one, whose output is only told if it fails.
func command(ctx context.Context, words ...string) error {
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("soak: %s: %w: %s", strings.Join(words, " "), err, out)
	}
	return ctx.Err()
}

package suites

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// A network is a namespace with a loopback of its own.
type network struct{ name string }

const (
	// relayPort is where the relay listens: outside of the ports that the kernel
	// gives to the tests, 32768 and above.
	relayPort = 20001
	// relayUser is the user that the relay becomes, "nobody". Its connections are not
	// redirected; the tests run as root.
	relayUser = 65534
)

// needs returns an error that says what is missing to redirect connections.
func needs() error {
	if os.Getuid() != 0 {
		return errors.New("suites: network namespaces and redirection need root")
	}
	for tool, pack := range map[string]string{"ip": "iproute2", "nft": "nftables", "go": "golang"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("suites: %s is not installed: apt-get install %s", tool, pack)
		}
	}
	return nil
}

var networks int // made by this process, for their names

func newNetwork(ctx context.Context) (n *network, err error) {
	networks++
	n = &network{fmt.Sprintf("penstock-suites-%d-%d", os.Getpid(), networks)}
	if err := command(ctx, "", "ip", "netns", "add", n.name); err != nil {
		return nil, err
	}
	err = errors.Join(
		command(ctx, "", "ip", "-n", n.name, "link", "set", "lo", "up"),
		command(ctx, "", n.within("sh", "-c", withoutMPTCP)...))
	if err != nil {
		return nil, errors.Join(err, n.remove())
	}
	return n, nil
}

// withoutMPTCP makes TestMultiPathTCP of net skip itself. It fails through every
// forwarder that listens with TCP, and its error path hangs now and then.
const withoutMPTCP = "! [ -e /proc/sys/net/mptcp/enabled ] || echo 0 > /proc/sys/net/mptcp/enabled"

// redirect sends every new TCP connection to the relay, but the relay's own, and
// gives the relay's own the address of the client: tests compare the port that they
// dial from with the one that they accept from.
//
// Connection tracking is liberal: a segment that it finds out of its window would
// pass without translation, and be answered with a reset by a port that nobody has.
func (n *network) redirect(ctx context.Context) error {
	rules := fmt.Sprintf(`table inet penstock {
	chain output {
		type nat hook output priority -100; policy accept;
		oifname "lo" meta l4proto tcp meta skuid != %d redirect to :%d
	}
	chain postrouting {
		type nat hook postrouting priority 100; policy accept;
		meta l4proto tcp ip saddr %v snat ip to 127.0.0.1
		meta l4proto tcp ip6 saddr %v snat ip6 to ::1
	}
}`, relayUser, relayPort, sources4, sources6)
	const settings = `echo 1 > /proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal &&
		echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind`
	return errors.Join(
		command(ctx, rules, n.within("nft", "-f", "-")...),
		command(ctx, "", n.within("sh", "-c", settings)...),
		command(ctx, "", "ip", "-n", n.name, "-6", "route", "add", "local", sources6.String(), "dev", "lo"))
}

// The relay connects from an address of these, each time another, and from the
// client's port. The client's own address is taken: its socket has that pair.
var (
	sources4 = netip.MustParsePrefix("127.128.0.0/9")
	sources6 = netip.MustParsePrefix("fd00::/96")
)

// sourceFor returns the address to connect from on behalf of the nth client, or
// "", which is any, if the client has gone.
func sourceFor(client net.Addr, n uint32) string {
	at, ok := client.(*net.TCPAddr)
	if !ok {
		return ""
	}
	if at.IP.To4() != nil {
		b := sources4.Addr().As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|n&(1<<23-1))
		return netip.AddrPortFrom(netip.AddrFrom4(b), uint16(at.Port)).String()
	}
	b := sources6.Addr().As16()
	binary.BigEndian.PutUint32(b[12:], n)
	return netip.AddrPortFrom(netip.AddrFrom16(b), uint16(at.Port)).String()
}

// within returns the command that runs another in the namespace.
func (n *network) within(words ...string) []string {
	return append([]string{"ip", "netns", "exec", n.name}, words...)
}

func (n *network) remove() error {
	return command(context.Background(), "", "ip", "netns", "del", n.name)
}

// command runs a command, whose output is part of the error if it fails.
func command(ctx context.Context, stdin string, words ...string) error {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("suites: %s: %w: %s", strings.Join(words, " "), errors.Join(err, ctx.Err()), out)
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// refused runs the program, and checks that it ends with an exit code and a line on
// stderr that has all of want.
func refused(t *testing.T, code int, flags []string, want ...string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, flags...)
	cmd.Env = append(os.Environ(), "PENSTOCK_FORWARD=1")
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%q: exit code %d, %q; want exit code %d and one line", flags, got, out, code)
	}
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("%q: %q does not say %q", flags, out, w)
		}
	}
}

func TestBadFlagsSayWhatWouldBeRight(t *testing.T) {
	for flags, want := range map[string]string{
		"-to 127.0.0.1:1":                                "-listen is missing",
		"-listen :0":                                     "-to is missing",
		"-listen :0 -to 127.0.0.1:1 -mode fast":          `-mode "fast": must be auto, splice or copy`,
		"-listen :0 -to 127.0.0.1:1 -loops -3":           "-loops -3: must be 1 to 1024",
		"-listen :0 -to 127.0.0.1:1 -loops 100000":       "-loops 100000: must be 1 to 1024",
		"-listen :0 -to 127.0.0.1:1 -idle -3s":           "-idle -3s",
		"-listen :0 -to 127.0.0.1:1 -connect-timeout 0s": "-connect-timeout 0s",
		"-listen :0 -to 127.0.0.1:1 -drain soon":         `"soon"`,
		"-listen :0 -to 127.0.0.1:1 extra":               `"extra"`,
		"-nonsense":                                      "nonsense",
	} {
		refused(t, 2, strings.Fields(flags), want)
	}
	refused(t, 1, []string{"-listen", "203.0.113.1:1", "-to", "127.0.0.1:1"}, "203.0.113.1:1")
}

// An address to which no connection can ever be made is refused before the program
// listens, with the value, what is wrong with it, and what would be right.
func TestImpossibleAddressesAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	both := map[string]string{
		"":                                  "is empty: must be host:port",
		"here":                              "has no port: write here:PORT",
		"127.0.0.1":                         "has no port: write 127.0.0.1:PORT",
		"::1":                               "has no port: write [::1]:PORT",
		"localhost:":                        "must be 1 to 65535, or a service's name",
		":":                                 "must be 1 to 65535, or a service's name",
		"localhost:65536":                   "has port 65536: must be 1 to 65535",
		"localhost:-1":                      "has port -1: must be 1 to 65535",
		"localhost:nothing":                 `has port "nothing", which is no service`,
		"localhost:80:90":                   "has too many colons",
		"fe80:0:0:0:0:0:0:1:2:80":           "has too many colons: an IPv6 address needs brackets",
		"[::1:80":                           "an IPv6 address stands in brackets",
		"::1]:80":                           "an IPv6 address stands in brackets",
		"[::1]80":                           "an IPv6 address stands in brackets",
		"[::g]:80":                          "no host name",
		"[fe80::1%nowhere]:80":              `has the zone "nowhere", which is no interface`,
		"[fe80::1%99999]:80":                `has the zone "99999", which is no interface`,
		"[fe80::1]:80":                      "without a zone: name the interface",
		"http://localhost:80":               `has the scheme http: leave it out, "localhost:80"`,
		"tcp://127.0.0.1:80":                `has the scheme tcp: leave it out, "127.0.0.1:80"`,
		"unix:///tmp/x":                     "has the scheme unix",
		" localhost:80":                     "contains the character ' '",
		"localhost :80":                     "contains the character ' '",
		"localhost:80\n":                    `contains the character '\n'`,
		"256.0.0.1:80":                      "no IPv4 address",
		"127.0.0.01:80":                     "no IPv4 address",
		"1.2.3:80":                          "no IPv4 address",
		"a..b:80":                           "no host name",
		"-/-:80":                            "no host name",
		"bücher.example:80":                 "no host name",
		strings.Repeat("a", 64) + ":1":      "no host name",
		strings.Repeat("a.", 130) + "a:1":   "a host name of 261 characters: at most 253",
		"224.0.0.1:80":                      "multicast address 224.0.0.1",
		"[ff02::1%lo]:80":                   "multicast address",
		"255.255.255.255:80":                "broadcast address",
		"unix:":                             "unix:/path or unix:@name",
		"unix:@":                            "unix:/path or unix:@name",
		"unix:" + dir + "/":                 "is a directory",
		"unix:/" + strings.Repeat("a", 108): "109 bytes are too long, at most 10",
	}
	for value, want := range both {
		refused(t, 2, []string{"-listen", "127.0.0.1:0", "-to", value}, "-to", want)
		refused(t, 2, []string{"-listen", value, "-to", "127.0.0.1:1"}, "-listen", want)
	}
	for value, want := range map[string]string{
		"localhost:0":  "has port 0, to which nothing can connect",
		":0":           "has port 0, to which nothing can connect",
		"unix:" + dir:  "is a file that is no socket",
		"unix:" + file: "is a file that is no socket",
	} {
		refused(t, 2, []string{"-listen", "127.0.0.1:0", "-to", value}, "-to", want)
	}
}

// A forwarder whose backend is its own listener is refused, however that is written.
func TestForwardingToItselfIsRefused(t *testing.T) {
	port := freePort(t)
	unix := "unix:" + filepath.Join(t.TempDir(), "socket")
	for _, try := range [][2]string{
		{"127.0.0.1:" + port, "127.0.0.1:" + port},
		{"127.0.0.1:" + port, "localhost:" + port},
		{"127.0.0.1:" + port, ":" + port},
		{"127.0.0.1:" + port, "[::ffff:127.0.0.1]:" + port},
		{":" + port, "127.0.0.1:" + port},
		{":" + port, "127.0.0.2:" + port},
		{":" + port, ":" + port},
		{"0.0.0.0:" + port, "0.0.0.0:" + port},
		{unix, unix},
		{"unix:@penstock-itself-test", "unix:@penstock-itself-test"},
	} {
		refused(t, 2, []string{"-listen", try[0], "-to", try[1]}, "-to "+try[1], "leads to this forwarder itself", "give another address")
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
				refused(t, 2, []string{"-listen", ":" + port, "-to", net.JoinHostPort(ip.IP.String(), port)}, "itself")
			}
		}
	}
	if _, err := os.Stat(strings.TrimPrefix(unix, "unix:")); err == nil {
		t.Error("the socket of a forwarder that was refused is still there")
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// A name may come to lead to the forwarder after its start: then the first connection
// finds out, and is reset.
func TestNameThatComesToLeadHereIsNotForwarded(t *testing.T) {
	testkit.Leaks(t)
	f := &forwarder{outage: newOutage("")}
	srv := &loop.Server{Handler: loop.OnOpen(f.open), Config: loop.Config{Loops: 1}}
	bound, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.to = cli.Addr{Network: "tcp", Address: fmt.Sprintf("localhost:%d", bound.(*net.TCPAddr).Port)}
	if err := f.check(bound); !errors.Is(err, errItself) || !f.own.IsValid() {
		t.Errorf("%v, own %v", err, f.own)
	}
	testkit.ServeBound(t, srv)
	c, err := net.Dial("tcp", bound.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, want a reset", err)
	}
	testkit.Eventually(t, "all connections have ended", func() bool { return srv.Group().Counters().Conns == 0 })
	if n := srv.Group().Counters().Dialed; n > 128 { // a visit of the listener accepts 64, each of which dials before the first is found out
		t.Errorf("%d connections were dialled to itself", n)
	}
}

// Package peers compares Penstock with what else is installed: minimal C programs, the
// standard library, other event loops and relays in Go, HAProxy and nginx. Each is
// configured as its documentation makes it fastest, under the same loads, and its
// system calls are checked against what its row says.
package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A role is what a system does.
type role int

const (
	echo role = iota
	relay
)

// A class is a kind of row. A system has one configuration for all rows of a class.
type class string

const (
	small       class = "small messages"
	large       class = "large messages" // of 16 KiB
	connections class = "connections"    // for a message each
	downloads   class = "downloads"      // a connection for 5 MiB
	bulk        class = "bulk"           // streams
	held        class = "held"           // idle connections: memory counts
)

// A system is a program under test. In its words and its configuration {addr} and
// {port} are what it is to listen on, {to} and {toport} where it is to relay to, {bin}
// the folder of the project's programs, {dir} a folder of its own and {conf} the file
// of its configuration.
type system struct {
	name    string
	role    role
	words   string
	config  string
	only    []class // the rows in which it is measured so; nil: all
	splices []class // the rows in which it splices; it copies in the others
	needs   string  // a file or program without which it cannot run
	greedy  bool    // it keeps two pipes for each connection
	source  string  // where its settings come from; "": it has none
	module  string  // the Go module that it shows
}

var (
	every  = []class{small, large, connections, downloads, bulk, held}
	flows  = []class{downloads, bulk}
	shorts = []class{small, connections}
)

// procs has a Go program use two Ps, as Penstock's programs do: a goroutine that
// waits in epoll_wait keeps one. The runtime's default is one P for one CPU. Echoes of
// 64 B on 100 connections cost the standard library 0.95 of that, and netpoll 1.29.
const procs = "env GOMAXPROCS=2 "

// systems are all that are known, the bases first. Each has one thread, or one event
// loop, as it has one CPU.
var systems = []system{
	{name: "c-echo", role: echo, words: "{bin}/c-echo {port}", needs: "{bin}/c-echo"},
	{name: "penstock", role: echo, words: "{bin}/echo -listen {addr} -loops 1", needs: "{bin}/echo"},
	{name: "std", role: echo, words: procs + "{bin}/std-echo -listen {addr}", needs: "{bin}/std-echo", source: procsSource},
	{name: "gnet", role: echo, words: procs + "{bin}/gnet-echo -listen {addr}", needs: "{bin}/gnet-echo", module: "github.com/panjf2000/gnet/v2",
		source: "gnet's README and options.go: level-triggered is the default; one event loop, which accepts by itself with SO_REUSEPORT. The build tags poll_opt and gc_opt were measured, and make it dearer. " + procsSource},
	{name: "gnet-et", role: echo, words: procs + "{bin}/gnet-echo -listen {addr} -edge", needs: "{bin}/gnet-echo", module: "github.com/panjf2000/gnet/v2",
		source: "as gnet, with WithEdgeTriggeredIO. " + procsSource},
	{name: "nbio", role: echo, words: procs + "{bin}/nbio-echo -listen {addr}", needs: "{bin}/nbio-echo", module: "github.com/lesismal/nbio",
		source: "nbio's README: NPoller 1, level-triggered, which is the default; without the copy of the quick start, since Write copies what it keeps. " + procsSource},
	{name: "evio", role: echo, words: procs + "{bin}/evio-echo -listen {addr}", needs: "{bin}/evio-echo", module: "github.com/tidwall/evio",
		source: "evio's README and evio.go: NumLoops 1, ReuseInputBuffer. " + procsSource},
	{name: "netpoll", role: echo, words: "{bin}/netpoll-echo -listen {addr}", needs: "{bin}/netpoll-echo", module: "github.com/cloudwego/netpoll",
		source: "netpoll's README: zero-copy Reader and Writer; one poller, which is the default for up to 20 CPUs. GOMAXPROCS=2 was measured to be dearer."},

	{name: "c-splice", role: relay, words: "{bin}/c-relay splice {port} {toport}", needs: "{bin}/c-relay", splices: every},
	{name: "c-copy", role: relay, words: "{bin}/c-relay copy {port} {toport}", needs: "{bin}/c-relay"},
	{name: "penstock", role: relay, words: "{bin}/forward -listen {addr} -to {to} -loops 1", needs: "{bin}/forward", splices: flows},
	{name: "std", role: relay, words: procs + "{bin}/std-relay -listen {addr} -to {to}", needs: "{bin}/std-relay", splices: every, greedy: true,
		source: "package net: io.Copy between two TCPConns splices (TCPConn.ReadFrom). " + procsSource},
	{name: "tcpproxy", role: relay, words: procs + "{bin}/tcpproxy-relay -listen {addr} -to {to}", needs: "{bin}/tcpproxy-relay", splices: every, greedy: true, module: "github.com/inetaf/tcpproxy",
		source: "tcpproxy's package documentation; it unwraps connections so that io.Copy splices. " + procsSource},
	{name: "haproxy", role: relay, words: "haproxy -db -q -f {conf}", config: haproxy, needs: "haproxy",
		only: []class{small, large, connections, held}, source: haproxySource},
	{name: "haproxy", role: relay, words: "haproxy -db -q -f {conf}", config: haproxySplices, needs: "haproxy",
		only: flows, splices: flows, source: haproxySplicesSource},
	{name: "nginx", role: relay, words: nginxWords, config: nginx("16k"), needs: "nginx", only: shorts, source: nginxSource},
	{name: "nginx", role: relay, words: nginxWords, config: nginx("32k"), needs: "nginx", only: []class{large}, source: nginxSource},
	{name: "nginx", role: relay, words: nginxWords, config: nginx("1m"), needs: "nginx", only: flows, source: nginxSource},
	{name: "nginx", role: relay, words: nginxWords, config: nginx("512"), needs: "nginx", only: []class{held}, source: nginxSource},
}

const procsSource = "GOMAXPROCS=2, as Penstock's programs have it with one loop: measured to be the cheaper of 1 and 2."

// in reports whether a system is measured in the rows of a class.
func (s *system) in(c class) bool { return s.only == nil || slices.Contains(s.only, c) }

// fill replaces the names in braces.
func fill(text string, values map[string]string) string {
	for name, v := range values {
		text = strings.ReplaceAll(text, "{"+name+"}", v)
	}
	return text
}

// missing returns why a system cannot run here, "" if it can.
func (s *system) missing(bin string) string {
	needs := fill(s.needs, map[string]string{"bin": bin})
	if _, err := exec.LookPath(needs); err != nil {
		return needs + " is not installed"
	}
	if s.name == "nginx" && nginxModules() == "" {
		return "the stream module of nginx is not installed"
	}
	return ""
}

// prepare returns the words that start the system, and its configuration, which it
// has written into dir.
func (s *system) prepare(bin, dir, addr, to string) (words []string, config string, err error) {
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	toPort := to[strings.LastIndexByte(to, ':')+1:]
	values := map[string]string{
		"addr": addr, "port": port, "to": to, "toport": toPort, "bin": bin, "dir": dir,
		"conf": filepath.Join(dir, s.name+".conf"), "nginxmodules": nginxModules(),
	}
	if s.config != "" {
		config = fill(s.config, values)
		if err := os.WriteFile(values["conf"], []byte(config), 0o644); err != nil {
			return nil, "", fmt.Errorf("configuration of %s: %w", s.name, err)
		}
	}
	return strings.Fields(fill(s.words, values)), config, nil
}

// Package peers compares Penstock with what else is installed: minimal C programs, the
// standard library, netpoll, HAProxy and nginx, each configured as its documentation
// advises, under the same loads.
package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A role is what a system does.
type role int

const (
	echo role = iota
	relay
	none // there is no system: the load goes to the backend itself
)

// A system is a program under test. In its words and its configuration {addr} and
// {port} are what it is to listen on, {to} and {toport} where it is to relay to, {bin}
// the folder of the project's programs, {dir} a folder of its own and {conf} the file
// of its configuration.
type system struct {
	name   string
	role   role
	words  string
	config string
	needs  string // a file or program without which it cannot run
	greedy bool   // of descriptors: it keeps two pipes for each connection
}

// systems are all that are known, the bases first. Each has one thread, or one event
// loop, as it has one CPU.
var systems = []system{
	{name: "c-echo", role: echo, words: "{bin}/c-echo {port}", needs: "{bin}/c-echo"},
	{name: "penstock", role: echo, words: "{bin}/echo -listen {addr} -loops 1", needs: "{bin}/echo"},
	{name: "std", role: echo, words: "{bin}/std-echo -listen {addr}", needs: "{bin}/std-echo"},
	{name: "netpoll", role: echo, words: "{bin}/netpoll-echo -listen {addr}", needs: "{bin}/netpoll-echo"},

	{name: "c-splice", role: relay, words: "{bin}/c-relay splice {port} {toport}", needs: "{bin}/c-relay"},
	{name: "c-copy", role: relay, words: "{bin}/c-relay copy {port} {toport}", needs: "{bin}/c-relay"},
	{name: "penstock", role: relay, words: "{bin}/forward -listen {addr} -to {to} -loops 1", needs: "{bin}/forward"},
	{name: "std", role: relay, words: "{bin}/std-relay -listen {addr} -to {to}", needs: "{bin}/std-relay", greedy: true},
	{name: "haproxy", role: relay, words: "haproxy -db -q -f {conf}", config: haproxy, needs: "haproxy"},
	{name: "nginx", role: relay, words: "nginx -p {dir} -e stderr -c {conf}", config: nginx, needs: "nginx"},

	{name: "no relay", role: none, words: "the load goes to the backend itself"},
}

// haproxy splices when its heuristics find that worth while (option splice-auto), with
// pipes as large as the relays in C have (tune.pipesize). Connections and pipes are as
// many as 20,000 descriptors allow: it does not start where it could run out of them.
const haproxy = `global
  nbthread 1
  maxconn 9200
  maxpipes 200
  tune.pipesize 1048576
defaults
  mode tcp
  option splice-auto
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen relay
  bind {addr}
  server backend {to}
`

// nginx has its stream module, which copies: it has no splicing to switch on.
const nginx = `daemon off;
master_process off;
pid nginx.pid;
load_module {nginxmodules}/ngx_stream_module.so;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
stream {
  access_log off;
  server {
    listen {addr} backlog=4096;
    tcp_nodelay on;
    proxy_pass {to};
    proxy_connect_timeout 10s;
    proxy_timeout 1h;
  }
}
`

// fill replaces the names in braces.
func fill(text string, values map[string]string) string {
	for name, v := range values {
		text = strings.ReplaceAll(text, "{"+name+"}", v)
	}
	return text
}

// missing says why a system cannot run here, "" if it can.
func (s *system) missing(bin string) string {
	if s.needs == "" {
		return ""
	}
	needs := fill(s.needs, map[string]string{"bin": bin})
	if _, err := exec.LookPath(needs); err != nil {
		return needs + " is not installed"
	}
	if s.name == "nginx" && nginxModules() == "" {
		return "the stream module of nginx is not installed"
	}
	return ""
}

// nginxModules is the folder that holds the stream module.
func nginxModules() string {
	for _, dir := range []string{"/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules"} {
		if _, err := os.Stat(filepath.Join(dir, "ngx_stream_module.so")); err == nil {
			return dir
		}
	}
	return ""
}

// prepare answers the words that start the system, and its configuration, which it
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

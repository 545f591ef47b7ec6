package main

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock/penstock/loop"
)

// A workload is a kind of load and the systems that are measured under it, the
// base first.
type workload struct {
	unit    string
	systems []string
	to      func(b *backends) string // backend of a relay; nil: the system is the echo
	start   func(b *backends, ld *load, l *loop.Loop, target string)
	units   func(b *backends, ld *load) float64
}

var echoes = []string{"c-echo", "penstock"}

func relays(base string) []string {
	systems := []string{base}
	for _, s := range []string{"penstock", "penstock-splice", "penstock-copy", "c-splice", "c-copy", "haproxy", "nginx"} {
		if s != base {
			systems = append(systems, s)
		}
	}
	return systems
}

var workloads = map[string]workload{
	"echo100":  {"request", echoes, nil, pings(100, 64, 64), count},
	"echo1000": {"request", echoes, nil, pings(1000, 64, 64), count},
	"rr64":     {"request", relays("nginx"), toEcho, pings(64, 64, 64), count},
	"rr1000":   {"request", relays("nginx"), toEcho, pings(1000, 64, 64), count},
	"http64":   {"request", relays("nginx"), toAnswer, pings(64, requestSize, responseSize), count},
	"http1000": {"request", relays("nginx"), toAnswer, pings(1000, requestSize, responseSize), count},
	"bulk1":    {"GiB", relays("c-splice"), toSink, bulk(1), received},
	"bulk16":   {"GiB", relays("c-splice"), toSink, bulk(16), received},
	"crr":      {"conn", relays("haproxy"), toEcho, once(50), count},
}

func sortedNames() []string { return slices.Sorted(maps.Keys(workloads)) }

func toEcho(b *backends) string   { return b.echo }
func toSink(b *backends) string   { return b.sink }
func toAnswer(b *backends) string { return b.answer }

func count(_ *backends, ld *load) float64   { return float64(ld.done.Load()) }
func received(b *backends, _ *load) float64 { return float64(b.received.Load()) / (1 << 30) }

func pings(conns, request, response int) func(*backends, *load, *loop.Loop, string) {
	return func(_ *backends, ld *load, l *loop.Loop, target string) {
		ld.start(l, target, conns, func() session {
			return &pingSession{ld: ld, request: make([]byte, request), response: response}
		})
	}
}

func bulk(streams int) func(*backends, *load, *loop.Loop, string) {
	return func(_ *backends, ld *load, l *loop.Loop, target string) {
		ld.start(l, target, streams, func() session {
			return &bulkSession{ld: ld, chunk: make([]byte, 128<<10)}
		})
	}
}

func once(atATime int) func(*backends, *load, *loop.Loop, string) {
	return func(_ *backends, ld *load, l *loop.Loop, target string) {
		var fresh func() session
		fresh = func() session {
			s := &onceSession{pingSession: pingSession{ld: ld, request: make([]byte, 64), response: 64}}
			s.again = func() { ld.dial(l, target, fresh) }
			return s
		}
		ld.start(l, target, atATime, fresh)
	}
}

// command is how a system is started. Each rival is configured as its own
// documentation advises for relaying TCP: one worker, no logs.
func (w *workload) command(b *backends, system, port string) (*exec.Cmd, func(), error) {
	none := func() {}
	at := "127.0.0.1:" + port
	prog := func(name string) string { return filepath.Join(*bin, name) }
	if w.to == nil {
		if system == "penstock" {
			return exec.Command(prog("echo"), "-listen", at, "-loops", "1"), none, nil
		}
		return exec.Command(prog("c-echo"), port), none, nil
	}
	to := w.to(b)
	_, backend, _ := net.SplitHostPort(to)
	forward := func(mode string) (*exec.Cmd, func(), error) {
		return exec.Command(prog("forward"), "-listen", at, "-to", to, "-loops", "1", "-mode", mode), none, nil
	}
	if strings.HasPrefix(system, "/") {
		return exec.Command(system, "-listen", at, "-to", to, "-loops", "1"), none, nil
	}
	switch system {
	case "penstock":
		return forward("auto")
	case "penstock-splice":
		return forward("splice")
	case "penstock-copy":
		return forward("copy")
	case "c-splice":
		return exec.Command(prog("c-relay"), "splice", port, backend), none, nil
	case "c-copy":
		return exec.Command(prog("c-relay"), "copy", port, backend), none, nil
	}
	dir, err := os.MkdirTemp("", "penstock-cost")
	if err != nil {
		return nil, none, err
	}
	clean := func() { os.RemoveAll(dir) }
	file := filepath.Join(dir, "conf")
	text, cmd := haproxyConf, exec.Command("haproxy", "-db", "-q", "-f", file)
	if system == "nginx" {
		text, cmd = nginxConf, exec.Command("nginx", "-p", dir, "-e", "stderr", "-c", file)
	}
	err = os.WriteFile(file, fmt.Appendf(nil, text, at, to), 0o644)
	return cmd, clean, err
}

const haproxyConf = `global
  nbthread 1
  maxconn 4000
  tune.pipesize 1048576
defaults
  mode tcp
  option splice-auto
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen relay
  bind %s
  server backend %s
`

const nginxConf = `daemon off;
master_process off;
pid nginx.pid;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_rlimit_nofile 20000;
events { worker_connections 9000; }
stream {
  access_log off;
  server {
    listen %s;
    tcp_nodelay on;
    proxy_pass %s;
  }
}
`

package generators

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// Readings are those of all turns of a pair.
type Readings struct{ Theirs, Ours []Reading }

// Missing returns the programs of the pairs that this machine does not have.
func Missing(pairs []Pair) (names []string) {
	for _, p := range pairs {
		for _, command := range [][]string{p.Server, p.Other, p.Theirs, {"taskset"}} {
			if len(command) == 0 || command[0] == "{bench}" || slices.Contains(names, command[0]) {
				continue
			}
			if _, err := exec.LookPath(command[0]); err != nil {
				names = append(names, command[0])
			}
		}
	}
	return names
}

// Run runs a pair in turns, the first of which alternates.
func (p *Pair) Run(ctx context.Context, turns int, pin measure.Pinning) (r Readings, err error) {
	dir, err := os.MkdirTemp("", "penstock-generators")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	port, end, err := serve(ctx, p.Server, dir, pin)
	if err != nil {
		return r, err
	}
	defer end()
	others := port
	if len(p.Other) > 0 {
		var endOther func()
		if others, endOther, err = serve(ctx, p.Other, dir, pin); err != nil {
			return r, err
		}
		defer endOther()
	}
	theirs := func() error {
		reading, err := p.theirs(ctx, dir, others, pin)
		r.Theirs = append(r.Theirs, reading)
		return err
	}
	ours := func() error {
		reading, err := p.ours(ctx, dir, port)
		r.Ours = append(r.Ours, reading)
		return err
	}
	for turn := range turns {
		first, second := theirs, ours
		if turn%2 == 1 {
			first, second = ours, theirs
		}
		if err := first(); err != nil {
			return r, err
		}
		if err := second(); err != nil {
			return r, err
		}
	}
	return r, nil
}

const nginxConfig = `daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server { listen 127.0.0.1:%[2]s; root %[1]s; }
}
`

// serve starts a server.
func serve(ctx context.Context, command []string, dir string, pin measure.Pinning) (port string, end func(), err error) {
	addr, err := measure.FreeAddress()
	if err != nil {
		return "", nil, err
	}
	_, port, _ = net.SplitHostPort(addr)
	if err := os.WriteFile(filepath.Join(dir, "kib"), bytes.Repeat([]byte("k"), 1024), 0o644); err != nil {
		return "", nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the worker of nginx is nobody
		return "", nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, nginxConfig, dir, port), 0o644); err != nil {
		return "", nil, err
	}
	words, err := fill(command, dir, port)
	if err != nil {
		return "", nil, err
	}
	system, err := measure.Launch(ctx, words, pin.Systems[0], plan.Target{Network: "tcp", Address: addr}, 10*time.Second)
	if err != nil {
		return "", nil, err
	}
	return port, func() { system.Close() }, nil
}

func fill(command []string, dir, port string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	replace := strings.NewReplacer("{dir}", dir, "{port}", port, "{bench}", self)
	words := slices.Clone(command)
	for i := range words {
		words[i] = replace.Replace(words[i])
	}
	return words, nil
}

func (p *Pair) theirs(ctx context.Context, dir, port string, pin measure.Pinning) (Reading, error) {
	words, err := fill(p.Theirs, dir, port)
	if err != nil {
		return Reading{}, err
	}
	os.Remove(filepath.Join(dir, h2loadLog)) // that of the turn before: h2load appends
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", pin.Generator.String()}, words...)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return Reading{}, fmt.Errorf("%s: %w\n%s%s", strings.Join(words, " "), err, out, &complaints)
	}
	return p.Read(string(out), dir)
}

func (p *Pair) ours(ctx context.Context, dir, port string) (r Reading, err error) {
	saved := filepath.Join(dir, "ours.json")
	words, err := fill(append([]string{"{bench}"}, p.Ours...), dir, port)
	if err != nil {
		return r, err
	}
	words = append(words, "--pin", "split", "--no-ceiling", "-q", "--json", saved)
	if out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
		return r, fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, out)
	}
	text, err := os.ReadFile(saved)
	if err != nil {
		return r, err
	}
	var said result.Result
	if err := json.Unmarshal(text, &said); err != nil {
		return r, err
	}
	r.Rate, r.Errors = said.AchievedRate, said.Errors
	if response := said.Latency.Response; response != nil {
		r.P50, r.P99 = time.Duration(response.P50), time.Duration(response.P99)
	}
	return r, nil
}

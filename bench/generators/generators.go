// Package generators runs load generators that others wrote beside this one, against
// the same servers: rates and percentiles agree, or it is explained why not.
package generators

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Reading is what a generator says of a run.
type Reading struct {
	Rate     float64       // requests a second, or GiB
	P50, P99 time.Duration // 0: it has none
	Errors   uint64
}

// A Pair is one load, from two generators.
type Pair struct {
	Name   string
	Server []string                                  // its command; {port} and {dir} are filled in
	Other  Server                                    // of the other generator, if it needs one of its own
	Theirs []string                                  // the command of the other generator
	Read   func(output, dir string) (Reading, error) // dir is where it ran
	Ours   []string                                  // the arguments of this harness
	Clock  string                                    // where each starts its clock, or why they differ
}

// A Server is a command, and nothing if it has no words.
type Server []string

// Loads are all pairs. They take turns on one CPU, and the server has another.
func Loads(seconds string) []Pair {
	nginx := []string{"nginx", "-p", "{dir}", "-c", "{dir}/nginx.conf", "-e", "stderr"}
	page := "http://127.0.0.1:{port}/kib"
	ours := func(args ...string) []string { return append(args, "-d", seconds+"s", "--warmup", "1s") }
	return []Pair{
		{
			Name: "wrk: nginx, a page of 1 KiB, 50 connections, as fast as it answers", Server: nginx,
			Theirs: []string{"wrk", "-t1", "-c50", "-d" + seconds + "s", "--latency", page}, Read: readWrk,
			Ours: ours("rr", page, "-c", "50"),
			Clock: "wrk starts its clock when the socket is writable and stops it when the parser has the last byte; this harness starts at the write, and stops at the read. A closed loop: no request waits for its turn. " +
				"nginx is what bounds all of its rows: it used 2.98 of 3 s of its CPU with each generator, but this harness only 0.63 of its own, and then sleeps. To wake it is the server's work. " +
				"With `-r 70000`, where the harness polls, nginx answered 54,277 a second, as it does h2load.",
		},
		{
			Name: "h2load: nginx, a page of 1 KiB, HTTP/1.1, 50 connections, as fast as it answers", Server: nginx,
			Theirs: []string{"h2load", "--h1", "-t1", "-c50", "-D" + seconds, "--warm-up-time=1", "--log-file={dir}/" + h2loadLog, page}, Read: readH2load,
			Ours:  ours("rr", page, "-c", "50"),
			Clock: "h2load starts when it puts a request into its own buffer, which is sent in the same turn.",
		},
		{
			Name: "fortio: nginx, a page of 1 KiB, 50 connections, as fast as it answers", Server: nginx,
			Theirs: []string{"fortio", "load", "-quiet", "-c", "50", "-qps", "0", "-t", seconds + "s", "-p", "50,99", "-json", "-", page}, Read: readFortio,
			Ours:  ours("rr", page, "-c", "50"),
			Clock: "fortio has a goroutine for each connection, and its clock runs while a goroutine waits for the CPU, which shows in its p99. Its percentiles are interpolated in buckets.",
		},
		{
			Name:   "redis-benchmark: redis, GET, 50 connections, as fast as it answers",
			Server: []string{"redis-server", "--port", "{port}", "--save", "", "--dir", "{dir}", "--daemonize", "no"},
			Theirs: []string{"redis-benchmark", "-p", "{port}", "-c", "50", "-n", "300000", "-t", "get", "--csv"}, Read: readRedis,
			Ours:  ours("rr", "tcp://127.0.0.1:{port}", "-c", "50", "--payload", `*2\r\n$3\r\nGET\r\n$16\r\nkey:__rand_int__\r\n`, "--until", `\r\n`, "--match", `^\$-1`),
			Clock: "redis-benchmark's clock runs from the write to the first byte of the answer, and not while a connection waits in the program itself: rate times median is 25 of its 50 connections, and 47 of this harness's. It used all of its CPU (6.42 of 6.43 s for 300,000 requests), and is what bounds its rate.",
		},
		{
			Name:   "iperf3: one stream over loopback, GiB a second",
			Server: []string{"{bench}", "serve", "sink", "--light", "--listen", "tcp://127.0.0.1:{port}"},
			Other:  []string{"iperf3", "-s", "-p", "{port}"},
			Theirs: []string{"iperf3", "-c", "127.0.0.1", "-p", "{port}", "-t", seconds, "-l", "128K", "-J"}, Read: readIperf,
			Ours:  ours("stream", "tcp://127.0.0.1:{port}", "-c", "1", "--no-verify"),
			Clock: "each has a server of its own: neither speaks the other's protocol. No byte is made or looked at on either side. iperf3 counts from the start, slow start included.",
		},
	}
}

// Chosen returns the pairs of the generators that are named; none stands for all.
func Chosen(pairs []Pair, names []string) (chosen []Pair, err error) {
	if len(names) == 0 {
		return pairs, nil
	}
	var known []string
	for _, p := range pairs {
		known = append(known, p.Theirs[0])
		if slices.Contains(names, p.Theirs[0]) {
			chosen = append(chosen, p)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s: must be one of %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

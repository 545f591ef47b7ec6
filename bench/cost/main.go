// Cost measures what a server costs for each unit of work, beside the least that
// C can do and beside HAProxy and nginx: CPU time of the process under test, in
// alternation, every figure a ratio to the base of its own round.
//
//	go build -o bench/bin/ ./examples/... && make -C bench/c
//	go run ./bench/cost -rounds 5 -d 2s echo rr http bulk1 bulk16 crr
//
// The server under test has CPU 0, the load and the backends CPU 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var (
	rounds  = flag.Int("rounds", 5, "rounds of each workload")
	span    = flag.Duration("d", 2*time.Second, "how long each measurement lasts")
	only    = flag.String("only", "", "comma-separated `systems` to measure, or paths of forwarders; the base always is")
	bin     = flag.String("bin", "bench/bin", "`folder` of the programs under test")
	profile = flag.Bool("v", false, "print every figure")
)

func main() {
	flag.Parse()
	if err := run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

func run(names []string) error {
	var cpus unix.CPUSet
	cpus.Set(1)
	// All threads that the runtime makes later inherit it from those it has.
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		id, _ := strconv.Atoi(t.Name())
		if err := unix.SchedSetaffinity(id, &cpus); err != nil {
			return err
		}
	}
	b, err := startBackends()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	b.srv.DrainTimeout = time.Second
	go func() { served <- b.srv.Serve(ctx) }()
	defer func() { cancel(); <-served }()
	if len(names) == 0 {
		names = []string{"echo100", "echo1000", "rr64", "rr1000", "http64", "http1000", "bulk1", "bulk16", "crr"}
	}
	for _, name := range names {
		w, ok := workloads[name]
		if !ok {
			return fmt.Errorf("workload %q: must be one of %v", name, sortedNames())
		}
		if err := compare(b, name, w); err != nil {
			return err
		}
	}
	return nil
}

// compare measures one workload on all its systems, round by round.
func compare(b *backends, name string, w workload) error {
	figures := map[string][]float64{}
	for _, system := range strings.Split(*only, ",") {
		if strings.HasPrefix(system, "/") { // a forwarder of one's own, by its path
			w.systems = append(w.systems, system)
		}
	}
	for range *rounds {
		for _, system := range w.systems {
			if *only != "" && system != w.systems[0] && !slices.Contains(strings.Split(*only, ","), system) {
				continue
			}
			f, rate, err := measure(b, system, w)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", name, system, err)
			}
			if *profile {
				fmt.Printf("  %s %s %.0f ns/%s, %.0f %s/s\n", name, system, f, w.unit, rate, w.unit)
			}
			figures[system] = append(figures[system], f)
		}
	}
	base := figures[w.systems[0]]
	fmt.Printf("%-9s CPU per %-7s %-16s %12.0f ns   (median of %d)\n", name, w.unit, w.systems[0], median(base), len(base))
	for _, system := range w.systems[1:] {
		f := figures[system]
		if f == nil {
			continue
		}
		var ratios []float64
		for i := range f {
			ratios = append(ratios, f[i]/base[i])
		}
		fmt.Printf("%-9s CPU per %-7s %-16s %12.0f ns   ratio %.3f (%.3f-%.3f)\n", name, w.unit, system, median(f), median(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	return nil
}

func median(f []float64) float64 {
	s := slices.Sorted(slices.Values(f))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// measure runs one system once and answers its CPU time per unit, in ns, and the rate.
func measure(b *backends, system string, w workload) (perUnit, rate float64, err error) {
	port := freePort()
	cmd, cleanup, err := w.command(b, system, port)
	if err != nil {
		return 0, 0, err
	}
	defer cleanup()
	cmd.Args = append([]string{"taskset", "-c", "0"}, cmd.Args...)
	if cmd.Path, err = exec.LookPath("taskset"); err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	target := "127.0.0.1:" + port
	if err := waitFor(target); err != nil {
		return 0, 0, err
	}
	ld := &load{}
	l := b.srv.Group().Loops()[0]
	w.start(b, ld, l, target)
	time.Sleep(*span / 4)
	c0, u0, t0 := cpuTime(cmd.Process.Pid), w.units(b, ld), time.Now()
	time.Sleep(*span)
	c1, u1, took := cpuTime(cmd.Process.Pid), w.units(b, ld), time.Since(t0)
	ld.stop.Store(true)
	if err := ld.wait(); err != nil {
		return 0, 0, err
	}
	if n := ld.errors.Load(); n > 0 {
		return 0, 0, fmt.Errorf("%d errors", n)
	}
	if u1 <= u0 {
		return 0, 0, fmt.Errorf("no work was done")
	}
	return float64(c1-c0) / (u1 - u0), (u1 - u0) / took.Seconds(), nil
}

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func waitFor(target string) error {
	for range 200 {
		if c, err := net.Dial("tcp", target); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s does not accept", target)
}

// cpuTime is the CPU time that all threads of a process have used, in ns: the
// first figure of schedstat, which is exact where utime counts ticks.
func cpuTime(pid int) (ns int64) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, _ := os.ReadDir(dir)
	for _, t := range tasks {
		b, err := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(b), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		ns += n
	}
	return ns
}

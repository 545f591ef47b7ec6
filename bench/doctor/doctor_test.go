package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// sick is a machine of files: /proc/… and /sys/… under a folder.
func sick(t *testing.T, files map[string]string) *machine {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"proc", "sys"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	proc, err := procfs.NewFS(filepath.Join(dir, "proc"))
	if err != nil {
		t.Fatal(err)
	}
	return &machine{proc, filepath.Join(dir, "sys")}
}

func TestWhatSpoilsAMeasurementIsFound(t *testing.T) {
	const cpu0 = "sys/devices/system/cpu/"
	for _, c := range []struct {
		name  string
		check check
		files map[string]string
		level Level
		value string
	}{
		{"frequency that follows the load", governor, map[string]string{cpu0 + "cpu0/cpufreq/scaling_governor": "powersave\n"}, Warn, "powersave"},
		{"fixed frequency", governor, map[string]string{cpu0 + "cpu0/cpufreq/scaling_governor": "performance\n"}, OK, "performance"},
		{"turbo of Intel's", turbo, map[string]string{cpu0 + "intel_pstate/no_turbo": "0\n"}, Warn, "on"},
		{"turbo of others", turbo, map[string]string{cpu0 + "cpufreq/boost": "1\n"}, Warn, "on"},
		{"turbo off", turbo, map[string]string{cpu0 + "cpufreq/boost": "0\n"}, OK, "off"},
		{"hyper-threads", siblings, map[string]string{cpu0 + "smt/active": "1\n"}, Warn, "on"},
		{"slow clock", clockSource, map[string]string{"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n"}, Bad, "hpet"},
		{"huge pages", hugePages, map[string]string{"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n"}, Warn, "always"},
		{"hypervisor", hypervisor, map[string]string{"proc/cpuinfo": "processor\t: 0\nvendor_id\t: x\nflags\t\t: fpu hypervisor tsc\n"}, Warn, "yes"},
		{"two nodes", numa, map[string]string{"sys/devices/system/node/node0/x": "", "sys/devices/system/node/node1/x": ""}, Warn, "2"},
		{"few ports", ports, map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "40000\t41000\n"}, Warn, "1001"},
		{"no ports", ports, map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "40000\t40099\n"}, Bad, "100"},
		{"ports that wait", waiting, map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "40000\t40999\n",
			"proc/net/sockstat": "sockets: used 3\nTCP: inuse 1 orphan 0 tw 950 alloc 2 mem 1\n"}, Bad, "950 connections"},
		{"ports that are kept", reuse, map[string]string{"proc/sys/net/ipv4/tcp_tw_reuse": "0\n"}, Warn, "0"},
		{"short backlog", backlog, map[string]string{"proc/sys/net/core/somaxconn": "128\n"}, Warn, "128"},
		{"short queue of SYNs", synBacklog, map[string]string{"proc/sys/net/ipv4/tcp_max_syn_backlog": "8\n"}, Bad, "8"},
		{"little memory of TCP", tcpMemory, map[string]string{"proc/sys/net/ipv4/tcp_mem": "100 200 400\n"}, Bad, "0 MiB before pressure"},
		{"small windows", windows, map[string]string{"proc/sys/net/ipv4/tcp_rmem": "4096 8192 524288\n"}, Warn, "512 KiB at most"},
		{"full table", conntrack, map[string]string{"proc/sys/net/netfilter/nf_conntrack_count": "60\n", "proc/sys/net/netfilter/nf_conntrack_max": "100\n"}, Bad, "60 of 100"},
		{"tracked connections", conntrack, map[string]string{"proc/sys/net/netfilter/nf_conntrack_count": "1\n", "proc/sys/net/netfilter/nf_conntrack_max": "100\n"}, Warn, "1 of 100"},
		{"nothing tracked", conntrack, map[string]string{"proc/sys/net/netfilter/nf_conntrack_count": "0\n", "proc/sys/net/netfilter/nf_conntrack_max": "100\n"}, OK, "0 of 100"},
	} {
		found := c.check(sick(t, c.files))
		if len(found) != 1 {
			t.Errorf("%s: %d findings: %+v", c.name, len(found), found)
			continue
		}
		f := found[0]
		if f.Level != c.level || f.Value != c.value {
			t.Errorf("%s: %s %q, want %s %q", c.name, f.Level, f.Value, c.level, c.value)
		}
		if f.Why == "" || (f.Level == OK) != (f.Remedy == "") {
			t.Errorf("%s: why %q, remedy %q", c.name, f.Why, f.Remedy)
		}
	}
}

func TestQuotaOfAGroupAboveIsFound(t *testing.T) {
	for version, m := range map[string]*machine{
		"2": sick(t, map[string]string{
			"proc/7/cgroup":                    "0::/a/b\n",
			"sys/fs/cgroup/a/b/cpu.max":        "max 100000\n",
			"sys/fs/cgroup/a/cpu.max":          "150000 100000\n",
			"sys/fs/cgroup/cgroup.controllers": "cpu\n",
		}),
		"1": sick(t, map[string]string{
			"proc/7/cgroup": "3:memory:/m\n2:cpu,cpuacct:/a/b\n",
			"sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us":  "-1\n",
			"sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us":    "150000\n",
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us":   "100000\n",
		}),
	} {
		if err := os.Symlink("7", filepath.Join(filepath.Dir(m.sys), "proc/self")); err != nil {
			t.Fatal(err)
		}
		found := quota(m)
		if len(found) != 1 || found[0].Level != Bad || !strings.HasPrefix(found[0].Value, "1.50 cores") {
			t.Errorf("version %s: %+v", version, found)
		}
	}
}

func TestStealAndLoadAreSharesOfAllTime(t *testing.T) {
	a := procfs.CPUStat{User: 1, System: 1, Idle: 10, Steal: 1}
	b := procfs.CPUStat{User: 2, System: 1.5, SoftIRQ: 0.5, Idle: 17.8, Steal: 1.2}
	if f := stolen(a, b); f[0].Level != Bad || f[0].Value != "2.0 % of a second" {
		t.Errorf("%+v", f)
	}
	if f := busy(a, b, "", "somebody"); f[0].Level != Warn || f[0].Value != "20 % of all CPUs: somebody" {
		t.Errorf("%+v", f)
	}
}

func TestBusiestOtherProcessIsNamed(t *testing.T) {
	now := time.Now()
	a := sample{at: now, processes: map[int]procfs.ProcStat{
		5: {Comm: "calm", UTime: 100}, 6: {Comm: "hog", UTime: 100}, 7: {Comm: "old", Starttime: 1}, os.Getpid(): {Comm: "doctor"}}}
	b := sample{at: now.Add(time.Second), processes: map[int]procfs.ProcStat{
		5: {Comm: "calm", UTime: 101}, 6: {Comm: "hog", UTime: 150, STime: 25}, 7: {Comm: "new", Starttime: 2, UTime: 90}, os.Getpid(): {Comm: "doctor", UTime: 90}}}
	if got := busiest(a, b); got != "hog (6) 75 % of one" {
		t.Errorf("%q", got)
	}
}

func TestEverythingIsLookedAtHere(t *testing.T) {
	found, err := Examine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range found {
		if f.Name == "" || f.Value == "" || f.Why == "" || f.Level != OK && f.Remedy == "" || seen[f.Name] {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
	for _, name := range []string{"CPUs", "CPU quota", "steal", "other load", "descriptors", "local ports", "somaxconn", "tcp_mem", "counting system calls", "gcc"} {
		if !seen[name] {
			t.Errorf("%s was not looked at", name)
		}
	}
}

func TestExamineEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Examine(ctx); err == nil {
		t.Error("no error")
	}
}

func TestOffloadsAreThoseOfTheDevice(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := ethtool(fd, "lo", unix.ETHTOOL_GTSO); err != nil {
		t.Errorf("lo: %v", err)
	}
	if _, err := ethtool(fd, "none-such", unix.ETHTOOL_GTSO); err == nil {
		t.Error("a device that is not there answered")
	}
}

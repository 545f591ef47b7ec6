package measure

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/result"
)

// Sysctls are those that a result depends on.
var Sysctls = []string{
	"net.core.somaxconn",
	"net.core.rmem_max",
	"net.core.wmem_max",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_wmem",
	"net.ipv4.tcp_mem",
	"net.ipv4.tcp_max_syn_backlog",
	"net.ipv4.tcp_tw_reuse",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.tcp_congestion_control",
	"net.ipv4.tcp_autocorking",
	"fs.pipe-max-size",
	"fs.pipe-user-pages-soft",
	"kernel.numa_balancing",
}

// Environment describes this machine. What it cannot find out stays empty: a machine
// without a governor has none.
func Environment() result.Environment {
	e := result.Environment{Go: runtime.Version(), CPUs: len(Given()), Kernel: kernel(), Governor: Governor(), Sysctls: map[string]string{}}
	e.Host, _ = os.Hostname()
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return e
	}
	if cpus, err := fs.CPUInfo(); err == nil && len(cpus) > 0 {
		// A guest's model name may say no more than the brand.
		e.CPU = fmt.Sprintf("%s (family %s, model %s)", cpus[0].ModelName, cpus[0].CPUFamily, cpus[0].Model)
	}
	if info, err := fs.Meminfo(); err == nil && info.MemTotalBytes != nil {
		e.Memory = int64(*info.MemTotalBytes)
	}
	for _, name := range Sysctls {
		if values, err := fs.SysctlStrings(name); err == nil {
			e.Sysctls[name] = strings.Join(values, " ")
		}
	}
	return e
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
}

// Governor answers what decides on the frequency of the first CPU, if anything does.
func Governor() string {
	text, _ := os.ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	return strings.TrimSpace(string(text))
}

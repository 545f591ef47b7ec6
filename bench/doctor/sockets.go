package doctor

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func descriptors(m *machine) []Finding {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return nil
	}
	return one("descriptors", below(limit.Max, 20_000, 1024), fmt.Sprintf("%d for a process", limit.Max),
		"a connection is one of the generator's and one of the system's, two of a relay's",
		"ulimit -Hn 1048576 as root before, LimitNOFILE= of a service, or several --agents")
}

// portsOf answers how many ports there are for connections from one address to
// another's port.
func (m *machine) portsOf() int {
	r := m.sysctl("net.ipv4.ip_local_port_range", 2)
	if r == nil {
		return 0
	}
	return r[1] - r[0] + 1
}

func ports(m *machine) []Finding {
	n := m.portsOf()
	if n == 0 {
		return nil
	}
	return one("local ports", below(n, 20_000, 1000), fmt.Sprint(n),
		"so many connections at a time can come from one address to one port, those that wait after their end included",
		"--sources, or sysctl -w net.ipv4.ip_local_port_range='16384 65535'")
}

// waiting tells of connections that keep their ports after their end.
func waiting(m *machine) []Finding {
	sockets, err := m.proc.NetSockstat()
	if err != nil {
		return nil
	}
	for _, p := range sockets.Protocols {
		if p.Protocol == "TCP" && p.TW != nil {
			share := float64(*p.TW) / float64(max(m.portsOf(), 1))
			return one("TIME-WAIT", above(share, 0.25, 0.9), fmt.Sprintf("%d connections", *p.TW),
				"each keeps a port for a minute after its end: crr and churn run out of them",
				"wait a minute, or --sources")
		}
	}
	return nil
}

func reuse(m *machine) []Finding {
	v := m.sysctl("net.ipv4.tcp_tw_reuse", 1)
	if v == nil {
		return nil
	}
	level := OK
	if v[0] == 0 {
		level = Warn
	}
	return one("tcp_tw_reuse", level, fmt.Sprint(v[0]),
		fmt.Sprintf("at 0 no more than %d connections a second can be opened and closed for long; at 2 on loopback more", m.portsOf()/60),
		"sysctl -w net.ipv4.tcp_tw_reuse=2, or --sources")
}

func backlog(m *machine) []Finding {
	v := m.sysctl("net.core.somaxconn", 1)
	if v == nil {
		return nil
	}
	return one("somaxconn", below(v[0], 1024, 16), fmt.Sprint(v[0]),
		"a listener's queue; beyond it connections are dropped and tried again after a second, which shows as latency",
		"sysctl -w net.core.somaxconn=4096")
}

func synBacklog(m *machine) []Finding {
	v := m.sysctl("net.ipv4.tcp_max_syn_backlog", 1)
	if v == nil {
		return nil
	}
	return one("tcp_max_syn_backlog", below(v[0], 256, 16), fmt.Sprint(v[0]),
		"connections of a storm that are not established yet; beyond it some are refused, or fall back to cookies",
		"sysctl -w net.ipv4.tcp_max_syn_backlog=4096")
}

func windows(m *machine) []Finding {
	var all []Finding
	for _, s := range []struct{ name, direction string }{{"tcp_rmem", "receive"}, {"tcp_wmem", "send"}} {
		v := m.sysctl("net.ipv4."+s.name, 3)
		if v == nil {
			continue
		}
		all = append(all, one(s.name, below(v[2], 1<<20, 64<<10), fmt.Sprintf("%d KiB at most", v[2]>>10),
			"a "+s.direction+" buffer that cannot grow keeps a bulk stream below what the path carries",
			fmt.Sprintf("sysctl -w net.ipv4.%s='%d %d %d'", s.name, v[0], v[1], 6<<20))...)
	}
	return all
}

func tcpMemory(m *machine) []Finding {
	v := m.sysctl("net.ipv4.tcp_mem", 3)
	if v == nil {
		return nil
	}
	mib := v[1] * (os.Getpagesize() >> 10) >> 10
	return one("tcp_mem", below(mib, 256, 16), fmt.Sprintf("%d MiB before pressure", mib),
		"under pressure the kernel shrinks the windows of all connections, and drops segments",
		fmt.Sprintf("sysctl -w net.ipv4.tcp_mem='%d %d %d'", 100_000, 200_000, 400_000))
}

func conntrack(m *machine) []Finding {
	count, most := m.sysctl("net.netfilter.nf_conntrack_count", 1), m.sysctl("net.netfilter.nf_conntrack_max", 1)
	if count == nil || most == nil {
		return nil
	}
	level := OK
	switch {
	case 2*count[0] > most[0]:
		level = Bad
	case count[0] > 0: // the table is there also where no rule has connections tracked
		level = Warn
	}
	return one("connection tracking", level, fmt.Sprintf("%d of %d", count[0], most[0]),
		"each connection costs more, is remembered after its end, and is dropped when the table is full",
		"take loopback out of it (nft: iif lo notrack), or sysctl -w net.netfilter.nf_conntrack_max=1048576")
}

func pipes(m *machine) []Finding {
	v := m.sysctl("fs.pipe-user-pages-soft", 1)
	if v == nil {
		return nil
	}
	value := fmt.Sprintf("%d pages", v[0])
	level := below(v[0], 16_384, 1024)
	if os.Geteuid() == 0 || v[0] == 0 {
		level, value = OK, value+", which root is exempt from"
	}
	return one("pipe budget", level, value,
		"beyond it a user's pipes get 2 slots, and a relay that splices gets dearer than one that copies",
		"sysctl -w fs.pipe-user-pages-soft=65536; root is exempt, so test as the user that it will run as")
}

package load

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"time"

	"github.com/prometheus/procfs"

	"github.com/penstock/penstock/bench/plan"
)

// ports are what the machine has of local ports, and how long each is kept after a
// connection that our side ended first.
type ports struct {
	low, high int           // net.ipv4.ip_local_port_range
	reuse     int           // net.ipv4.tcp_tw_reuse: 0 never, 1 always, 2 on loopback
	delay     time.Duration // net.ipv4.tcp_tw_reuse_delay: how long at least
}

// timeWait is TCP_TIMEWAIT_LEN, which is built into Linux.
const timeWait = time.Minute

// enoughPorts says whether the ports carry the rate of a plan.
func enoughPorts(p *plan.Plan) error {
	if !keepsPorts(p) {
		return nil
	}
	machine, err := readPorts()
	if err != nil {
		return err
	}
	return machine.carry(p)
}

// keepsPorts says that the connections of a plan come at a rate, and each leaves a port
// in TIME_WAIT, since we end it first, and not with a reset.
func keepsPorts(p *plan.Plan) bool {
	ours := p.Kind == plan.CRR || p.Kind == plan.HalfClose
	return ours && p.Rate > 0 && p.Ending == plan.FIN && p.Target.Network == "tcp"
}

// carry says whether the ports carry the rate, and if not, what would help.
func (m ports) carry(p *plan.Plan) error {
	kept := m.kept(p.Target)
	number, sources := m.high-m.low+1, max(p.Sources, 1)
	carried := float64(number*sources) / kept.Seconds()
	if p.Rate <= carried {
		return nil
	}
	remedy := fmt.Sprintf("the ports carry %.0f connections a second: %d of net.ipv4.ip_local_port_range × %d source addresses, each kept for %v (TIME_WAIT; net.ipv4.tcp_tw_reuse is %d): ",
		math.Floor(carried), number, sources, kept, m.reuse)
	if needed := int(math.Ceil(p.Rate * kept.Seconds() / float64(number))); p.Target.Loopback() && needed <= plan.MaxSources {
		remedy += fmt.Sprintf("use --sources %d, ", needed)
	}
	if p.Kind == plan.CRR {
		remedy += "end connections with --end rst, "
	}
	remedy += fmt.Sprintf("or ask for -r %.0f", math.Floor(carried))
	return &plan.Invalid{Flag: "r", Value: strconv.FormatFloat(p.Rate, 'g', -1, 64), Remedy: remedy}
}

// kept is how long a port is kept for connections to one target.
func (m ports) kept(t plan.Target) time.Duration {
	if m.reuse == 1 || m.reuse == 2 && onLoopback(t) {
		return min(m.delay, timeWait)
	}
	return timeWait
}

// onLoopback says that both ends of a connection have loopback addresses. Of a name it
// knows localhost only.
func onLoopback(t plan.Target) bool {
	host, _, err := net.SplitHostPort(t.Address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

func readPorts() (m ports, err error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return m, err
	}
	limits, err := proc.SysctlInts("net.ipv4.ip_local_port_range")
	if err != nil {
		return m, err
	}
	reuse, err := proc.SysctlInts("net.ipv4.tcp_tw_reuse")
	if err != nil {
		return m, err
	}
	m = ports{low: limits[0], high: limits[1], reuse: reuse[0], delay: time.Second}
	if delay, err := proc.SysctlInts("net.ipv4.tcp_tw_reuse_delay"); err == nil { // older kernels have a second
		m.delay = time.Duration(delay[0]) * time.Millisecond
	}
	return m, nil
}

package load

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/plan"
)

// reserve is how many descriptors a generator needs beside its connections and what
// the process has open: those of the loops, of files, and of connections that are
// being closed while others are opened in their place.
const reserve = 64

// descriptors sees to it that the process may have as many as the plan needs, or says
// what would have to be done.
func descriptors(p *plan.Plan) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return os.NewSyscallError("setrlimit", err)
		}
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	taken := uint64(len(open) + reserve)
	if need := uint64(p.Conns+p.Probes) + taken; need > limit.Max {
		room := max(int(limit.Max)-int(taken)-p.Probes, 0)
		return &plan.Invalid{
			Flag: "c", Value: fmt.Sprint(p.Conns),
			Remedy: fmt.Sprintf("%d descriptors are needed, and this process may have %d: "+
				"ask for at most %d connections, raise the hard limit (ulimit -Hn %d), or spread the load over several --agents",
				need, limit.Max, room, need),
		}
	}
	return nil
}

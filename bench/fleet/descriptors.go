package fleet

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/plan"
)

// others is how many descriptors a run needs beside those of its connections.
const others = 64

// descriptors says whether a plan has more connections than the process may open.
func descriptors(p *plan.Plan) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("getrlimit: %w", err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	if need := uint64(p.Conns + len(open) + others); need > limit.Cur {
		return fmt.Errorf("%d connections need %d descriptors, and there are %d: raise the limit (ulimit -n %d), or use more agents", p.Conns, need, limit.Cur, need)
	}
	return nil
}

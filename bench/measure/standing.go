package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/penstock/penstock/bench/result"
)

// standing is what a system has, other than what it has used.
type standing struct {
	memory, peak       int64
	descriptors, pipes int
	denied             string // what could not be read, and why
}

// fill puts it into a cost.
func (s *standing) fill(c *result.Cost) {
	c.Memory, c.PeakMemory, c.Descriptors, c.Pipes, c.NotToBeHad = s.memory, s.peak, s.descriptors, s.pipes, s.denied
}

// stand looks at memory and descriptors of all processes; what each descriptor is,
// which takes a call for each of maybe thousands, only if asked.
func (s *System) stand(pipes bool) {
	now := standing{pipes: s.standing.pipes}
	if pipes {
		now.pipes = 0
	}
	deny := func(err error) {
		if err != nil && os.IsPermission(err) {
			now.denied = fmt.Sprintf("%v: run as root, or as the user of the system under test", err)
		}
	}
	for _, p := range s.tree.procs {
		status, err := p.NewStatus()
		if err != nil {
			continue // it has ended
		}
		now.peak += int64(status.VmHWM)
		memory, err := anonymous(p.PID)
		if err != nil {
			memory = int64(status.RssAnon)
		}
		now.memory += memory
		n, err := p.FileDescriptorsLen()
		deny(err)
		now.descriptors += n
		if pipes {
			n, err := s.pipesOf(p)
			deny(err)
			now.pipes += n
		}
	}
	s.standing = now
}

// pipesOf counts ends of pipes, but those through which a launched system writes to us.
func (s *System) pipesOf(p process) (n int, err error) {
	targets, err := p.FileDescriptorTargets()
	ours := fmt.Sprintf("pipe:[%d]", s.output)
	for _, t := range targets {
		if strings.HasPrefix(t, "pipe:") && t != ours {
			n++
		}
	}
	return n, err
}

// anonymous answers the anonymous memory of a process, in bytes, swapped out or not.
// A page that forked processes share counts in each with its part, so that the sum
// over a tree counts it once.
func anonymous(pid int) (bytes int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	found := false
	for _, name := range []string{"Pss_Anon:", "SwapPss:"} {
		n, ok := kilobytes(text, name)
		bytes += n << 10
		found = found || ok && name == "Pss_Anon:"
	}
	if !found {
		return 0, fmt.Errorf("process %d: this kernel does not tell Pss_Anon", pid)
	}
	return bytes, nil
}

// kilobytes reads a line such as "Pss_Anon:   116 kB".
func kilobytes(text []byte, name string) (n int64, ok bool) {
	_, rest, ok := bytes.Cut(text, []byte("\n"+name))
	if !ok {
		return 0, false
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(line)), " kB"), 10, 64)
	return n, err == nil
}

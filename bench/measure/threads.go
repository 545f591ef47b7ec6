package measure

import "github.com/prometheus/procfs"

// times are what the scheduler knows of a thread: /proc/PID/task/TID/schedstat.
type times struct {
	waited   uint64 // ns, for a CPU
	switches uint64 // how often it was given one: a context switch each
}

func (t *times) add(o times) {
	t.waited += o.waited
	t.switches += o.switches
}

// A ledger sums up threads, and keeps what those had that have ended: nobody else
// does. One that came and went between two looks is missed.
type ledger struct {
	live map[int]times
	gone times
}

// read looks at all threads of the processes.
func (l *ledger) read(procs []process) {
	seen := make(map[int]times, len(l.live))
	for _, p := range procs {
		threads, err := procfs.AllThreads(p.PID)
		if err != nil {
			continue // it has ended
		}
		for _, t := range threads {
			if stat, err := t.Schedstat(); err == nil {
				seen[t.PID] = times{stat.WaitingNanoseconds, stat.RunTimeslices}
			}
		}
	}
	l.take(seen)
}

// take takes in what was seen. A thread that had more before is another one.
func (l *ledger) take(seen map[int]times) {
	for tid, before := range l.live {
		if now, ok := seen[tid]; !ok || now.switches < before.switches {
			l.gone.add(before)
		}
	}
	l.live = seen
}

func (l *ledger) total() times {
	sum := l.gone
	for _, t := range l.live {
		sum.add(t)
	}
	return sum
}

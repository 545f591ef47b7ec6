package sweep

import (
	"fmt"
	"strings"
	"time"
)

// A spin shows as CPU time or as turns of the loop. A target takes some 20 ms of
// the one, and the base run says how many of the other.
const (
	mostCPU   = 700 * time.Millisecond
	turnsMore = 5
	// turnsCopied is for a flow that must be copied: in pieces of 64 KiB, not of 1 MiB.
	turnsCopied = 20
)

// judge answers what is wrong with a trial. baseTurns is how often the loop of a
// target turned into which nothing was injected.
func judge(f fault, tr *trial, baseTurns uint64) (wrong []string) {
	r := rule{unharmed: true} // nothing was hit: everything must be as planned
	if tr.hit != "" {
		r = after(f, tr.hit)
	}
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if r.dies {
		if tr.exit == 0 || !strings.Contains(tr.stderr, "panic: penstock: epoll_wait: ") {
			bad("no panic that names the call, exit code %d: %.300s", tr.exit, tr.stderr)
		}
		return wrong
	}
	if !tr.ended {
		bad("the target does not end")
	}
	if tr.ended && (tr.exit != 0 || tr.outcome == nil) || strings.Contains(tr.stderr, "panic:") {
		bad("the target died, exit code %d: %.2000s", tr.exit, tr.stderr)
	}
	if tr.port0 {
		bad("Listen answered a port 0 as if that were its address")
	}
	if tr.cpu > mostCPU {
		bad("a spin: %v of CPU time", tr.cpu)
	}
	served := true
	if o := tr.outcome; o != nil {
		served = o.Error == ""
		wrong = append(wrong, judgeOutcome(f, tr, r, baseTurns)...)
	}
	if served && tr.outcome != nil && !tr.port0 {
		wrong = append(wrong, judgeScripts(tr, r)...)
	}
	return wrong
}

// judgeOutcome looks at what the target says of itself.
func judgeOutcome(f fault, tr *trial, r rule, baseTurns uint64) (wrong []string) {
	o := tr.outcome
	startUp := f.Thread == threadCaller || f.Call == "epoll_ctl"
	if o.Error != "" && (tr.hit == "" || !startUp) {
		wrong = append(wrong, "it did not serve: "+o.Error)
	}
	if len(o.Unreturned) > 0 {
		wrong = append(wrong, "not given back: "+strings.Join(o.Unreturned, ", "))
	}
	if len(o.Leaked) > r.leaked {
		wrong = append(wrong, "descriptors leaked: "+strings.Join(o.Leaked, ", "))
	}
	more := uint64(turnsMore)
	if r.copied {
		more = turnsCopied
	}
	if baseTurns > 0 && o.Turns > more*baseTurns {
		wrong = append(wrong, fmt.Sprintf("a spin: %d turns, %d without a fault", o.Turns, baseTurns))
	}
	return wrong
}

// judgeScripts looks at what the peers saw.
func judgeScripts(tr *trial, r rule) (wrong []string) {
	var harmed []string
	for _, s := range tr.scripts {
		planned := s.client.end == s.clientEnd && (s.backend == nil || s.backend.end == s.backendEnd)
		for _, p := range s.parties() {
			saw := fmt.Sprintf("%s: the %s received %d of %d bytes, then: %s", s.name, p.name, p.got.Load(), p.peer.sends, p.end)
			if p.detail != nil {
				saw += ": " + p.detail.Error()
			}
			switch {
			case p.end == endForeign:
				wrong = append(wrong, saw)
			case p.cut() && !r.cut:
				wrong = append(wrong, "a cut that looks complete: "+saw)
			case p.end == endStalled && (!r.patient || s.backend != nil && !r.stalls):
				wrong = append(wrong, "a hang: "+saw)
			}
			if !planned || p.end == endClean && p.cut() {
				harmed = append(harmed, saw)
			}
		}
	}
	most := 1
	if r.unharmed {
		most = 0
	}
	if n := connections(harmed); n > most && !r.many {
		wrong = append(wrong, fmt.Sprintf("%d connections harmed, at most %d may be: %s", n, most, strings.Join(harmed, "; ")))
	}
	return wrong
}

// connections counts the scripts among the complaints.
func connections(harmed []string) int {
	names := map[string]bool{}
	for _, h := range harmed {
		name, _, _ := strings.Cut(h, ":")
		names[name] = true
	}
	return len(names)
}

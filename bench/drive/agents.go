package drive

import (
	"fmt"

	"github.com/penstock/penstock/bench/result"
)

// agents asks who generated the load, and answers why those are missing that were
// lost: without them the load was not what was asked for.
func (r *run) agents() (all []result.Agent, lost []string) {
	if r.Agents == nil {
		return nil, nil
	}
	all = r.Agents()
	for _, a := range all {
		if a.Lost != "" {
			lost = append(lost, fmt.Sprintf("agent %s: %s", a.Name, a.Lost))
		}
	}
	return all, lost
}

// credit puts in what each agent did in the measured time.
func (r *run) credit(res *result.Result, agents []result.Agent) {
	if len(agents) == 0 {
		return
	}
	res.Generator.Loops = 0
	for _, a := range agents {
		part := r.total.Parts[a.Name]
		a.Completed, a.BytesOut, a.BytesIn, a.CPU = part.Completed, part.BytesOut, part.BytesIn, int64(part.Busy)
		a.Steal = float64(part.Stolen) / each(float64(part.Machine))
		res.Agents = append(res.Agents, a)
		res.Generator.Loops += a.Loops
	}
}

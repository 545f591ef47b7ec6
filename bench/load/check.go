package load

import "github.com/penstock/penstock/bench/plan"

// Check says what this machine cannot generate, before anything is started, and sees
// to it that what it can is allowed to this process and those that it starts.
func Check(p *plan.Plan) error {
	if err := enoughPorts(p); err != nil {
		return err
	}
	return descriptors(p)
}

package fleet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/bench/plan"
)

// A Crew is which agents a run wants: so many, whoever they are, or those of given
// names. None is no crew: this process generates the load.
type Crew struct {
	N     int
	Names []string // in order; nil: any
}

// maxAgents bounds what one controller merges: a window takes it some 3 ms, measured
// with four full histograms, and there is one of each agent a second.
const maxAgents = 250

// ParseCrew reads a number, or names with commas between them.
func ParseCrew(s string) (c Crew, err error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 || n > maxAgents {
			return Crew{}, fmt.Errorf("agents %q: must be from 0 to %d", s, maxAgents)
		}
		return Crew{N: n}, nil
	}
	c.Names = strings.Split(s, ",")
	for _, name := range c.Names {
		if err := CheckName(name); err != nil {
			return Crew{}, err
		}
	}
	slices.Sort(c.Names)
	if len(slices.Compact(slices.Clone(c.Names))) < len(c.Names) {
		return Crew{}, fmt.Errorf("agents %q: a name is there twice", s)
	}
	c.N = len(c.Names)
	return c, nil
}

// UnmarshalText lets a flag be a Crew.
func (c *Crew) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCrew(string(text))
	return err
}

func (c Crew) String() string {
	if c.Names == nil {
		return strconv.Itoa(c.N)
	}
	return strings.Join(c.Names, ",")
}

// Check says whether there is something to do for every agent.
func (c Crew) Check(p *plan.Plan) error {
	if p.Conns < c.N {
		return &plan.Invalid{Flag: "agents", Value: c.String(), Remedy: fmt.Sprintf("must be at most the number of connections, %d", p.Conns)}
	}
	return nil
}

// wants says that an agent of that name may take part.
func (c Crew) wants(name string) bool { return c.Names == nil || slices.Contains(c.Names, name) }

package result

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/stats"
)

// ComparisonSchema is the version of a Comparison's JSON.
const ComparisonSchema = "penstock-bench-ab/1"

// A Comparison is several systems under the same load, in turn: A B C C B A is a
// block, in which each system has as many turns early as late, so that a machine that
// drifts is as bad to all of them. A system is held against the first one block by
// block.
type Comparison struct {
	Schema  string     `json:"schema"`
	Args    []string   `json:"args,omitempty"`
	Name    string     `json:"name,omitempty"` // of the load, where there are several
	Started time.Time  `json:"started"`
	Plan    *plan.Plan `json:"plan"`

	Valid          bool     `json:"valid"`
	InvalidReasons []string `json:"invalid_reasons"`

	Blocks      int         `json:"blocks"`
	Repeated    int         `json:"repeated"`              // turns that were taken again, because other guests had the machine
	Unit        string      `json:"unit"`                  // of the cost: request, connection, GiB
	Systems     []System    `json:"systems"`               // the first is the base
	Floor       *Against    `json:"noise_floor,omitempty"` // the base against itself
	Ceiling     *Ceiling    `json:"ceiling,omitempty"`     // its share is the fastest system's
	Environment Environment `json:"environment"`
}

// A System is one of those compared.
type System struct {
	Name    string   `json:"name"`
	Command string   `json:"command"`
	Config  string   `json:"config,omitempty"`  // the text of its configuration, if it has one
	Version string   `json:"version,omitempty"` // name and version of the program
	Turns   []Turn   `json:"turns"`
	Against *Against `json:"against_base,omitempty"`
}

// A Turn is one run of one system.
type Turn struct {
	Block          int                `json:"block"`
	At             time.Duration      `json:"at_ns"` // since the start
	Cost           float64            `json:"cpu_ns_per_unit"`
	Rate           float64            `json:"rate"`
	P50            float64            `json:"p50"` // of the response time, ns
	P99            float64            `json:"p99"`
	Syscalls       float64            `json:"syscalls_per_unit"`
	Moved          map[string]float64 `json:"moving_syscalls_per_unit,omitempty"`
	Memory         float64            `json:"memory_bytes"`
	PerConn        float64            `json:"process_bytes_per_conn,omitempty"` // of held connections
	KernelPerConn  float64            `json:"kernel_bytes_per_conn,omitempty"`
	InvalidReasons []string           `json:"invalid_reasons,omitempty"`
}

// Against are the ratios of a system to the base, in four figures.
type Against struct {
	Cost    Ratio  `json:"cost"`
	Rate    Ratio  `json:"rate"`
	P50     Ratio  `json:"p50"`
	P99     Ratio  `json:"p99"`
	PerConn *Ratio `json:"process_bytes_per_conn,omitempty"` // of held connections
	Verdict string `json:"verdict,omitempty"`                // cheaper, dearer, or no difference shown
}

// A Ratio is a figure of a system over the base's, block by block.
type Ratio struct {
	Median float64        `json:"median"`
	Within stats.Interval `json:"interval"` // of the median, with 95 % confidence
	Blocks []float64      `json:"blocks"`
}

// NewRatio answers the ratios of a to b.
func NewRatio(a, b []float64) Ratio {
	r := stats.Ratios(a, b)
	return Ratio{Median: stats.Median(r), Within: stats.Bootstrap(r), Blocks: r}
}

// The verdicts.
const (
	Cheaper      = "cheaper"
	Dearer       = "dearer"
	NoDifference = "no difference shown"
	NotMeasured  = "not measured" // nothing was started whose CPU time could be taken
	TooFew       = "too few blocks to say"
	Unbelievable = "invalid"
)

// Verdict says whether a cost differs from the base's: the interval leaves 1 out, and
// the median is further from 1 than the base is from itself (floor, a ratio too). Of
// fewer blocks than an interval can be made of it says nothing.
func Verdict(cost, floor Ratio) string {
	if len(cost.Blocks) < stats.Enough || len(floor.Blocks) < stats.Enough {
		return TooFew
	}
	noise := max(floor.Within.High-1, 1-floor.Within.Low, 0)
	switch {
	case cost.Within.High < 1 && cost.Median < 1-noise:
		return Cheaper
	case cost.Within.Low > 1 && cost.Median > 1+noise:
		return Dearer
	}
	return NoDifference
}

// Save writes c to a file, whole or not at all.
func (c *Comparison) Save(file string) error { return save(file, c) }

// LoadComparison reads a saved comparison.
func LoadComparison(file string) (*Comparison, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := new(Comparison)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s: is no comparison that was saved with --json: %w", file, err)
	}
	if c.Schema != ComparisonSchema {
		return nil, fmt.Errorf("%s: schema %q: this program reads %q", file, c.Schema, ComparisonSchema)
	}
	if c.Plan == nil || len(c.Systems) == 0 {
		return nil, fmt.Errorf("%s: has no plan or no systems: it is no whole comparison", file)
	}
	return c, nil
}

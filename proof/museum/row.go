package museum

import (
	"slices"
	"strings"
)

// The tiers of tests.
const (
	tierA = "A"    // simulation: the shipped code on a kernel made of memory
	tierD = "D"    // real sockets
	unit  = "unit" // one mechanism by itself
)

// The catcher of tier A for every row that names the tier: a test that runs every
// schedule of small worlds on the simulated kernel, until one of them shows the fault.
// It draws no seed: what it catches it catches each time.
const (
	simPackage = "./proof/sim"
	simTest    = "^TestEveryScheduleOfSmallWorldsHolds$"
)

// A Row is one bug.
type Row struct {
	Name  string
	Story string // who shipped it, and what happened
	Tiers string // which tiers are to catch it: "A, D"
	// Plants are the ways in which it is brought back.
	Plants []Plant
	// Impossible says why it cannot be written here; then there are no plants.
	Impossible string
}

// A Plant is a faulty variant of the source, and the tests that must go red for it.
type Plant struct {
	Edits    []Edit
	Catchers []Catcher
	// Unseen says why schedules on the simulated kernel cannot show it, where the row
	// names tier A: then a test of the mechanism by itself stands in.
	Unseen string
}

// An Edit replaces a text, which must stand exactly once in the file.
type Edit struct {
	File string // from the root of the repository
	Find string
	Put  string
}

// A Catcher is tests of one package.
type Catcher struct {
	Tier    string
	Package string // "./loop"
	Run     string // for go test -run
}

// catchers answers the plant's own catchers, and the one of tier A if it is due.
func (r *Row) catchers(p Plant) []Catcher {
	if r.in(tierA) && p.Unseen == "" && p.simulated() {
		return append([]Catcher{{tierA, simPackage, simTest}}, p.Catchers...)
	}
	return p.Catchers
}

// simulated says that the simulation runs what the plant changes: all but the
// host's own system calls.
func (p *Plant) simulated() bool {
	for _, e := range p.Edits {
		if strings.HasPrefix(e.File, "internal/sys/") {
			return false
		}
	}
	return true
}

// in says that the row is to be caught in a tier.
func (r *Row) in(tier string) bool {
	return slices.Contains(strings.Split(r.Tiers, ", "), tier)
}

// tables answers all rows: the historic ones by the verb that they break, and more.
func tables() (rows []Row) {
	for _, t := range [][]Row{
		acceptRows, registerRows, readyRows, drainRows, pumpRows, finishRows,
		moreRows, moreRelayRows, moreEndRows, foundRows, readRows, dialRows,
		apiRows,
		outsideRows,
		strangerRows,
		worldRows,
	} {
		rows = append(rows, t...)
	}
	return rows
}

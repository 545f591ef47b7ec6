// Package result is what a run came to: the figures, whether they may be believed,
// and what would have to be known to repeat them. Its JSON is described in
// bench/RESULT.md.
package result

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/penstock/penstock/bench/plan"
)

// Schema is the version of the JSON. It changes with every change that a reader
// could stumble over.
const Schema = "penstock-bench/1"

// A Result is one run. Durations are in ns.
type Result struct {
	Schema  string     `json:"schema"`
	Command string     `json:"command"`        // as the user called it: rr, crr, …
	Args    []string   `json:"args,omitempty"` // to repeat it
	Name    string     `json:"name,omitempty"` // of the system under test, where several are compared
	Started time.Time  `json:"started"`
	Plan    *plan.Plan `json:"plan"`

	Valid          bool     `json:"valid"`
	InvalidReasons []string `json:"invalid_reasons"`
	GeneratorBound bool     `json:"generator_bound,omitempty"` // invalid because the generator did not keep up
	RateMissed     bool     `json:"-"`                         // invalid because the target did not answer at the asked rate
	Disturbed      bool     `json:"disturbed,omitempty"`       // invalid because other guests or processes took the CPUs, and for no other reason
	Notes          []string `json:"notes,omitempty"`           // what is to be known, and does not spoil the run
	Thresholds     []Test   `json:"thresholds,omitempty"`      // what was asked for with --threshold

	AskedRate     float64           `json:"asked_rate"`    // units a second; 0: closed loop
	AchievedRate  float64           `json:"achieved_rate"` // units a second; GiB a second of a stream
	Measured      time.Duration     `json:"measured_ns"`
	WarmedUp      time.Duration     `json:"warmed_up_ns"` // discarded
	Completed     uint64            `json:"completed"`
	Unanswered    int               `json:"unanswered"`
	Errors        uint64            `json:"errors"`
	ErrorsByKind  map[string]uint64 `json:"errors_by_kind,omitempty"`
	ErrorDetails  map[string]string `json:"error_details,omitempty"` // the first error of a kind, where it says more than the kind
	BytesOut      uint64            `json:"bytes_out"`
	BytesIn       uint64            `json:"bytes_in"`
	BytesVerified uint64            `json:"bytes_verified"`
	Connects      uint64            `json:"connects"`
	InFlight      float64           `json:"in_flight"` // mean
	Cut           uint64            `json:"cut"`       // slow connections, or such as were to be reset, that the target ended, as it may to defend itself: no errors

	Latency Latency  `json:"latency"`
	Series  []Second `json:"series,omitempty"`

	Cost        *Cost         `json:"cost,omitempty"`   // of the system under test, if it is known
	Memory      *Memory       `json:"memory,omitempty"` // of held connections
	Generator   Generator     `json:"generator"`
	Ceiling     *Ceiling      `json:"ceiling,omitempty"`
	Agents      []Agent       `json:"agents,omitempty"`
	Environment Environment   `json:"environment"`
	Machine     *MachineUsage `json:"machine,omitempty"`
}

// Latency are the distributions of the measured time.
type Latency struct {
	Response *Percentiles `json:"response,omitempty"` // from the intended send
	Service  *Percentiles `json:"service,omitempty"`  // from the actual write
	Lag      *Percentiles `json:"lag,omitempty"`      // of the actual write behind the intended send
	Late     *Percentiles `json:"late,omitempty"`     // of it: the generator's own, a connection being free
	Connect  *Percentiles `json:"connect,omitempty"`

	// Whole histograms, to be merged and drawn.
	ResponseHistogram *Histogram `json:"response_histogram,omitempty"`
	ServiceHistogram  *Histogram `json:"service_histogram,omitempty"`
	LagHistogram      *Histogram `json:"lag_histogram,omitempty"`
}

// A Second is one window of the run, warm-up included.
type Second struct {
	At        time.Duration `json:"at_ns"` // its end, since the generators' start
	For       time.Duration `json:"for_ns"`
	Warmup    bool          `json:"warmup,omitempty"`
	Asked     float64       `json:"asked_rate,omitempty"`
	Rate      float64       `json:"rate"`
	Errors    uint64        `json:"errors"`
	Open      int           `json:"open"`
	P50       int64         `json:"p50"` // of the response time
	P90       int64         `json:"p90"`
	P99       int64         `json:"p99"`
	P999      int64         `json:"p999"`
	Max       int64         `json:"max"`
	CPU       float64       `json:"cpu"`       // cores that the system under test used
	Memory    int64         `json:"memory"`    // its bytes
	Generator float64       `json:"generator"` // cores that the generator used
}

// Cost is what the system under test used in the measured time.
type Cost struct {
	Unit            string  `json:"unit"` // request, connection, GiB
	Units           float64 `json:"units"`
	CPUPerUnit      float64 `json:"cpu_ns_per_unit"`
	CPU             int64   `json:"cpu_ns"`             // all threads and children
	Cores           float64 `json:"cores"`              // CPU by time
	RunQueue        int64   `json:"run_queue_ns"`       // waited for a CPU
	RunQueuePerUnit float64 `json:"run_queue_per_unit"` // ns
	Syscalls        uint64  `json:"syscalls,omitempty"` // in a window after the measured time; 0: not to be had
	SyscallsPerUnit float64 `json:"syscalls_per_unit"`  // 0: not to be had
	// Moved are the system calls that moved at least one byte, per unit, by name.
	Moved           map[string]float64 `json:"moving_syscalls_per_unit,omitempty"`
	ContextSwitches uint64             `json:"context_switches"`        // voluntary and not
	Memory          int64              `json:"memory_bytes"`            // anonymous and private, at the end
	PeakMemory      int64              `json:"peak_memory_bytes"`       // resident, of the process's life
	Descriptors     int                `json:"descriptors"`             // at the end
	Pipes           int                `json:"pipes"`                   // of them: ends of pipes
	Processes       int                `json:"processes"`               // at the end
	Threads         int                `json:"threads"`                 // at the end
	NotToBeHad      string             `json:"not_to_be_had,omitempty"` // what could not be found out, and why
}

// Memory is what held connections cost.
type Memory struct {
	Conns              int     `json:"conns"`
	ProcessPerConn     float64 `json:"process_bytes_per_conn"` // anonymous memory of the system under test
	KernelPerConn      float64 `json:"kernel_bytes_per_conn"`  // slabs and socket buffers of the machine
	DescriptorsPerConn float64 `json:"descriptors_per_conn"`
	PipesPerConn       float64 `json:"pipes_per_conn"`
	IdleCPU            float64 `json:"idle_cpu"` // cores, while nothing is sent; 0 if some connections are active
}

// Generator is what the load itself took.
type Generator struct {
	Loops      int     `json:"loops"`
	CPU        int64   `json:"cpu_ns"`
	CPUPerUnit float64 `json:"cpu_ns_per_unit"`
	Cores      float64 `json:"cores"`
}

// A Ceiling is the same load against the null target: more than this the generator
// cannot show.
type Ceiling struct {
	Rate     float64      `json:"rate"`
	Response *Percentiles `json:"response,omitempty"`
	Share    float64      `json:"share"` // of the ceiling that was reached
}

// An Agent is a generator elsewhere.
type Agent struct {
	Name      string  `json:"name"`
	Host      string  `json:"host"`
	Loops     int     `json:"loops"`
	Completed uint64  `json:"completed"` // of the measured time, as the following
	BytesOut  uint64  `json:"bytes_out"`
	BytesIn   uint64  `json:"bytes_in"`
	CPU       int64   `json:"cpu_ns"`
	Steal     float64 `json:"steal"`          // share of its machine's CPU time that other guests took
	Lost      string  `json:"lost,omitempty"` // why, if it was
}

// Environment is the machine of the generator and the system under test.
type Environment struct {
	Host          string            `json:"host,omitempty"`
	Kernel        string            `json:"kernel"`
	CPU           string            `json:"cpu"`
	CPUs          int               `json:"cpus"`
	Memory        int64             `json:"memory_bytes"`
	Go            string            `json:"go"`
	Governor      string            `json:"governor,omitempty"`
	Pinning       string            `json:"pinning"`                  // shared, split, duet
	SystemCPUs    string            `json:"system_cpus,omitempty"`    // to the system under test, if it is pinned: 0-2
	GeneratorCPUs string            `json:"generator_cpus,omitempty"` // the generator's, if it is pinned
	System        string            `json:"system,omitempty"`         // the command under test
	Sysctls       map[string]string `json:"sysctls,omitempty"`
}

// MachineUsage is the whole machine in the measured time.
type MachineUsage struct {
	Busy  float64 `json:"busy"`  // share of all CPUs
	Steal float64 `json:"steal"` // share of all CPUs
	// Others is the share of the CPUs that the generator and the system under test may
	// use, which processes took that do not belong to the set-up, interrupts left out. 0:
	// none, or it is not known.
	Others float64 `json:"others,omitempty"`
}

// A Test is a threshold and whether it was kept.
type Test struct {
	Want string `json:"want"`
	Got  string `json:"got"`
	Kept bool   `json:"kept"`
}

// Save writes r to a file, whole or not at all.
func (r *Result) Save(file string) error { return save(file, r) }

// CheckFile says what keeps a result from being saved in a file, before there is one.
func CheckFile(file string) error {
	if at, err := os.Stat(file); err == nil && at.IsDir() {
		return fmt.Errorf("%s is a directory: name a file in it", file)
	}
	if at, err := os.Stat(filepath.Dir(file)); err != nil || !at.IsDir() {
		return fmt.Errorf("there is no directory %s to save it in", filepath.Dir(file))
	}
	return nil
}

// save writes a file whole or not at all. What is no regular file, such as a pipe or
// /dev/null, is written to, and not replaced.
func save(file string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if at, err := os.Stat(file); err == nil && !at.Mode().IsRegular() {
		return os.WriteFile(file, text, 0)
	}
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		os.Remove(file + ".new")
		return err
	}
	return nil
}

// Load reads a saved result.
func Load(file string) (*Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: is no result that was saved with --json: %w", file, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("%s: schema %q: this program reads %q", file, r.Schema, Schema)
	}
	if r.Plan == nil {
		return nil, fmt.Errorf("%s: has no plan: it is no whole result", file)
	}
	return r, nil
}

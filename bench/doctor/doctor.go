// Package doctor looks at a machine for what would spoil a measurement on it.
package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// A Level is how much something spoils a measurement.
type Level string

const (
	OK   Level = "ok"
	Warn Level = "warn" // some measurements, or by a little
	Bad  Level = "bad"  // what is measured here cannot be believed
)

// A Finding is one thing that was looked at.
type Finding struct {
	Name   string `json:"name"`
	Level  Level  `json:"level"`
	Value  string `json:"value"`
	Why    string `json:"why"`              // it matters
	Remedy string `json:"remedy,omitempty"` // of what is not OK
}

// A machine is what is looked at, through its files.
type machine struct {
	proc procfs.FS
	sys  string // where sysfs is
}

// A check looks at one thing. It answers nothing where there is no such thing.
type check func(m *machine) []Finding

// Examine looks at everything. It takes a second, in which nothing else should be
// done: what the machine is busy with then is somebody else's load.
func Examine(ctx context.Context) ([]Finding, error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, err
	}
	m := &machine{proc, "/sys"}
	var all []Finding
	for _, c := range []check{
		cpus, pinned, quota, governor, turbo, siblings, clockSource, hypervisor, numa,
		func(m *machine) []Finding { return others(ctx, m) },
		descriptors, ports, waiting, reuse, backlog, synBacklog, windows, tcpMemory, conntrack, offloads,
		hugePages, pipes, syscalls, tools,
	} {
		all = append(all, c(m)...)
	}
	return all, ctx.Err()
}

// Worst is the worst level of the findings.
func Worst(of []Finding) Level {
	worst := OK
	for _, f := range of {
		if f.Level == Bad || f.Level == Warn && worst == OK {
			worst = f.Level
		}
	}
	return worst
}

// one answers a finding whose remedy is left out where none is needed.
func one(name string, level Level, value, why, remedy string) []Finding {
	if level == OK {
		remedy = ""
	}
	return []Finding{{name, level, value, why, remedy}}
}

// below grades a figure of which more is better.
func below[N int | float64 | uint64](n, warn, bad N) Level {
	switch {
	case n < bad:
		return Bad
	case n < warn:
		return Warn
	}
	return OK
}

// above grades a figure of which less is better.
func above(n, warn, bad float64) Level { return below(-n, -warn, -bad) }

// read answers the text of a file of sysfs: nothing if there is no such file.
func (m *machine) read(path ...string) string {
	text, _ := os.ReadFile(filepath.Join(append([]string{m.sys}, path...)...))
	return strings.TrimSpace(string(text))
}

// number answers a whole number of a file of sysfs.
func (m *machine) number(path ...string) (n int, ok bool) {
	n, err := strconv.Atoi(m.read(path...))
	return n, err == nil
}

// sysctl answers the numbers of a sysctl: none if there is no such sysctl, or not so
// many numbers.
func (m *machine) sysctl(name string, count int) []int {
	n, err := m.proc.SysctlInts(name)
	if err != nil || len(n) != count {
		return nil
	}
	return n
}

// chosen answers the word in brackets, which is how sysfs says which of several is set.
func chosen(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	word, _, _ := strings.Cut(rest, "]")
	return word
}

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/penstock/penstock/bench/result"
)

// own are the fields of a plan in which two runs of the same load may differ: which
// server, what was drawn, what was discarded.
var own = []string{"target", "seed", "warmup_ns", "window_ns"}

// differences answers in what two runs differ: load is what makes their figures those
// of different loads, rest is what is to be known.
func differences(x, y *result.Result) (load, rest []string) {
	a, b := fields(x.Plan), fields(y.Plan)
	for _, name := range names(a, b) {
		if slices.Contains(own, name) {
			rest = append(rest, differ(name, a, b)...)
		} else {
			load = append(load, differ(name, a, b)...)
		}
	}
	a, b = fields(x.Environment), fields(y.Environment)
	for _, name := range names(a, b) {
		rest = append(rest, differ(name, a, b)...)
	}
	return load, rest
}

// fields are those of v as its JSON has them.
func fields(v any) (m map[string]any) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		panic(err) // it came from JSON
	}
	return m
}

func names(a, b map[string]any) []string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return slices.Sorted(maps.Keys(both))
}

func differ(name string, a, b map[string]any) []string {
	x, y := value(a[name]), value(b[name])
	if x == y {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s and %s", name, x, y)}
}

// value writes a field; one that is left out has nothing in it.
func value(v any) string {
	if v == nil {
		return "nothing"
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

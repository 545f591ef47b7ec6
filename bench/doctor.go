package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/penstock/penstock/bench/doctor"
	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/result"
)

type doctorCommand struct {
	JSON bool `name:"json" help:"As JSON, to standard output."`
}

// A diagnosis is what doctor found, as JSON.
type diagnosis struct {
	Schema      string             `json:"schema"`
	Worst       doctor.Level       `json:"worst"`
	Findings    []doctor.Finding   `json:"findings"`
	Environment result.Environment `json:"environment"`
}

func (c *doctorCommand) Run(s *session) error {
	found, err := doctor.Examine(s.ctx)
	if err != nil {
		return err
	}
	d := diagnosis{"penstock-bench-doctor/1", doctor.Worst(found), found, measure.Environment()}
	if c.JSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(d); err != nil {
			return err
		}
	} else {
		printDiagnosis(s.out, &d)
	}
	if d.Worst == doctor.Bad {
		return &exit{exitInvalid, errors.New("measurements on this machine cannot be believed")}
	}
	return nil
}

func printDiagnosis(w io.Writer, d *diagnosis) {
	e := d.Environment
	fmt.Fprintf(w, "%s, %s, %d CPUs, %.1f GiB\n", e.Kernel, e.CPU, e.CPUs, float64(e.Memory)/(1<<30))
	for _, f := range d.Findings {
		fmt.Fprintf(w, "%-4s  %-22s %s\n", f.Level, f.Name, f.Value)
		fmt.Fprintf(w, "      %-22s %s\n", "", f.Why)
		if f.Remedy != "" {
			fmt.Fprintf(w, "      %-22s → %s\n", "", f.Remedy)
		}
	}
}

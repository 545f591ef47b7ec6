package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

type scanCommand struct {
	Rates string   `required:"" help:"First, last and step of the rates: 1000:10000:1000."`
	JSON  string   `name:"json" placeholder:"FILE" help:"Save each result: FILE.json becomes FILE-1000.json and so on."`
	Load  []string `arg:"" passthrough:"" help:"A load command, such as: rr tcp://127.0.0.1:7000 -c 100 -d 2s."`
}

// Run runs the load at one rate after another.
func (c *scanCommand) Run(s *session) error {
	rates, err := parseRates(c.Rates)
	if err != nil {
		return &exit{exitUsage, err}
	}
	if err := checkJSON(c.JSON); err != nil {
		return err
	}
	load, p, err := s.nested(c.Load)
	if err != nil {
		return err
	}
	for _, rate := range rates {
		if err := rated(load, p, rate); err != nil {
			return err
		}
	}
	valid := 0
	for _, rate := range rates {
		p.Rate = rate
		r, err := load.measure(s, p)
		if err != nil {
			return err
		}
		why := "valid"
		if r.Valid {
			valid++
		} else {
			why = "INVALID: " + r.InvalidReasons[0]
		}
		fmt.Fprintf(s.out, "%10.0f/s  %9.0f/s achieved  p50 %-10v p99 %-10v %s\n", rate, r.AchievedRate, response(r).p50(), response(r).p99(), why)
		load.ceiling(s, r.Plan, r)
		tellCeiling(s, r)
		if c.JSON != "" {
			ext := filepath.Ext(c.JSON)
			if err := r.Save(fmt.Sprintf("%s-%s%s", strings.TrimSuffix(c.JSON, ext), rateName(rate), ext)); err != nil {
				return err
			}
		}
	}
	if valid == 0 {
		return &exit{exitInvalid, errors.New("no run was valid")}
	}
	return nil
}

// rateName is a rate in a file's name: to the millionth, without the noise of sums.
func rateName(rate float64) string {
	return strconv.FormatFloat(math.Round(rate*1e6)/1e6, 'f', -1, 64)
}

// mostRates is how many rates a scan may have.
const mostRates = 1000

func parseRates(s string) (rates []float64, err error) {
	bad := func() ([]float64, error) {
		return nil, fmt.Errorf("--rates %s: must be FIRST:LAST:STEP, all above 0, LAST not below FIRST, %d rates at most", s, mostRates)
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return bad()
	}
	var v [3]float64
	for i, part := range parts {
		if v[i], err = strconv.ParseFloat(part, 64); err != nil || !(v[i] > 0 && v[i] < math.Inf(1)) {
			return bad()
		}
	}
	if v[1] < v[0] || (v[1]-v[0])/v[2] > mostRates {
		return bad()
	}
	for i := 0; ; i++ { // not summed up, so that the last one is not missed by rounding
		rate := v[0] + float64(i)*v[2]
		if rate > v[1]*(1+1e-9) {
			return rates, nil
		}
		rates = append(rates, rate)
	}
}

package generators

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkPart     = regexp.MustCompile(`(?m)^\s+(50|99)%\s+(\S+)$`)
	wrkErrors   = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkStatus   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	h2loadRate  = regexp.MustCompile(`finished in \S+, ([\d.]+) req/s`)
	h2loadWrong = regexp.MustCompile(`(\d+) failed, (\d+) errored, (\d+) timeout`)
)

// h2loadLog is the file that h2load writes, in the directory of its run.
const h2loadLog = "h2load.log"

// sum adds the numbers that an expression finds; none is 0.
func sum(expression *regexp.Regexp, text string) (n uint64) {
	if found := expression.FindStringSubmatch(text); found != nil {
		for _, digits := range found[1:] {
			i, _ := strconv.ParseUint(digits, 10, 64)
			n += i
		}
	}
	return n
}

func number(expression *regexp.Regexp, text string) (float64, error) {
	found := expression.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("no %s in\n%s", expression, text)
	}
	return strconv.ParseFloat(found[1], 64)
}

func readWrk(text, _ string) (r Reading, err error) {
	r.Errors = sum(wrkErrors, text) + sum(wrkStatus, text)
	for _, part := range wrkPart.FindAllStringSubmatch(text, -1) {
		d, err := time.ParseDuration(part[2])
		if err != nil {
			return r, err
		}
		if part[1] == "50" {
			r.P50 = d
		} else {
			r.P99 = d
		}
	}
	r.Rate, err = number(wrkRate, text)
	return r, err
}

// readH2load reads its log, too: only there, in a line of start, status and microseconds
// for each request, are percentiles.
func readH2load(text, dir string) (r Reading, err error) {
	r.Errors = sum(h2loadWrong, text)
	if r.Rate, err = number(h2loadRate, text); err != nil {
		return r, err
	}
	file, err := os.Open(filepath.Join(dir, h2loadLog))
	if err != nil {
		return r, err
	}
	defer file.Close()
	var took []time.Duration
	for lines := bufio.NewScanner(file); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) != 3 {
			return r, fmt.Errorf("%s: %q has no three columns", file.Name(), lines.Text())
		}
		us, err := strconv.Atoi(columns[2])
		if err != nil {
			return r, err
		}
		took = append(took, time.Duration(us)*time.Microsecond)
	}
	if len(took) == 0 {
		return r, fmt.Errorf("%s is empty", file.Name())
	}
	slices.Sort(took)
	r.P50, r.P99 = took[len(took)/2], took[len(took)*99/100]
	return r, nil
}

// readRedis reads the line of GET below the header.
func readRedis(text, _ string) (r Reading, err error) {
	for line := range strings.Lines(text) {
		columns := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `"`, ""), ",")
		if columns[0] != "GET" || len(columns) != 8 {
			continue
		}
		var v [8]float64
		for i, column := range columns[1:] {
			if v[i+1], err = strconv.ParseFloat(column, 64); err != nil {
				return r, err
			}
		}
		ms := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
		return Reading{Rate: v[1], P50: ms(v[4]), P99: ms(v[6])}, nil // test, rps, mean, least, p50, p95, p99, most
	}
	return r, fmt.Errorf("no line of GET in\n%s", text)
}

func readFortio(text, _ string) (r Reading, err error) {
	var said struct {
		ActualQPS         float64
		RetCodes          map[string]uint64
		DurationHistogram struct {
			Percentiles []struct{ Percentile, Value float64 }
		}
	}
	begin := strings.Index(text, "{")
	if begin < 0 {
		return r, fmt.Errorf("no JSON in\n%s", text)
	}
	if err := json.NewDecoder(strings.NewReader(text[begin:])).Decode(&said); err != nil {
		return r, err
	}
	r.Rate = said.ActualQPS
	for code, n := range said.RetCodes {
		if code != "200" {
			r.Errors += n
		}
	}
	for _, p := range said.DurationHistogram.Percentiles {
		d := time.Duration(p.Value * float64(time.Second))
		if p.Percentile == 50 {
			r.P50 = d
		} else {
			r.P99 = d
		}
	}
	return r, nil
}

func readIperf(text, _ string) (r Reading, err error) {
	var said struct {
		Error string
		End   struct {
			SumReceived struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&said); err != nil {
		return r, err
	}
	if said.Error != "" {
		return r, fmt.Errorf("iperf3: %s", said.Error)
	}
	r.Rate = said.End.SumReceived.BitsPerSecond / 8 / (1 << 30)
	return r, nil
}

package main

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/testkit"
)

// A neighbour that computes on the CPUs of a run makes it invalid, and the figure is no
// less than what the neighbour has used meanwhile.
func TestABusyNeighbourMakesTheRunInvalid(t *testing.T) {
	testkit.Leaks(t)
	neighbour := exec.Command("sh", "-c", "while :; do :; done")
	if err := neighbour.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { neighbour.Process.Kill(); neighbour.Wait() }()
	seen, err := measure.Attach(neighbour.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	target := place(t)
	before, err := seen.Read()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	got := call(t, "rr", target, "-c", "4", "-d", "1s", "--warmup", "0", "-q", "--no-ceiling", "--start", echoServer(target))
	after, err := seen.Read()
	if err != nil {
		t.Fatal(err)
	}
	r := got.result
	if r == nil || r.Machine == nil {
		t.Fatalf("exit code %d: %s", got.code, got.complaints)
	}
	// Of the time in which the neighbour was watched the run was a part, in which it used
	// about as much as before and after: half of it is asked for.
	cpu := float64(after.CPU-before.CPU) / time.Since(began).Seconds() * r.Measured.Seconds()
	least := cpu/2/(float64(len(measure.Given()))*float64(r.Measured)) - 0.05
	t.Logf("others took %.3f of the CPUs, the neighbour about %.3f", r.Machine.Others, least*2)
	if got.code != exitInvalid || !strings.Contains(strings.Join(r.InvalidReasons, "\n"), "other processes took") {
		t.Errorf("exit code %d, others %.3f: %q", got.code, r.Machine.Others, r.InvalidReasons)
	}
	if r.Machine.Others < least {
		t.Errorf("others took %.3f of the CPUs, and a neighbour alone about %.3f", r.Machine.Others, least*2)
	}
}

// What belongs to the set-up is no disturbance. Its CPU time is taken off, so that
// naming the neighbour leaves less than it used.
func TestWhatBelongsToTheSetUpIsNoDisturbance(t *testing.T) {
	testkit.Leaks(t)
	neighbour := exec.Command("sh", "-c", "while :; do :; done")
	if err := neighbour.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { neighbour.Process.Kill(); neighbour.Wait() }()
	beside, err := measure.Attach(neighbour.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	target := place(t)
	words, err := measure.Words(echoServer(target))
	if err != nil {
		t.Fatal(err)
	}
	at, err := plan.ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	system, err := measure.Launch(t.Context(), words, nil, at, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()
	system.Watch(nil, beside)
	u, err := system.Read()
	if err != nil {
		t.Fatal(err)
	}
	own, err := beside.Read()
	if err != nil {
		t.Fatal(err)
	}
	if u.Beside <= 0 || u.Beside > float64(own.CPU) || u.UsedTotal <= 0 || u.UsedBusy > u.UsedTotal {
		t.Errorf("%+v, of which the neighbour used %d", u, own.CPU)
	}
	if bad := call(t, "rr", target, "--pid", strconv.Itoa(system.PID()), "--beside", "4194304"); bad.code != exitUsage || !strings.Contains(bad.complaints, "--beside") {
		t.Errorf("no such process: exit code %d: %s", bad.code, bad.complaints)
	}
}

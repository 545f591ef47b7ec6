package soak

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestSlopeIsOfTheLaterSamplesAndAMinute(t *testing.T) {
	var all []sample
	for i := range 9 {
		s := sample{at: time.Duration(i) * 30 * time.Second, descriptors: 16 + i%2, memory: 5000 + 100*i}
		if i < 3 {
			s.memory = 10 // the start, which is not to count
		}
		all = append(all, s)
	}
	got := trendOf(all)
	if got.samples != 6 || math.Abs(got.memory-200) > 1e-6 || got.err() == nil {
		t.Errorf("%v, %v; want 200 KiB a minute of 6 samples, and descriptors that are not flat", got, got.err())
	}
	if few := trendOf(all[:4]); few.samples != 0 || few.err() != nil {
		t.Errorf("%v of four samples", few)
	}
}

// Flat is exactly flat, at whatever times the samples were taken.
func TestSlopeOfWhatNeverChangesIsNothing(t *testing.T) {
	at := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var all []sample
		for i := range 9 {
			all = append(all, sample{at: time.Duration(i)*time.Second + time.Duration(at.Int64N(1e9)), descriptors: 14, memory: 1864})
		}
		if got := trendOf(all); got.descriptors != 0 || got.memory != 0 || got.err() != nil {
			t.Fatalf("%v: %g, %g", got.err(), got.descriptors, got.memory)
		}
	}
}

// The runtime takes memory in steps. What is lost for each connection is lost in both
// halves.
func TestStepOfMemoryIsNoGrowth(t *testing.T) {
	for step := range 9 {
		var all []sample
		for i := range 9 {
			s := sample{at: time.Duration(i) * 20 * time.Second, descriptors: 14, memory: 5000}
			if i >= step {
				s.memory += 16_000
			}
			all = append(all, s)
		}
		if err := trendOf(all).err(); err != nil {
			t.Errorf("a step at sample %d: %v", step, err)
		}
	}
}

// A megabyte more or less is noise in half a minute, and not in ten.
func TestMemoryThatGrowsIsToldFromNoise(t *testing.T) {
	for _, c := range []struct {
		every time.Duration // between samples
		grows int           // KiB from one to the next
		bad   bool
	}{
		{4 * time.Second, 200, false},
		{30 * time.Second, 100, false},
		{30 * time.Second, 2000, true}, // the relays of 10,000 connections a minute
		{8 * time.Second, 1000, true},
	} {
		var all []sample
		for i := range 9 {
			all = append(all, sample{at: time.Duration(i) * c.every, descriptors: 14, memory: 5000 + c.grows*i})
		}
		if err := trendOf(all).err(); (err != nil) != c.bad {
			t.Errorf("%d KiB every %v: %v", c.grows, c.every, err)
		}
	}
}

func TestKillsAreReadFromWhatTheToolPrints(t *testing.T) {
	k := kill{clients: map[int]bool{}, towards: map[int]bool{}}
	for _, line := range []string{
		"ESTAB      0 0  10.0.1.2:7001  10.0.1.1:40123",
		"FIN-WAIT-2 0 17 10.0.2.1:41000 10.0.2.2:7001 ",
	} {
		if err := k.add(line); err != nil {
			t.Error(err)
		}
	}
	if !k.clients[40123] || !k.towards[41000] || len(k.clients)+len(k.towards) != 2 {
		t.Errorf("%+v", k)
	}
	if k.add("no address here") == nil {
		t.Error("a line without addresses is taken")
	}
}

// Only so many connections are excused by a kill as it can have struck.
func TestAKillExcusesOnlyWhatItStruck(t *testing.T) {
	var seed, ks = uint64(1), []uint64(nil)
	for k := uint64(1); len(ks) < 3; k++ {
		if p := planOf(seed, k); p.service != echo && !p.mute {
			ks = append(ks, k)
		}
	}
	second := int64(time.Second)
	var records []*record
	for i, k := range ks {
		records = append(records, &record{K: k, Port: 20000 + i, Start: 10 * second, End: 20 * second, Read: reset})
	}
	during := kill{from: 15 * second, to: 15 * second, clients: map[int]bool{20000: true}, towards: map[int]bool{30000: true}}
	before := kill{from: 5 * second, to: 5 * second, clients: map[int]bool{20001: true, 20002: true}, towards: map[int]bool{}}
	o := oracle{seed: seed}
	o.judge(records, []kill{during, before})
	if o.killed != 2 || o.unexplained != 1 {
		t.Errorf("%d resets are put down to kills, %d to nothing; want 2, 1", o.killed, o.unexplained)
	}
}

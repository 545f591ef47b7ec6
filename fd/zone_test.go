package fd

import (
	"testing"
	"time"
)

// The names of the interfaces are kept for a minute: to read them takes several calls, and
// an index may have another name by then.
func TestNamesOfZonesAreReadOnceAMinute(t *testing.T) {
	t.Cleanup(func() { zones.names, zones.read = nil, time.Time{} })
	set := func(age time.Duration) {
		zones.names, zones.read = map[uint32]string{1: "kept"}, time.Now().Add(-age)
	}
	set(30 * time.Second)
	if got := zoneName(1); got != "kept" {
		t.Errorf("half a minute old: %q", got)
	}
	set(2 * time.Minute)
	if got := zoneName(1); got != "lo" {
		t.Errorf("two minutes old: %q", got)
	}
	if age := time.Since(zones.read); age > time.Minute {
		t.Errorf("just read, %v ago", age)
	}
	set(0)
	if got := zoneName(4_000_000_000); got != "4000000000" || zones.names[1] != "lo" {
		t.Errorf("an index that is not known: %q, %v", got, zones.names)
	}
	zones.names[1] = "kept"
	if got := zoneName(4_000_000_000); got != "4000000000" || zones.names[1] != "kept" {
		t.Errorf("read again for an index of no interface: %q, %v", got, zones.names)
	}
	if got := zoneName(0); got != "" || len(zones.names) < 2 {
		t.Errorf("no zone: %q", got)
	}
	if n, err := zoneIndex("4294967295"); n != 1<<32-1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := zoneIndex("lo"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := zoneIndex("nosuchif"); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}

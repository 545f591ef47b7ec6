package measure

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

func TestEnvironmentNamesTheMachine(t *testing.T) {
	e := Environment()
	if e.Kernel == "" || e.CPU == "" || e.CPUs < 1 || e.Memory < 1<<20 || e.Go == "" {
		t.Errorf("%+v", e)
	}
	if e.Sysctls["net.core.somaxconn"] == "" {
		t.Errorf("no somaxconn in %v", e.Sysctls)
	}
}

func TestMachineIsAsBusyAsWeMakeIt(t *testing.T) {
	m, err := NewMachine()
	if err != nil {
		t.Fatal(err)
	}
	before, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	burn(100)
	after, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	wall := float64(time.Since(began)) * float64(len(Given()))
	busy, steal, total := after.MachineBusy-before.MachineBusy, after.MachineSteal-before.MachineSteal, after.MachineTotal-before.MachineTotal
	// A guest's time may be told as stolen, all is told in ticks, and some kernels
	// tell idle time late.
	if busy+steal < 50e6 || steal < 0 || total+1e6 < busy+steal || total > 3*wall+1e9 {
		t.Errorf("busy %.0f ms, steal %.0f ms, of %.0f ms, in %.0f ms of CPUs", busy/1e6, steal/1e6, total/1e6, wall/1e6)
	}
	if !after.SystemUnknown {
		t.Error("the machine passes for a system")
	}
}

func TestStealIsNoBusyTimeAndGuestsCountOnce(t *testing.T) {
	dir := t.TempDir()
	// user nice system idle iowait irq softirq steal guest guest_nice
	text := "cpu  100 0 50 300 10 5 5 30 20 0\ncpu0 100 0 50 300 10 5 5 30 20 0\nbtime 1\n"
	if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	fs, err := procfs.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	u, err := (&Machine{fs}).Read()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]float64{
		"busy": {u.MachineBusy, 1.6e9}, "steal": {u.MachineSteal, 0.3e9}, "total": {u.MachineTotal, 5e9},
	} {
		if math.Abs(c[0]-c[1]) > 1e3 {
			t.Errorf("%s: %.0f ns, want %.0f", name, c[0], c[1])
		}
	}
}

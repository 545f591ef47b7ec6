package fleet

import (
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/measure"
)

// A meter reads what other guests take of the agent's machine.
type meter struct {
	machine *measure.Machine // nil: it cannot be told here
	last    drive.Usage
}

func newMeter() *meter {
	m := new(meter)
	if machine, err := measure.NewMachine(); err == nil {
		m.machine = machine
		m.since()
	}
	return m
}

// since answers the CPU time that the machine had since the last call, idle or not, and
// what others took of it.
func (m *meter) since() (had, stolen time.Duration) {
	if m.machine == nil {
		return 0, 0
	}
	u, err := m.machine.Read()
	if err != nil {
		return 0, 0
	}
	had, stolen = time.Duration(u.MachineTotal-m.last.MachineTotal), time.Duration(u.MachineSteal-m.last.MachineSteal)
	m.last = u
	return had, stolen
}

package measure

import (
	"os"

	"github.com/prometheus/procfs"

	"github.com/penstock/penstock/bench/drive"
)

// A Machine measures the machine alone: there is no system under test that is known.
type Machine struct{ fs procfs.FS }

// NewMachine answers a meter of this machine.
func NewMachine() (*Machine, error) {
	fs, err := procfs.NewDefaultFS()
	return &Machine{fs}, err
}

// Read is part of drive.Meter.
func (m *Machine) Read() (u drive.Usage, err error) {
	stat, err := m.fs.Stat()
	if err != nil {
		return u, err
	}
	return usageOf(stat), nil
}

func usageOf(stat procfs.Stat) drive.Usage {
	c := stat.CPUTotal // User and Nice count guests, too
	busy := c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ
	total := busy + c.Idle + c.Iowait + c.Steal
	return drive.Usage{MachineBusy: busy * 1e9, MachineSteal: c.Steal * 1e9, MachineTotal: total * 1e9, SystemUnknown: true}
}

// KernelMemory answers the bytes of the machine's slabs and of what its TCP sockets
// have queued. With many connections they grow by what the kernel keeps of each: of
// both its ends, where both are on this machine.
func (m *Machine) KernelMemory() (bytes int64, err error) {
	info, err := m.fs.Meminfo()
	if err != nil {
		return 0, err
	}
	if info.SlabBytes != nil {
		bytes = int64(*info.SlabBytes)
	}
	sockets, err := m.fs.NetSockstat()
	if err != nil {
		return 0, err
	}
	for _, p := range sockets.Protocols {
		if p.Protocol == "TCP" && p.Mem != nil {
			bytes += int64(*p.Mem) * int64(os.Getpagesize())
		}
	}
	return bytes, nil
}

package fd

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// zonesLast is how long the names of the interfaces are kept: package net keeps them as
// long.
const zonesLast = time.Minute

// zones are the names of the interfaces, by index.
var zones struct {
	mu    sync.Mutex
	names map[uint32]string // guarded by mu
	read  time.Time         // guarded by mu
}

// zoneName returns the name of an interface, or the index itself if there is no such
// interface; and "" for 0, which is no zone.
func zoneName(index uint32) string {
	if index == 0 {
		return ""
	}
	zones.mu.Lock()
	defer zones.mu.Unlock()
	if _, known := zones.names[index]; !known || time.Since(zones.read) > zonesLast {
		readZones()
	}
	name, known := zones.names[index]
	if !known {
		name = strconv.FormatUint(uint64(index), 10)
		zones.names[index] = name // not read again for each address
	}
	return name
}

func readZones() {
	zones.names, zones.read = map[uint32]string{}, time.Now()
	interfaces, err := net.Interfaces()
	if err != nil {
		return
	}
	for _, i := range interfaces {
		zones.names[uint32(i.Index)] = i.Name
	}
}

func zoneIndex(zone string) (uint32, error) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	iface, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(iface.Index), nil
}

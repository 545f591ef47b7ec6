package measure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// FreeAddress returns an address of 127.0.0.1 on which nobody listens at this moment, for
// a system that is started with it. Its port is none that the kernel gives to whoever asks
// for any (ip(7), ip_local_port_range): it would be somebody's before the system is there.
func FreeAddress() (string, error) {
	first := 32768
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		fmt.Sscan(string(text), &first)
	}
	const low = 10_000
	if first <= low {
		first = 1 << 16 // the kernel gives all of them, so it does not matter which
	}
	for range 1000 {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(low+rand.IntN(first-low))))
		if err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", errors.New("no port of 127.0.0.1 is free")
}

package loop

import (
	"testing"
	"unsafe"
)

// An idle relayed connection is two of each, and a relay.
func TestConnectionsStaySmall(t *testing.T) {
	if s := unsafe.Sizeof(serving{}); s > 80 {
		t.Errorf("a session's task has %d bytes", s)
	}
	if conn, slot := unsafe.Sizeof(Conn{}), unsafe.Sizeof(slot{}); conn > 80 || slot > 16 {
		t.Errorf("a connection has %d bytes, a slot %d", conn, slot)
	}
}

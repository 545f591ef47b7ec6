package splice

import (
	"testing"
	"unsafe"
)

func TestRelaysStaySmall(t *testing.T) {
	if relay := unsafe.Sizeof(relay{}); relay > 208 {
		t.Errorf("a relay has %d bytes", relay)
	}
}

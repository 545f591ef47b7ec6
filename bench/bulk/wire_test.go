package bulk

import "testing"

// A header that was changed in any way is no header.
func TestEveryBitOfAHeaderCounts(t *testing.T) {
	b := make([]byte, headerSize)
	h := header{kind: data, length: 1000, at: 77, checked: 1 << 40, wrong: none}
	h.put(b)
	if got, err := parseHeader(b, 77); err != nil || got != h {
		t.Fatalf("%+v, %v", got, err)
	}
	for bit := range 8 * headerSize {
		b[bit/8] ^= 1 << (bit % 8)
		if got, err := parseHeader(b, 77); err == nil {
			t.Errorf("bit %d: %+v", bit, got)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func TestAHelloIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []hello{{"up", 1, 1}, {"down", 1 << 63, 100}, {"both", 7, MaxSize}} {
		b := want.append(nil)
		if got, err := parseHello(b); err != nil || got != want || len(b) != helloSize {
			t.Errorf("%+v, %v", got, err)
		}
	}
	for _, bad := range []hello{{"sideways", 1, 1}, {"up", 1, 0}, {"up", 1, MaxSize + 1}} {
		if _, err := parseHello(bad.append(nil)); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

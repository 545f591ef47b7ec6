package content

import "testing"

// Byte i is the same however it is reached, and each wrong byte is found where it is.
func TestBytesDependOnTheirPositionAlone(t *testing.T) {
	whole := make([]byte, 100)
	(&Stream{K: 3}).Fill(whole)
	for from := range whole {
		for to := from; to <= len(whole); to++ {
			piece := make([]byte, to-from)
			s := Stream{K: 3, Pos: uint64(from)}
			s.Fill(piece)
			if string(piece) != string(whole[from:to]) || s.Pos != uint64(to) {
				t.Fatalf("bytes %d to %d differ, or position %d", from, to, s.Pos)
			}
			s.Pos = uint64(from)
			if err := s.Verify(piece); err != nil || s.Pos != uint64(to) {
				t.Fatalf("bytes %d to %d: %v, position %d", from, to, err, s.Pos)
			}
		}
	}
	for i := range whole {
		whole[i] ^= 1
		s := Stream{K: 3}
		if err := s.Verify(whole); err == nil || s.Pos != uint64(i) {
			t.Errorf("byte %d is wrong: %v at %d", i, err, s.Pos)
		}
		whole[i] ^= 1
	}
	// These bytes are what every seed and every recorded stream stands for.
	const want = "o\xc2"
	if s := (Stream{K: 3}); string([]byte{s.at(0), s.at(99)}) != want {
		t.Errorf("the stream has changed: %q", []byte{s.at(0), s.at(99)})
	}
}

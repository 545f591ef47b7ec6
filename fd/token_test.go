package fd_test

import (
	"math"
	"testing"

	"github.com/penstock/penstock/fd"
)

// Both halves come back whole, however often a slot has had a new owner.
func TestTokenKeepsSlotAndGeneration(t *testing.T) {
	numbers := []uint32{0, 1, 255, 256, 65535, 65536, math.MaxInt32, math.MaxUint32}
	seen := map[fd.Token]bool{}
	for _, slot := range numbers {
		for _, generation := range numbers {
			token := fd.MakeToken(slot, generation)
			if token.Slot() != slot || token.Generation() != generation {
				t.Errorf("slot %d, generation %d came back as %d, %d", slot, generation, token.Slot(), token.Generation())
			}
			if seen[token] {
				t.Errorf("slot %d, generation %d has the token of another", slot, generation)
			}
			seen[token] = true
		}
	}
}

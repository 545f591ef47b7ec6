package sim

// A Tape makes every choice of a run, and remembers it. The same tape makes the
// same run; 0 is always the simplest choice, so that a tape with more zeros, or a
// shorter one, is a simpler run.
type Tape struct {
	state  uint64
	random bool
	given  []byte
	picks  []byte // what was chosen
	widths []uint16
	keep   bool // widths are wanted, for enumeration
}

// Random makes a tape of a seed.
func Random(seed uint64) *Tape { return &Tape{state: seed * 0x9e3779b97f4a7c15, random: true} }

// Replay makes a tape that chooses what is given, and zeros when that is used up.
func Replay(picks []byte) *Tape { return &Tape{given: picks} }

// Pick chooses a number below n, which is at most 256.
func (t *Tape) Pick(n int) int {
	if n <= 1 {
		return 0
	}
	var v int
	switch at := len(t.picks); {
	case t.random:
		t.state += 0x9e3779b97f4a7c15 // splitmix64
		z := t.state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		v = int((z ^ z>>31) >> 33 % uint64(n))
	case at < len(t.given):
		v = int(t.given[at]) % n
	}
	t.picks = append(t.picks, byte(v))
	if t.keep {
		t.widths = append(t.widths, uint16(n))
	}
	return v
}

// Odds is true once in n, and in an enumeration as often as not.
func (t *Tape) Odds(n int) bool {
	if t.keep {
		n = 2
	}
	return t.Pick(n) == n-1 && n > 1
}

// Of chooses one of several.
func Of[T any](t *Tape, choices ...T) T { return choices[t.Pick(len(choices))] }

// next is the tape that comes after this one in an enumeration of all, nil after the
// last: the last choice that can be raised is raised, and what follows is left to zeros.
func (t *Tape) next() *Tape {
	for i := len(t.picks) - 1; i >= 0; i-- {
		if int(t.picks[i])+1 < int(t.widths[i]) {
			t.picks[i]++
			return &Tape{given: t.picks[:i+1], keep: true}
		}
	}
	return nil
}

// Shrink makes a failing tape simpler, as long as fails says that it fails in the
// same way and time is not over: first shorter, then with pieces left out, then with smaller choices.
func Shrink(picks []byte, over func() bool, fails func([]byte) bool) []byte {
	try := func(candidate []byte) bool {
		if fails(candidate) {
			picks = candidate
			return true
		}
		return false
	}
	for len(picks) > 0 && try(picks[:len(picks)/2]) {
	}
	for size := len(picks) / 2; size > 0 && !over(); {
		changed := false
		for at := 0; at+size <= len(picks) && !over(); {
			shorter := append(append([]byte(nil), picks[:at]...), picks[at+size:]...)
			if try(shorter) {
				changed = true
			} else {
				at += size
			}
		}
		if !changed || size > 1 {
			size /= 2
		}
	}
	for i := 0; i < len(picks) && !over(); i++ {
		for _, v := range []byte{0, picks[i] / 2, picks[i] - 1} {
			if i < len(picks) && v < picks[i] {
				smaller := append([]byte(nil), picks...)
				smaller[i] = v
				if try(smaller) {
					break
				}
			}
		}
	}
	for len(picks) > 0 && picks[len(picks)-1] == 0 {
		picks = picks[:len(picks)-1]
	}
	return picks
}

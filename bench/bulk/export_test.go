package bulk

// Account is the last frame of an end that received so many bytes of data frames, and
// says so, after so many bytes of frames of its own.
func Account(checked, at uint64) []byte {
	b := make([]byte, headerSize)
	h := header{kind: end, at: at, checked: checked, wrong: none}
	h.put(b)
	return b
}

// Overhead is what a client sends beside data frames: its hello and its last frame.
const Overhead = helloSize + headerSize

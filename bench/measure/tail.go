package measure

import (
	"strings"
	"sync"
)

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailBytes = 2048

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(b), nil
}

// words answers the last lines, for the end of an error message.
func (t *tail) words() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.kept)), "\n")
	lines = lines[max(0, len(lines)-5):]
	if lines[len(lines)-1] == "" {
		return ", without a word"
	}
	return "; its last words:\n\t" + strings.Join(lines, "\n\t")
}

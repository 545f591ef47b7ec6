package loop

import "testing"

// The stock of an idle loop shrinks to nothing, and then nobody comes to look.
func TestPipeInStockIsComeBackFor(t *testing.T) {
	l := newTestLoop(t)
	l.PutPipe(l.LeasePipe(false))
	if !l.trim.Armed() {
		t.Fatal("a pipe in stock, and no timer that would close it")
	}
	for range 3 {
		l.Disarm(&l.trim)
		l.trimPipes()
	}
	if n := l.pipes.Stats().Stock; n != 0 || l.trim.Armed() {
		t.Errorf("%d pipes in stock, timer armed: %v", n, l.trim.Armed())
	}
}

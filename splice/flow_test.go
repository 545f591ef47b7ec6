package splice

import "testing"

// What was delivered proves a flow for good, however much it is: past 2 GiB the count must
// not wrap around, and take the big pipe away.
func TestFlowStaysProvenBeyondTwoGiB(t *testing.T) {
	var moved transfer
	for total := 0; total < 5<<30; total += 1 << 20 {
		moved.flow(1 << 20)
		if want := min(total+1<<20, proven); int(moved.flowed) != want {
			t.Fatalf("%d after %d bytes, want %d", moved.flowed, total+1<<20, want)
		}
	}
	var burst transfer
	burst.flow(3 << 30)
	if burst.flowed != proven {
		t.Errorf("%d after 3 GiB at once, want %d", burst.flowed, proven)
	}
}

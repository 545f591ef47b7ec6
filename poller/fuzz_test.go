package poller_test

import (
	"testing"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/poller"
)

// Whatever a kernel says, what is decoded is the sum of what its bits say, no bit
// that the table does not name says anything, and an event keeps its token.
func FuzzDecode(f *testing.F) {
	f.Add(uint32(0), uint64(0))
	f.Add(sys.EpollIn|sys.EpollRdhup|sys.EpollHup|sys.EpollErr, uint64(1)<<63)
	f.Add(^uint32(0), ^uint64(0))
	named := sys.EpollIn | sys.EpollOut | sys.EpollPri | sys.EpollRdhup | sys.EpollHup | sys.EpollErr
	f.Fuzz(func(t *testing.T, mask uint32, token uint64) {
		ev := sys.MakeEvent(mask, token)
		if ev.Mask() != mask || ev.Token() != token {
			t.Fatalf("event %#x, %#x", ev.Mask(), ev.Token())
		}
		var sum fd.Ready
		for bit := range 32 {
			sum |= poller.Decode(mask & (1 << bit))
		}
		if got := poller.Decode(mask); got != sum || got != poller.Decode(mask&named) {
			t.Fatalf("%#x: %b, its bits say %b", mask, got, sum)
		}
		tok := fd.Token(token)
		if fd.MakeToken(tok.Slot(), tok.Generation()) != tok {
			t.Fatalf("token %#x", token)
		}
	})
}

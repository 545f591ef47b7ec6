package bulk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A hello opens a verified connection: the client says what it wants, and whose
// bytes they are.
type hello struct {
	direction string // plan.Up, Down or Both
	k         uint64 // the client's stream; the other end's is its opposite
	size      int    // bytes of a write of the other end
}

const helloSize = 24

// helloMagic is followed by the direction's first letter.
var helloMagic = []byte("pstream")

func (h hello) append(b []byte) []byte {
	b = append(append(b, helloMagic...), h.direction[0])
	b = binary.BigEndian.AppendUint64(b, h.k)
	return binary.BigEndian.AppendUint64(b, uint64(h.size))
}

// parseHello reads helloSize bytes that begin with helloMagic.
func parseHello(b []byte) (h hello, err error) {
	for _, d := range []string{plan.Up, plan.Down, plan.Both} {
		if d[0] == b[len(helloMagic)] {
			h.direction = d
		}
	}
	h.k, h.size = binary.BigEndian.Uint64(b[8:]), int(binary.BigEndian.Uint64(b[16:]))
	if h.direction == "" || h.size < 1 || h.size > MaxSize {
		return h, fmt.Errorf("a hello that asks for direction %q, writes of %d bytes", b[len(helloMagic)], h.size)
	}
	return h, nil
}

// sends says whether the client sends, receives whether it receives.
func (h hello) sends() bool    { return h.direction != plan.Down }
func (h hello) receives() bool { return h.direction != plan.Up }

// opposite is the name of the stream that comes back from the other end.
func opposite(k uint64) uint64 { return k ^ 1<<63 }

// A header begins a frame. After the hello a verified connection carries frames
// alone, either way: data; reports, of an end that has none to send; and one end.
type header struct {
	kind    byte
	length  int    // of the content that follows; 0 unless it is data
	at      uint64 // bytes of the frames before, by which a lost one shows
	checked uint64 // bytes of data frames that its sender has received, and were right
	wrong   uint64 // where in the stream the first wrong byte was; none: all were right
}

const (
	data   = 'd'
	report = 'r'
	end    = 'e'

	none       = ^uint64(0)
	headerSize = 36 // a checksum of the rest comes last
)

// MaxSize is the largest write.
const MaxSize = 64 << 20

var (
	errHeader = errors.New("wrong byte: what comes is no frame of a verified stream")
	errIsHTTP = errors.New("the answer is HTTP: the target of a verified stream is penstock-bench serve")
)

// wrongByte begins the kinds of faults in the bytes of a stream.
const wrongByte = "wrong byte"

func (h *header) put(b []byte) {
	copy(b, "psf")
	b[3] = h.kind
	binary.BigEndian.PutUint32(b[4:], uint32(h.length))
	binary.BigEndian.PutUint64(b[8:], h.at)
	binary.BigEndian.PutUint64(b[16:], h.checked)
	binary.BigEndian.PutUint64(b[24:], h.wrong)
	binary.BigEndian.PutUint32(b[32:], crc32.ChecksumIEEE(b[:32]))
}

// parseHeader reads the header of the frame that begins at byte at.
func parseHeader(b []byte, at uint64) (h header, err error) {
	h = header{
		kind: b[3], length: int(binary.BigEndian.Uint32(b[4:])), at: binary.BigEndian.Uint64(b[8:]),
		checked: binary.BigEndian.Uint64(b[16:]), wrong: binary.BigEndian.Uint64(b[24:]),
	}
	known := h.kind == data || h.length == 0 && (h.kind == report || h.kind == end)
	sum := binary.BigEndian.Uint32(b[32:])
	switch {
	case string(b[:5]) == "HTTP/":
		return h, errIsHTTP
	case string(b[:3]) != "psf" || !known || h.length > MaxSize || sum != crc32.ChecksumIEEE(b[:32]):
		return h, errHeader
	case h.at != at:
		return h, &result.Fault{Kind: wrongByte + ": a frame is missing or repeated", Detail: fmt.Sprintf("a frame of byte %d came at byte %d", h.at, at)}
	}
	return h, nil
}

package plan

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A Mix is what sizes come in what share: 64, or 64:80,1KiB:15,16KiB:5.
type Mix []Share

// A Share is one size of a mix.
type Share struct {
	Bytes  int     `json:"bytes"`
	Weight float64 `json:"weight"`
}

// maxRequest bounds the memory of a connection.
const maxRequest = 64 << 20

func (m Mix) check() error {
	for _, s := range m {
		if s.Bytes < 1 || s.Bytes > maxRequest || !(s.Weight > 0 && s.Weight < math.Inf(1)) {
			return invalid("size", m, "sizes must be from 1B to 64MiB, and weights above 0")
		}
	}
	return nil
}

// Max is the largest size.
func (m Mix) Max() (n int) {
	for _, s := range m {
		n = max(n, s.Bytes)
	}
	return n
}

// Draw chooses a size.
func (m Mix) Draw(r *rand.Rand) int {
	if len(m) == 1 {
		return m[0].Bytes
	}
	sum := 0.0
	for _, s := range m {
		sum += s.Weight
	}
	at := r.Float64() * sum
	for _, s := range m {
		if at -= s.Weight; at < 0 {
			return s.Bytes
		}
	}
	return m[len(m)-1].Bytes
}

// ParseMix reads sizes and their weights, which may be left out.
func ParseMix(s string) (m Mix, err error) {
	for _, part := range strings.Split(s, ",") {
		size, weight, weighed := strings.Cut(part, ":")
		w := 1.0
		if weighed {
			if w, err = strconv.ParseFloat(weight, 64); err != nil {
				return nil, fmt.Errorf("size %q: weight %q is no number", s, weight)
			}
		}
		n, err := ParseBytes(size)
		if err != nil {
			return nil, err
		}
		m = append(m, Share{int(n), w})
	}
	return m, m.check()
}

// UnmarshalText lets a flag be a Mix. Nothing is the default.
func (m *Mix) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*m = nil
		return nil
	}
	*m, err = ParseMix(string(text))
	return err
}

// MarshalText is what ParseMix reads.
func (m Mix) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

func (m Mix) String() string {
	var parts []string
	for _, s := range m {
		part := Bytes(s.Bytes).String()
		if len(m) > 1 {
			part += ":" + strconv.FormatFloat(s.Weight, 'g', -1, 64)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// Bytes is a number of bytes, written 64, 1KiB, 16MiB or 1GiB.
type Bytes int64

var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// ParseBytes reads a number of bytes.
func ParseBytes(s string) (Bytes, error) {
	number, unit := s, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > 1<<40/unit {
		return 0, fmt.Errorf("size %q: must be a whole number of bytes up to 1024GiB, or of KiB, MiB or GiB", s)
	}
	return Bytes(n * unit), nil
}

// UnmarshalText lets a flag be Bytes.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBytes(string(text))
	return err
}

func (b Bytes) String() string {
	for _, u := range units {
		if int64(b) >= u.bytes && int64(b)%u.bytes == 0 && u.bytes > 1 {
			return fmt.Sprintf("%d%s", int64(b)/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

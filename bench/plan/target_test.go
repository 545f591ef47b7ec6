package plan

import "testing"

// Port 0 is one to listen on, and none to connect to.
func TestTargetsAreReadAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		url, address   string
		target, listen bool
	}{
		{"tcp://127.0.0.1:80", "127.0.0.1:80", true, true},
		{"tcp://:80", "127.0.0.1:80", true, true},
		{"tcp://[::1]:http", "[::1]:http", true, true},
		{"tcp://127.0.0.1:0", "127.0.0.1:0", false, true},
		{"tcp://127.0.0.1:", "127.0.0.1:", false, true},
		{"tcp://127.0.0.1", "", false, false},
		{"tcp://127.0.0.1:70000", "", false, false},
		{"127.0.0.1:80", "127.0.0.1:80", true, true},
		{"[::1]:80", "[::1]:80", true, true},
		{"localhost:http", "localhost:http", true, true},
		{":80", "127.0.0.1:80", true, true},
		{"127.0.0.1:0", "127.0.0.1:0", false, true},
		{"127.0.0.1", "", false, false},
		{"", "", false, false},
		{"udp://127.0.0.1:80", "", false, false},
		{"unix:80", "", false, false},
		{"unix:///tmp/s", "/tmp/s", true, true},
		{"unix:@name", "@name", true, true},
		{"unix:@", "", false, false},
		{"unix://tmp", "", false, false},
	} {
		for _, parse := range []struct {
			good bool
			f    func(string) (Target, error)
		}{{c.target, ParseTarget}, {c.listen, ParseListen}} {
			got, err := parse.f(c.url)
			if (err == nil) != parse.good || err == nil && got.Address != c.address {
				t.Errorf("%s: %+v, %v", c.url, got, err)
			}
		}
	}
}

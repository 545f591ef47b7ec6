package measure

import (
	"reflect"
	"testing"
)

func TestWordsAreThoseOfAShellThatSubstitutesNothing(t *testing.T) {
	for line, want := range map[string][]string{
		`a  b	c`:                           {"a", "b", "c"},
		`nginx -g 'daemon off;' -c "/a b"`: {"nginx", "-g", "daemon off;", "-c", "/a b"},
		`a\ b "c\"d" 'e\f' "" $HOME *`:     {"a b", `c"d`, `e\f`, "", "$HOME", "*"},
		``:                                 nil,
	} {
		if got, err := Words(line); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v, want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`a 'b`, `a "b`, `a\`} {
		if _, err := Words(line); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}

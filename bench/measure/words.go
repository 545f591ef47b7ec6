package measure

import (
	"fmt"
	"strings"
)

// Words are the words of a command line: apart by spaces, but for those in quotes and
// after a backslash. It is no shell: nothing is substituted.
func Words(line string) (words []string, err error) {
	var word strings.Builder
	quote, started, escaped := rune(0), false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, started = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, started = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("command %q: a quote or a backslash at its end is open", line)
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}

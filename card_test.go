package penstock_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// Every command that the reliability card names exists, and .ci/run runs it. A new
// row of the card needs a command in proof/main.go and a line in .ci/run, nothing here.
func TestCommandsOfTheCardExistAndAreRun(t *testing.T) {
	named := matches(t, "README.md", "`go run \\./proof (\\w+)[^`]*` \\|")
	registered := matches(t, "proof/main.go", `(?m)^\t"(\w+)":\s`)
	run := matches(t, ".ci/run", `(?m)^"\$proof" (\w+)`)
	if len(named) == 0 || len(registered) == 0 {
		t.Fatalf("%d commands in the card, %d in proof/main.go: is their form another one?", len(named), len(registered))
	}
	for _, name := range named {
		if !slices.Contains(registered, name) {
			t.Errorf("the card names `go run ./proof %s`, which proof/main.go does not have", name)
		}
	}
	for _, name := range registered {
		if !slices.Contains(named, name) {
			t.Errorf("the card does not name `go run ./proof %s`", name)
		}
		if !slices.Contains(run, name) {
			t.Errorf(".ci/run has no line that begins with \"$proof\" %s", name)
		}
	}
}

// matches returns the first group of every match of pattern in a file.
func matches(t *testing.T, file, pattern string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1])
	}
	return all
}

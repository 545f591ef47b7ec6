package penstock_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// few makes each command of the reliability card a short one.
var few = map[string][]string{
	"schedules": {"-n", "200"},
	"exhaust":   {"-max", "200"},
	"conform":   {"-n", "20"},
	"sweep":     {"-call", "socket", "-max", "1"},
	"museum":    {"-list"},
	"soak":      {"-plain", "-minutes", "0.02", "-c", "5"},
}

// counted says what the card must say of what a command lists.
var counted = map[string]func(out string) string{
	"exhaust": func(out string) string {
		worlds := []string{14: "fourteen", 15: "fifteen", 16: "sixteen", 17: "seventeen", 18: "eighteen"}
		return worlds[strings.Count(out, "\n")-1] + " small worlds" // a line for each, and the sum
	},
	"museum": func(out string) string { return fmt.Sprint(strings.Count(out, "\n"), " bugs") },
}

// Every command that the reliability card names exists and runs.
func TestCommandsOfTheCardRun(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	proof := filepath.Join(t.TempDir(), "proof")
	if out, err := exec.Command("go", "build", "-o", proof, "./proof").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	named := regexp.MustCompile("`go run ./proof (\\w+)[^`]*` \\|").FindAllStringSubmatch(string(text), -1)
	if len(named) != len(few) {
		t.Errorf("the card names %d commands, want %d", len(named), len(few))
	}
	for _, m := range named {
		args, ok := few[m[1]]
		if !ok {
			t.Errorf("%s: no small count for it here", m[0])
			continue
		}
		t.Run(m[1], func(t *testing.T) {
			if _, err := exec.LookPath("strace"); err != nil && m[1] == "sweep" {
				t.Skip("strace is not installed: ", err)
			}
			out, err := exec.Command(proof, append([]string{m[1]}, args...)...).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", m[0], err, out)
			}
			if says := counted[m[1]]; says != nil {
				if want := says(string(out)); !strings.Contains(string(text), want) {
					t.Errorf("the card does not say %q", want)
				}
			}
		})
	}
	if out, err := exec.Command(proof, "nothing").CombinedOutput(); err == nil {
		t.Errorf("an unknown command is taken: %s", out)
	}
}

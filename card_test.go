package penstock_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
			if out, err := exec.Command(proof, append([]string{m[1]}, args...)...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", m[0], err, out)
			}
		})
	}
	if out, err := exec.Command(proof, "nothing").CombinedOutput(); err == nil {
		t.Errorf("an unknown command is taken: %s", out)
	}
}

package soak

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

// The roles of a run under test are this binary again.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" || len(os.Args) < 3 {
		os.Exit(m.Run())
	}
	if err := Run(os.Args[2:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// needLinux skips where the roles cannot run.
func needLinux(t *testing.T) {
	if err := supported(); err != nil {
		t.Skip(err)
	}
}

func soak(t *testing.T, args string) (report string, err error) {
	t.Helper()
	var out strings.Builder
	err = Run(strings.Fields(args), &out)
	t.Logf("%s\n%v", out.String(), err)
	return out.String(), err
}

func TestSomeSecondsInNamespaces(t *testing.T) {
	testkit.NeedFull(t)
	needLinux(t)
	if err := needs(); err != nil {
		t.Skip(err)
	}
	if _, err := soak(t, "-minutes 0.1 -c 40"); err != nil {
		t.Error(err)
	}
}

func TestSomeSecondsOnTheLoopback(t *testing.T) {
	testkit.NeedFull(t)
	needLinux(t)
	if _, err := soak(t, "-plain -minutes 0.05 -c 20"); err != nil {
		t.Error(err)
	}
}

// Each relay that has a fault is found out, and told by what it did. That a good one
// passes, TestSomeSecondsOnTheLoopback shows.
func TestFaultsOfAForwarderAreNoticed(t *testing.T) {
	needLinux(t)
	for fault, want := range map[string]string{
		"drop":   "a wrong byte",
		"repeat": "a wrong byte",
		"swap":   "a wrong byte",
		"tail":   "missing in front of the end",
		"clean":  "an end that was not sent",
		"early":  "in front of the end",
		"cut":    "a reset that nobody caused",
		"hang":   "nothing moved for too long",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			report, err := soak(t, "-plain -minutes 0.03 -c 10 -seed 7 -patience 4s -fault "+fault)
			switch {
			case err == nil:
				t.Error("not noticed")
			case !strings.Contains(report, want):
				t.Errorf("noticed, but nothing says %q", want)
			case !strings.Contains(err.Error(), "-seed 7"):
				t.Error("the error does not say how to repeat the run")
			}
		})
	}
}

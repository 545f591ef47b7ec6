package testkit

import (
	"os"
	"testing"
)

// Full reports whether tests take the time that they can use: PENSTOCK_FULL=1, which
// .ci/run sets. Without it the whole of the tests stays within two minutes.
func Full() bool { return os.Getenv("PENSTOCK_FULL") != "" }

// NeedFull skips a test that is too long for every run.
func NeedFull(t testing.TB) {
	t.Helper()
	if !Full() {
		t.Skip("takes long: .ci/run runs it, and PENSTOCK_FULL=1")
	}
}

package result

import (
	"os"
	"path/filepath"
	"testing"
)

// A link is followed, and stays; a directory is refused before there is a result.
func TestSavingReplacesNoLinkAndNoDirectory(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(real, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := new(Comparison).Save(link); err != nil {
		t.Fatal(err)
	}
	if at, err := os.Lstat(link); err != nil || at.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", at, err)
	}
	if b, _ := os.ReadFile(real); len(b) < 10 {
		t.Errorf("the file behind it holds %q", b)
	}
	if CheckFile(dir) == nil || CheckFile(filepath.Join(dir, "none", "x.json")) == nil || CheckFile(link) != nil {
		t.Error("a directory, or one that is not there, is taken")
	}
}

// What is no regular file, such as a device, is written to and stays what it is.
func TestSavingWritesToADevice(t *testing.T) {
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	if err := new(Comparison).Save(link); err != nil {
		t.Fatal(err)
	}
	if at, err := os.Stat(os.DevNull); err != nil || at.Mode().IsRegular() {
		t.Fatalf("%s is %v, %v", os.DevNull, at.Mode(), err)
	}
}

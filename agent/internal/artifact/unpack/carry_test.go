package unpack

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/treetest"
)

// What is carried is what would have been renamed, also over what is there.
func TestCarry(t *testing.T) {
	root := t.TempDir()
	treetest.Must(t, os.MkdirAll(root+"/from/d/e", 0o755))
	treetest.Must(t, os.MkdirAll(root+"/to/d", 0o750))
	treetest.Must(t, os.WriteFile(root+"/from/d/e/f", []byte("new"), 0o640))
	treetest.Must(t, os.WriteFile(root+"/from/d/e/tool", []byte("tool"), 0o755))
	treetest.Must(t, os.Symlink("e/f", root+"/from/d/l"))
	treetest.Must(t, os.WriteFile(root+"/from/g", []byte("new"), 0o600))
	treetest.Must(t, os.WriteFile(root+"/to/g", []byte("old and longer"), 0o644))
	treetest.Must(t, os.WriteFile(root+"/to/d/kept", []byte("kept"), 0o644))
	var told []string
	target, err := Open(Options{Path: root, Workers: 1, Limits: Limits{Entries: 1, Bytes: 1, PathBytes: 1}, Now: time.Now(), Tell: func(line string) { told = append(told, line) }})
	treetest.Must(t, err)
	defer target.Close()
	from, err := unix.Open(root+"/from", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	treetest.Must(t, err)
	to, err := unix.Open(root+"/to", unix.O_PATH|unix.O_DIRECTORY, 0)
	treetest.Must(t, err)
	for _, name := range []string{"d", "g"} {
		treetest.Must(t, target.carry(from, to, name, name))
	}
	got := treetest.Snapshot(t, root+"/to")
	if got["d"] != "dir 750" || got["d/e"] != "dir 755" || got["d/l"] != "link e/f" || treetest.Read(t, root, "to/d/e/f") != "new" ||
		treetest.Read(t, root, "to/g") != "new" || treetest.Read(t, root, "to/d/kept") != "kept" || len(got) != 8 {
		t.Errorf("%v", got)
	}
	for name, mode := range map[string]os.FileMode{"d/e/tool": 0o755, "d/e/f": 0o640, "g": 0o600} {
		if info, err := os.Stat(root + "/to/" + name); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if len(told) != 1 {
		t.Errorf("%q", told)
	}
	if err := target.carry(from, to, "missing", "missing"); err == nil {
		t.Error("what is not there is carried")
	}
}

func TestWhatCannotBeRenamed(t *testing.T) {
	if !cannotRename(unix.EXDEV) || cannotRename(unix.EACCES) || cannotRename(nil) {
		t.Error("other errors")
	}
}

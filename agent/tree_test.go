package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func linksOf(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }

// letBeRemoved gives the directories of a tree modes with which t.TempDir can remove them, as another user than root.
func letBeRemoved(root string) {
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(path, 0o755)
		}
		return nil
	})
}

// shell runs a script in a folder, and fails where it does.
func shell(t *testing.T, folder, script string) {
	t.Helper()
	command := exec.Command("sh", "-c", script)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", script, err, out)
	}
}

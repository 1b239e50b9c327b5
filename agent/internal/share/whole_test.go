package share

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFileIsWrittenWholeWithItsMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"first", "2nd"} {
		if err := WriteWhole(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAFileThatCannotBeWrittenLeavesNothingBesideIt(t *testing.T) {
	for name, prepare := range map[string]func(path, beside string) error{
		"a folder is in its place":  func(path, _ string) error { return os.Mkdir(path, 0o755) },
		"a folder is beside it":     func(_, beside string) error { return os.Mkdir(beside, 0o755) },
		"there is no folder for it": func(path, _ string) error { return os.Remove(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "folder")
			path, beside := filepath.Join(folder, "file"), filepath.Join(folder, ".file")
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := prepare(path, beside); err != nil {
				t.Fatal(err)
			}
			if err := WriteWhole(path, []byte("content"), 0o600); err == nil {
				t.Error("it is written")
			}
			if _, err := os.Lstat(beside); !os.IsNotExist(err) {
				t.Errorf("left beside it: %v", err)
			}
		})
	}
}

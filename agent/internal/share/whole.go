package share

import (
	"os"
	"path/filepath"
)

// WriteWhole writes a file with a mode, whatever the umask is, beside path and renames it: who finds the file finds it
// whole.
func WriteWhole(path string, content []byte, mode os.FileMode) error {
	beside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(beside, content, mode); err != nil {
		return err
	}
	if err := os.Chmod(beside, mode); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

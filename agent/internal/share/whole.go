package share

import (
	"os"
	"path/filepath"
)

// WriteWhole writes a file with a mode, whatever the umask is, beside path and renames it: who finds the file finds it
// whole. When it fails, what was at path before is still there, and nothing is left beside it.
func WriteWhole(path string, content []byte, mode os.FileMode) (err error) {
	beside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	defer func() {
		if err != nil {
			_ = os.Remove(beside)
		}
	}()
	if err := os.WriteFile(beside, content, mode); err != nil {
		return err
	}
	if err := os.Chmod(beside, mode); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

package layout

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Allocated is how many bytes the volume has for a file.
func Allocated(info fs.FileInfo) int64 {
	if stat, is := info.Sys().(*syscall.Stat_t); is {
		const block = 512 // whatever that of the file system is, see stat(2)
		return int64(stat.Blocks) * block
	}
	return info.Size()
}

// Usage is how many bytes the volume has for all that is below a path. What others delete meanwhile does not count.
func Usage(path string) (int64, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	total := Allocated(info)
	if !info.IsDir() {
		return total, nil
	}
	err = entries(path, func(entry fs.DirEntry) error {
		below, err := Usage(filepath.Join(path, entry.Name()))
		total += below
		return err
	})
	return total, err
}

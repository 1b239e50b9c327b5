package scripts

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Sidecar is the container oras beside an application script of the author's, before it waits for that.
type Sidecar struct {
	Folder share.Scripts
	// Bring pulls the inputs and unpacks them into the folder.
	Bring func(context.Context) error
	// Code is the exit code where the folder cannot be written.
	Code int
}

// Prepare brings the inputs, and says so to the script.
func (s Sidecar) Prepare(ctx context.Context) error {
	if _, err := os.Lstat(s.Folder.Ready()); err == nil {
		// An earlier life of this container has brought them, and the script uses them.
		return nil
	}
	if err := s.Bring(ctx); err != nil {
		return err
	}
	err := openToAll(s.Folder.Inputs())
	if err == nil {
		err = os.WriteFile(s.Folder.Ready(), nil, 0o644)
	}
	if err != nil {
		return failure.Wrap(err, s.Code, "the folder of the scripts cannot be written: %s", err)
	}
	return nil
}

// openToAll lets the script, of whatever user, read what this one has unpacked.
func openToAll(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == "." || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if entry.IsDir() || mode&0o111 != 0 {
			mode |= 0o111
		}
		if mode == info.Mode().Perm() {
			return nil
		}
		err = root.Chmod(path, mode)
		if errors.Is(err, fs.ErrPermission) {
			// Another user's: the script is there already.
			return nil
		}
		return err
	})
}

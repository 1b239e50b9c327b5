package share

import (
	"os"
	"path/filepath"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// Scripts is the folder in which two sides meet of which one is a script of the author's: what was pulled, what is to be
// pushed, and two files that say how far each side is. Both sides write here, as any user.
type Scripts string

// Inputs is the folder of what was pulled.
func (s Scripts) Inputs() string { return filepath.Join(string(s), "inputs") }

// Outputs is the folder of what is to be pushed.
func (s Scripts) Outputs() string { return filepath.Join(string(s), "outputs") }

// Ready is the file that says that everything is pulled.
func (s Scripts) Ready() string { return filepath.Join(string(s), "oras-operator-init.txt") }

// Done is the file that says that the program has ended, and that everything to be pushed is there.
func (s Scripts) Done() string { return filepath.Join(string(s), "oras-operator-done.txt") }

// MakeScripts makes the folder, empty.
func (r Root) MakeScripts() error {
	if err := r.removeScripts(); err != nil {
		return err
	}
	scripts := r.Scripts()
	for _, path := range []string{string(scripts), scripts.Inputs(), scripts.Outputs()} {
		if err := os.Mkdir(path, 0o777); err != nil {
			return err
		}
		// Whatever the umask.
		if err := os.Chmod(path, 0o777); err != nil {
			return err
		}
	}
	return nil
}

// removeScripts puts the folder of an earlier life of the Pod aside: programs of other users may have left there what this
// one cannot remove.
func (r Root) removeScripts() error {
	if _, err := os.Lstat(string(r.Scripts())); os.IsNotExist(err) {
		return nil
	}
	aside, err := os.MkdirTemp(string(r), ".old-")
	if err != nil {
		return err
	}
	if err := os.Rename(string(r.Scripts()), filepath.Join(aside, contract.ShareScripts)); err != nil {
		return err
	}
	_ = os.RemoveAll(aside)
	return nil
}

package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// trash is what passes took, on the volume of the registry: a rename moves a whole file or nothing, however large.
type trash struct {
	path string
	// pass is the number of the pass.
	pass        int
	generations []generation
}

// generation is what one pass took.
type generation struct {
	number int
	taken  layout.Taken
}

// openTrash finds what earlier passes took.
func openTrash(data string) (trash, error) {
	path := filepath.Join(layout.Own(data), "trash")
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return trash{}, err
	}
	t := trash{path: path}
	for _, entry := range entries {
		if number, err := strconv.Atoi(entry.Name()); err == nil {
			t.add(number)
			t.pass = max(t.pass, number)
		}
	}
	t.pass++
	return t, nil
}

// begin makes the folder of this pass: by it the next ones count.
func (t *trash) begin() error {
	t.add(t.pass)
	return os.MkdirAll(string(t.current()), 0o700)
}

// add adds a generation; what was taken last is put back first.
func (t *trash) add(number int) {
	t.generations = append(t.generations, generation{number, layout.Taken(filepath.Join(t.path, strconv.Itoa(number)))})
	slices.SortFunc(t.generations, func(a, b generation) int { return cmp.Compare(b.number, a.number) })
}

// current is where this pass moves to.
func (t *trash) current() layout.Taken { return t.generations[0].taken }

// move renames a file into a folder that need not be there. False: there is no such file any more.
func move(from, to string) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return false, err
	}
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ErrRuns says that another pass runs.
var ErrRuns = errors.New("a pass runs already")

// lock lets one pass at a time run on a volume, whoever runs it. It ends with its process.
func lock(data string) (unlock func(), err error) {
	if err := os.MkdirAll(layout.Own(data), 0o700); err != nil {
		return nil, fmt.Errorf("the keeper cannot write to its folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(layout.Own(data), "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the keeper cannot write to its folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrRuns
		}
		return nil, err
	}
	return func() {
		// Closing is not enough while a child that is about to run another program has the file, too.
		_ = unix.Flock(int(file.Fd()), unix.LOCK_UN)
		_ = file.Close()
	}, nil
}

// Package pulls knows when artifacts were pulled last. The registry tells the keeper of each pull, and the keeper writes it
// down on the volume, where it outlives both.
package pulls

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// most is how many artifacts a record has: 50,000 take some 5 MB of memory. Above it those go that were pulled the
// longest time ago, and with them the knowledge of that time.
const most = 50_000

// spare is how many lines a record may have beyond twice its artifacts, before it is written anew.
const spare = 1_000

// Record is what one registry Pod was asked for. Each Pod has a file of its own: where several share a volume, what two
// processes append to one file of a network file system may overwrite each other.
//
// A pull counts for the minute that it ends in, rounded up: so a registry that is asked for the same artifact a thousand
// times a second writes one line a minute, and nothing looks older than it is.
type Record struct {
	data, path string

	mu    sync.Mutex
	known book
	lines int
	// broken: the file does not have all that is known, and is empty.
	broken bool
}

// Folder is where the records are.
func Folder(data string) string { return filepath.Join(layout.Own(data), "pulls") }

// Open reads the record of a registry Pod, and makes it where there is none. It leaves out what the registry does not have any more.
func Open(data, pod string, now time.Time) (*Record, error) {
	r := &Record{data: data, path: filepath.Join(Folder(data), pod)}
	known, err := readBook(r.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	isThere := !known.since.IsZero()
	if !isThere {
		known = newBook(now)
	}
	r.known, r.lines = known, known.count
	// A volume may be full. What is there already is right, if longer than it has to be.
	r.broken = r.rewrite() != nil && !isThere
	return r, nil
}

// Note takes note of a pull. When it cannot be written, the file is emptied: a record that lacks one says nothing. What is
// known is told nevertheless for as long as this keeper runs.
func (r *Record) Note(repository string, d layout.Digest, at time.Time) error {
	// No repository has such a name, and in the file it would be more than one field.
	if strings.ContainsFunc(repository, unicode.IsSpace) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	minute := minuteOf(at)
	if !r.known.note(repository, d, minute) {
		return nil
	}
	if r.broken || r.known.count > most || r.lines > 2*r.known.count+spare {
		return r.fail(r.rewrite())
	}
	file, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return r.fail(err)
	}
	_, err = file.WriteString(line(repository, d, minute))
	if err = errors.Join(err, file.Close()); err != nil {
		return r.fail(err)
	}
	r.lines++
	return nil
}

// rewrite writes the file whole, without what is gone.
func (r *Record) rewrite() error {
	tree := layout.Of(r.data)
	r.known.keep(func(repository string, d layout.Digest) bool {
		_, err := os.Lstat(tree.Path(layout.Revision(repository, d)))
		return !errors.Is(err, fs.ErrNotExist)
	})
	r.known.shrink(most * 9 / 10)
	if err := r.known.write(r.path); err != nil {
		return err
	}
	r.lines, r.broken = r.known.count, false
	return nil
}

// fail empties the file, for which no room is needed. Its time says until when nothing is known.
func (r *Record) fail(err error) error {
	if err == nil {
		return nil
	}
	r.broken = true
	now := time.Now()
	if cannot := errors.Join(os.Truncate(r.path, 0), os.Chtimes(r.path, now, now)); cannot != nil && !errors.Is(cannot, fs.ErrNotExist) {
		err = errors.Join(err, cannot)
	}
	return fmt.Errorf("pulls cannot be written down: %w", err)
}

// Known is what all records of a volume say.
type Known struct {
	own    *Record
	others []book
}

// Known is what this record and those of other Pods say by now.
func (r *Record) Known() (Known, error) {
	entries, err := os.ReadDir(Folder(r.data))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Known{}, err
	}
	all := Known{own: r}
	for _, entry := range entries {
		path := filepath.Join(Folder(r.data), entry.Name())
		// What is being written has a name with a dot before it.
		if path == r.path || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		other, err := readBook(path)
		if err == nil && other.since.IsZero() {
			other.since, err = changed(entry)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Known{}, err
		}
		all.others = append(all.others, other)
	}
	return all, nil
}

func changed(entry fs.DirEntry) (time.Time, error) {
	info, err := entry.Info()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime().UTC(), nil
}

// Since is since when every pull is known.
func (k Known) Since() time.Time {
	k.own.mu.Lock()
	since := k.own.known.since
	k.own.mu.Unlock()
	for _, other := range k.others {
		if other.since.After(since) {
			since = other.since
		}
	}
	return since
}

// Last is when a manifest of a repository was pulled last, as far as that is known.
func (k Known) Last(repository string, d layout.Digest) (last time.Time, is bool) {
	k.own.mu.Lock()
	minute := k.own.known.last[repository][d]
	k.own.mu.Unlock()
	for _, other := range k.others {
		minute = max(minute, other.last[repository][d])
	}
	return timeOf(minute), minute > 0
}

// Package unpack puts the files of inputs below a target directory.
//
// Nothing leaves the target: every directory is opened with openat2 and RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS (or step by
// step where the kernel has no openat2), and everything in it by name relative to that descriptor. A symbolic link that
// an input made is never followed; one to a directory that was there before is, see followable.
//
// Nothing stands under its final name before everything is whole. What is new in a directory that exists is made in a
// hidden staging directory on the same mount, under the name it will have, and moved by rename when the caller has
// verified all inputs and calls Commit. A tree that is new costs one rename, and files in it no temporary names. Files
// that are replaced keep their old content until then. A staging directory is locked (flock) while its maker lives; one
// that a killed attempt left is removed by the next.
//
// Modes of directories are set at the very end, innermost first, so that read-only directories can be filled by several
// inputs.
package unpack

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// Limits bound what inputs may make. All must be positive.
type Limits struct {
	// Entries is the number of files, directories and links of all inputs.
	Entries int64
	// Bytes is what all files and directories take on a disk, in blocks; holes of sparse files count.
	Bytes int64
	// Of ends the message of who goes beyond Bytes, and Code is its exit code, zero for that of Options.
	Of   string
	Code int
	// PathBytes is the length of one path below the target. A component is never longer than 255 bytes.
	PathBytes int
}

// Options say where and how to unpack.
type Options struct {
	// Path of the target. It is made, with its parents, when it is not there.
	Path string
	// Workers is the number of goroutines that write files, at least one. Memory is bounded by about 1 MiB for each.
	Workers int
	// Limits of all inputs together.
	Limits Limits
	// Code is the exit code of the failures that are returned.
	Code int
	// Now is the time of modification that all files and links get; zero stands for the time of Open.
	Now time.Time
	// Tell takes a line for the log about something that was not kept. It is not called by two goroutines at once.
	Tell func(line string)
}

// Target is a directory that inputs are unpacked into: Open, Tar and File for each input in order, Commit, Close. It is
// used by one goroutine.
type Target struct {
	options Options
	place   string // of the target, for messages
	opener  opener
	umask   uint32
	implied uint32 // mode of directories that no entry describes
	root    *directory
	table   map[string]*directory // by path below the target, cleaned; "" is the target
	made    []*directory          // new ones, parents first
	present []*directory          // existing ones that something new is for
	restore []restoration
	stages  map[stageKey]*stage
	anchors []int // descriptors to close
	rootfs  mountID
	top     bool // the target is the root of the file system, which no link leaves
	entries int64
	bytes   int64
	sparse  int64 // sizes of sparse files
	// mostRemembered is the constant, but for tests.
	mostRemembered int
	failed         bool
	committed      bool

	told struct {
		sync.Mutex
		keys map[string]bool
	}
}

// Open makes the target ready. Close must be called.
func Open(options Options) (*Target, error) {
	t := &Target{options: options, place: names.Absolute(options.Path), table: map[string]*directory{}, stages: map[stageKey]*stage{}, mostRemembered: mostRemembered}
	t.told.keys = map[string]bool{}
	if t.options.Now.IsZero() {
		t.options.Now = time.Now()
	}
	if options.Workers < 1 || options.Limits.Entries < 1 || options.Limits.Bytes < 1 || options.Limits.PathBytes < 1 {
		return nil, fmt.Errorf("unpack: workers and limits must be positive")
	}
	if err := os.MkdirAll(options.Path, 0o777); err != nil {
		return nil, t.failure(err, "the input path %s cannot be made by user %d: %s; name a writable place (input-path), or mount a volume there",
			t.place, os.Getuid(), reason(err))
	}
	fd, err := unix.Open(options.Path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, t.failure(err, "the input path %s cannot be opened by user %d: %s", t.place, os.Getuid(), reason(err))
	}
	t.anchors = append(t.anchors, fd)
	t.opener = newOpener(fd)
	t.umask = currentUmask()
	if t.implied = 0o777 &^ t.umask; t.umask == unknownUmask {
		t.implied = 0o755
	}
	t.rootfs, _ = mountOfPath("/")
	if real, err := filepath.EvalSymlinks(options.Path); err == nil {
		real, err = filepath.Abs(real)
		t.top = err == nil && real == "/"
	}
	t.root = &directory{existing: true, at: place{anchor: fd, path: "."}}
	t.table[""] = t.root
	return t, nil
}

// Close removes what was not committed and closes all descriptors.
func (t *Target) Close() {
	t.removeStages()
	t.restoreModes()
	for _, fd := range t.anchors {
		_ = unix.Close(fd)
	}
	t.anchors = nil
}

// removeStages tells what it cannot remove: it is in nobody's way.
func (t *Target) removeStages() {
	for _, s := range t.stages {
		if err := s.remove(); err != nil {
			t.tellOnce("stage", "%s cannot be removed: %s", t.shown(names.Join(s.owner.path, s.name)), reason(err))
		}
	}
	t.stages = nil
}

func (t *Target) failure(cause error, format string, args ...any) error {
	return failure.Wrap(cause, t.options.Code, format, args...)
}

// shown is a path as the author knows it.
func (t *Target) shown(path string) string {
	if path == "" {
		return t.place
	}
	return strings.TrimRight(t.place, "/") + "/" + names.Printable(path)
}

// tellOnce says a line once for each key.
func (t *Target) tellOnce(key, format string, args ...any) {
	t.told.Lock()
	defer t.told.Unlock()
	if !t.told.keys[key] && t.options.Tell != nil {
		t.options.Tell(fmt.Sprintf(format, args...))
	}
	t.told.keys[key] = true
}

// TooLarge says that the inputs go beyond the limit of bytes, at a place.
func (t *Target) TooLarge(cause error, at string) error {
	limits := t.options.Limits
	return failure.Wrap(cause, cmp.Or(limits.Code, t.options.Code), "the inputs hold more than %d bytes unpacked, at %s; that is more than is allowed here%s", limits.Bytes, at, limits.Of)
}

// block is how much of a disk a file takes at least, on nearly every file system.
const block = 4096

// onDisk is what a file takes of a disk.
func onDisk(size int64) int64 {
	if size > math.MaxInt64-block {
		return math.MaxInt64
	}
	return (size + block - 1) / block * block
}

// count takes an entry and what it takes of a disk off the limits.
func (t *Target) count(path string, size int64) error {
	t.entries++
	if t.entries > t.options.Limits.Entries {
		return t.failure(nil, "the inputs have more than %d files, directories and links; that is more than is allowed here", t.options.Limits.Entries)
	}
	if size < 0 || size > t.options.Limits.Bytes-t.bytes {
		return t.TooLarge(nil, t.shown(path))
	}
	t.bytes += size
	return nil
}

// mostSparse bounds the sizes of sparse files, 1 TiB together: a header of a few bytes says how large they are, and their
// zeros are looked through, which takes minutes for so many.
const mostSparse = 1 << 40

func (t *Target) countSparse(path string, size int64) error {
	if size > mostSparse-t.sparse {
		return t.failure(nil, "the inputs have sparse files of more than %d bytes together, at %s, which is not unpacked", int64(mostSparse), t.shown(path))
	}
	t.sparse += size
	return nil
}

// ended is the error of a context that ended.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

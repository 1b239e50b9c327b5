package pack

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

const (
	batchItems = 64
	// arenaBytes is how much content a batch holds; what is larger is read when its turn comes.
	arenaBytes = 256 << 10
	smallFile  = 64 << 10
	// openFiles is how many larger files of a batch stay open until their turn comes.
	openFiles = 8
)

// folder is a directory of the tree. It is closed when the walk and all batches are done with it.
type folder struct {
	path  string // below the top, cleaned
	fd    int
	users atomic.Int32
	mode  uint32
	attrs attributes
}

func (f *folder) release() {
	if f.users.Add(-1) == 0 {
		_ = unix.Close(f.fd)
	}
}

// found is a name in a directory, and what a worker made of it.
type found struct {
	name string
	kind uint8 // DT_ of readdir(3)

	problem *problem
	st      unix.Stat_t
	data    []byte // of small files
	loaded  bool
	fd      int // of larger files, or -1
	link    string
	attrs   attributes
}

// step is a part of the walk, in order: a directory that is entered, a batch of names in one, or a problem.
type step struct {
	folder  *folder
	items   []found // none: the directory itself
	arena   []byte
	problem *problem
	ready   chan struct{}
}

// walker goes through the tree in order. The steps that it fills are few, which bounds memory and descriptors.
type walker struct {
	ctx   context.Context
	free  chan *step
	work  chan *step
	order chan *step
	skip  map[string]string // path below the top -> what is there
	tell  func(path, what string)
}

func newWalker(ctx context.Context, workers int) *walker {
	steps := 2*workers + 2
	w := &walker{ctx: ctx, free: make(chan *step, steps), work: make(chan *step, steps), order: make(chan *step, steps)}
	for range steps {
		w.free <- &step{ready: make(chan struct{}, 1)}
	}
	return w
}

// take waits for a step that is free.
func (w *walker) take() (*step, error) {
	select {
	case s := <-w.free:
		return s, nil
	case <-w.ctx.Done():
		return nil, context.Cause(w.ctx)
	}
}

// pass puts a step in order. Those without names need no worker.
func (w *walker) pass(s *step) {
	if s.folder != nil {
		s.folder.users.Add(1)
	}
	w.order <- s
	if len(s.items) > 0 {
		w.work <- s
	} else {
		s.ready <- struct{}{}
	}
}

func (w *walker) passProblem(p *problem) error {
	s, err := w.take()
	if err != nil {
		return err
	}
	s.problem = p
	w.pass(s)
	return nil
}

// run walks the tree below the directory fd, which it closes.
func (w *walker) run(fd int) error {
	defer close(w.order)
	defer close(w.work)
	return w.enter(&folder{fd: fd})
}

// enter passes a directory and what is in it.
func (w *walker) enter(f *folder) error {
	f.users.Add(1)
	defer f.release()
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return w.passProblem(problemOf(f.path, err))
	}
	f.mode = st.Mode & 0o1777
	f.attrs = attributesOf(f.fd)
	s, err := w.take()
	if err != nil {
		return err
	}
	s.folder = f
	w.pass(s)
	listing, err := readDirectory(f.fd)
	if err != nil {
		return w.passProblem(problemOf(f.path, err))
	}
	listing.sort()
	if err := w.passFiles(f, listing); err != nil {
		return err
	}
	for _, e := range listing.entries {
		if name := listing.name(e); e.kind == unix.DT_DIR && !w.leftOut(f, name, e.kind) {
			if err := w.descend(f, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) passFiles(f *folder, listing *listing) error {
	var s *step
	for _, e := range listing.entries {
		if e.kind == unix.DT_DIR {
			continue
		}
		name := listing.name(e)
		if w.leftOut(f, name, e.kind) {
			continue
		}
		if s == nil {
			var err error
			if s, err = w.take(); err != nil {
				return err
			}
			s.folder = f
		}
		if s.items = append(s.items, found{name: name, kind: e.kind, fd: -1}); len(s.items) == batchItems {
			w.pass(s)
			s = nil
		}
	}
	if s != nil {
		w.pass(s)
	}
	return nil
}

func (w *walker) descend(f *folder, name string) error {
	path := names.Join(f.path, name)
	fd, err := openIn(f.fd, name, unix.O_DIRECTORY)
	if err != nil {
		return w.passProblem(problemOf(path, err))
	}
	return w.enter(&folder{path: path, fd: fd})
}

// leftOut tells whether a name does not become part of the output, and says so.
func (w *walker) leftOut(f *folder, name string, kind uint8) bool {
	path := names.Join(f.path, name)
	if what, ok := w.skip[path]; ok {
		w.tell(path, what)
		return true
	}
	if kind == unix.DT_DIR && strings.HasPrefix(name, names.StagePrefix) {
		w.tell(path, "an input that was not unpacked to its end")
		return true
	}
	if kind == unix.DT_DIR && name == "lost+found" && isMountRoot(f.fd) {
		w.tell(path, "which belongs to the file system")
		return true
	}
	return false
}

// skipped maps the mounts that are left out to paths below the top.
func skipped(top string, mounts []LeftOut) map[string]string {
	skip := map[string]string{}
	for _, m := range mounts {
		if path, err := filepath.Rel(top, resolved(m.Path)); err == nil && path != ".." && !strings.HasPrefix(path, "../") {
			skip[path] = m.What
		}
	}
	return skip
}

// isMountRoot asks the kernel (Linux 5.8) or compares devices.
func isMountRoot(fd int) bool {
	var x unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &x)
	if err == nil && x.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return x.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	var here, above unix.Stat_t
	return unix.Fstat(fd, &here) == nil && unix.Fstatat(fd, "..", &above, 0) == nil && here.Dev != above.Dev
}

func openIn(fd int, name string, flags int) (int, error) {
	for {
		file, err := unix.Openat(fd, name, flags|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return file, err
		}
	}
}

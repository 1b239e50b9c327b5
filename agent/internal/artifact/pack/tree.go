package pack

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

var errDone = errors.New("pack: the walk is over")

// writeTree writes the tar of a directory, or only looks for problems if w is nil. From the first problem on it only
// looks, so that one failure names them all.
func (o *Output) writeTree(ctx context.Context, w io.Writer) error {
	if o.options.Workers < 1 {
		return errors.New("pack: no workers")
	}
	fd, err := unix.Open(o.real, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return o.failure(err, "the output %s cannot be read by user %d: %s", o.options.Path, os.Getuid(), err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	walk := newWalker(ctx, o.options.Workers)
	walk.skip = skipped(o.real, o.options.LeaveOut)
	var told list
	walk.tell = func(path, what string) { told.add(o.shown(path) + ", " + what) }
	s := &stream{output: o, ctx: ctx, w: w, first: map[inode]string{}}
	s.scan.Store(w == nil)

	var running sync.WaitGroup
	var walkErr error
	running.Go(func() { walkErr = walk.run(fd) })
	for range o.options.Workers {
		running.Go(func() {
			for step := range walk.work {
				step.load(s.scan.Load())
				step.ready <- struct{}{}
			}
		})
	}
	err = s.all(walk, cancel)
	running.Wait()
	cancel(errDone)
	if err == nil {
		err = walkErr
	}
	if err != nil {
		return err
	}
	if w != nil {
		o.tellAll(s, &told)
	}
	if s.report.failed() {
		return s.report.failure(o)
	}
	if w == nil {
		return nil
	}
	_, err = w.Write(make([]byte, 2*block)) // the end
	return err
}

func (o *Output) tellAll(s *stream, left *list) {
	if len(left.named) > 0 {
		o.tell("left out of the output: %s", left)
	}
	if len(s.special.named) > 0 {
		o.tell("not packed, neither file nor directory: %s", &s.special)
	}
	if s.foreign != "" {
		o.tell("only extended attributes that begin with %s are kept, and no more than %d bytes of them for a file; the first that is not: %s", userAttributes, mostAttributes, s.foreign)
	}
	if grown := &s.report.lists[grown]; len(grown.named) > 0 {
		o.tell("grew while they were read, and are packed as they were: %s", grown)
	}
}

type inode struct{ device, number uint64 }

// stream writes entries in order. It alone writes.
type stream struct {
	output  *Output
	ctx     context.Context
	w       io.Writer
	scan    atomic.Bool
	report  report
	special list
	foreign string
	first   map[inode]string // of files with several names, the first one in the archive
	buffer  []byte
}

// all takes every step, also after an error, so that the walk and the workers end.
func (s *stream) all(walk *walker, cancel context.CancelCauseFunc) error {
	var failed error
	for step := range walk.order {
		<-step.ready
		if failed == nil {
			if failed = s.step(step); failed != nil {
				cancel(failed)
			}
		}
		step.reset()
		walk.free <- step
	}
	return failed
}

func (s *stream) step(step *step) error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	if step.problem != nil {
		s.problem(*step.problem)
		return nil
	}
	if len(step.items) == 0 {
		s.note(step.folder.path, step.folder.attrs)
		name := s.name(step.folder.path)
		if !strings.HasSuffix(name, "/") {
			name += "/"
		}
		return s.header(header{name: name, kind: kindDirectory, mode: step.folder.mode, records: step.folder.attrs.records})
	}
	for i := range step.items {
		if err := s.item(step.folder, &step.items[i]); err != nil {
			return err
		}
	}
	return nil
}

// name is that of an entry.
func (s *stream) name(path string) string {
	if s.output.Title == "." {
		return "./" + path
	}
	return names.Join(s.output.Title, path)
}

func (s *stream) item(f *folder, item *found) error {
	path := names.Join(f.path, item.name)
	if item.problem != nil {
		item.problem.path = path
		if s.problem(*item.problem); item.problem.kind != grown {
			return nil
		}
	}
	switch item.kind {
	case unix.DT_REG:
		return s.file(f, item, path)
	case unix.DT_LNK:
		target, inside := s.output.linkTarget(f.path, item.link)
		if !inside {
			s.problem(problem{leaving, path, item.link})
			return nil
		}
		return s.header(header{name: s.name(path), kind: kindLink, mode: 0o777, link: target})
	}
	s.special.add(s.output.shown(path))
	return nil
}

func (s *stream) problem(p problem) {
	s.report.add(s.output, p)
	if p.kind != grown {
		s.scan.Store(true)
	}
}

func (s *stream) note(path string, a attributes) {
	if a.foreign != "" && s.foreign == "" {
		s.foreign = a.foreign + " of " + s.output.shown(path)
	}
}

func (s *stream) file(f *folder, item *found, path string) error {
	if s.scan.Load() {
		return nil
	}
	s.note(path, item.attrs)
	h := header{name: s.name(path), kind: kindFile, mode: item.st.Mode & 0o777, size: item.st.Size, records: item.attrs.records}
	if item.st.Nlink > 1 {
		id := inode{item.st.Dev, item.st.Ino}
		if first, ok := s.first[id]; ok {
			h.kind, h.size, h.link, h.records = kindHardLink, 0, first, nil
			return s.header(h)
		}
		s.first[id] = h.name
	}
	if !item.loaded {
		return s.large(f, item, path, h)
	}
	if err := s.header(h); err != nil {
		return err
	}
	if _, err := s.w.Write(item.data); err != nil {
		return err
	}
	return s.pad(h.size)
}

// large writes a file that is read now.
func (s *stream) large(f *folder, item *found, path string, h header) error {
	fd := item.fd
	item.fd = -1
	if fd < 0 {
		var err error
		if fd, err = openIn(f.fd, item.name, 0); err != nil {
			s.problem(*problemOf(path, err))
			return nil
		}
	}
	file := os.NewFile(uintptr(fd), item.name)
	defer func() { _ = file.Close() }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		s.problem(problem{changed, path, "became something else"})
		return nil
	}
	h.size = st.Size
	extents, err := extentsOf(fd, &st)
	if err != nil {
		s.problem(*problemOf(path, err))
		return nil
	}
	if extents == nil {
		if err := s.header(h); err != nil {
			return err
		}
		if err := s.content(file, path, 0, st.Size, true); err != nil {
			return err
		}
		return s.pad(st.Size)
	}
	h, numbers := sparseHeader(h, st.Size, extents)
	if err := s.header(h); err != nil {
		return err
	}
	if _, err := s.w.Write(numbers); err != nil {
		return err
	}
	for _, e := range extents {
		if err := s.content(file, path, e.offset, e.length, false); err != nil {
			return err
		}
	}
	return s.pad(h.size)
}

func (s *stream) header(h header) error {
	if s.scan.Load() {
		return nil
	}
	s.buffer = appendHeader(s.buffer[:0], h)
	_, err := s.w.Write(s.buffer)
	return err
}

func (s *stream) pad(size int64) error {
	if s.scan.Load() {
		return nil
	}
	_, err := s.w.Write(make([]byte, padding(size)))
	return err
}

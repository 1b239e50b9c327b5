package pack

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/source"
)

func (o *Output) open() (*os.File, error) {
	f, err := os.OpenFile(o.real, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, o.failure(err, "the output %s cannot be read by user %d: %s", o.options.Path, os.Getuid(), reason(err))
	}
	return f, nil
}

func (o *Output) checkFile() error {
	f, err := o.open()
	if err != nil {
		return err
	}
	return f.Close()
}

func (o *Output) writeFile(ctx context.Context, w io.Writer) error {
	f, err := o.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return o.failure(err, "the output %s is no file any more", o.options.Path)
	}
	o.Size = info.Size()
	s := &stream{output: o, ctx: ctx, w: w}
	if !o.Directory {
		return s.content(f, o.options.Path, 0, o.Size, true)
	}
	head := header{name: "./" + o.name, kind: kindFile, mode: uint32(o.Mode.Perm()), size: o.Size}
	if _, err := w.Write(appendHeader(nil, head)); err != nil {
		return err
	}
	if err := s.content(f, o.options.Path, 0, o.Size, true); err != nil {
		return err
	}
	_, err = w.Write(make([]byte, padding(o.Size)+2*block)) // and the end
	return err
}

// content writes size bytes of a file. Fewer are a problem of the file, for a single file at once; more, if whole, are
// noted.
func (s *stream) content(file *os.File, path string, offset, size int64, whole bool) error {
	from := &source.Reader{From: io.NewSectionReader(file, offset, size)}
	n, err := io.Copy(s.w, from)
	single := s.output.isFile()
	switch {
	case from.Err != nil && single:
		return s.output.failure(from.Err, "the output %s cannot be read: %s", path, reason(from.Err))
	case from.Err != nil:
		s.problem(problem{unreadable, path, reason(from.Err)})
	case err != nil:
		return err
	case n < size && single:
		return s.output.failure(nil, "the output %s became shorter while it was read: something still writes to it", path)
	case n < size:
		s.problem(problem{changed, path, "became shorter"})
	case whole:
		var more [1]byte
		if n, _ := file.ReadAt(more[:], offset+size); n > 0 {
			if single {
				s.output.tell("%s grew while it was read, and is packed as it was", path)
			} else {
				s.problem(problem{grown, path, ""})
			}
		}
	}
	return nil
}

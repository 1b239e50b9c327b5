package pack

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
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
	return s.content(f, o.options.Path, 0, o.Size, true)
}

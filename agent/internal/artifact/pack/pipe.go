package pack

import (
	"context"
	"errors"
	"io"
)

var errNotRead = errors.New("pack: the reader ended")

// Pipe gives the stream to read, whose end ends Write, and returns why either of them failed. Both run at once: read may
// not look at Size, which Write sets.
func (o *Output) Pipe(ctx context.Context, read func(io.Reader) error) error {
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := o.Write(ctx, to)
		_ = to.CloseWithError(err)
		written <- err
	}()
	err := read(from)
	_ = from.CloseWithError(errNotRead)
	// The reader's error is that of the writer, in other words.
	if failed := <-written; failed != nil && !errors.Is(failed, errNotRead) {
		return failed
	}
	return err
}

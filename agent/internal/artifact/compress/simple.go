package compress

import (
	"context"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/converged-computing/oras-operator/agent/internal/source"
)

// plainWriter passes content through.
type plainWriter struct {
	ctx context.Context
	out io.Writer
	sum *digester
}

func newPlainWriter(ctx context.Context, out io.Writer) *plainWriter {
	return &plainWriter{ctx: ctx, out: out, sum: newDigester()}
}

func (w *plainWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	w.sum.Write(p)
	return w.out.Write(p)
}

// plainPiece is how much is read at once.
const plainPiece = 256 << 10

// ReadFrom takes content; io.Copy uses it. A piece is hashed while it is written.
func (w *plainWriter) ReadFrom(r io.Reader) (int64, error) {
	buffer := make([]byte, plainPiece)
	var taken int64
	for {
		if w.ctx.Err() != nil {
			return taken, context.Cause(w.ctx)
		}
		n, err := fill(r, buffer)
		if n > 0 {
			piece := buffer[:n]
			w.sum.size += int64(n)
			failed := source.HashedDuring(w.sum.hash, piece, func() error {
				_, err := w.out.Write(piece)
				return err
			})
			if failed != nil {
				return taken, failed
			}
			taken += int64(n)
		}
		if err == io.EOF {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
	}
}

// fill reads until the buffer is full, whatever the pieces that come. Unlike io.ReadFull it leaves errors as they are.
func fill(r io.Reader, buffer []byte) (int, error) {
	n := 0
	for n < len(buffer) {
		m, err := r.Read(buffer[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (w *plainWriter) Close() error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return nil
}

func (w *plainWriter) Result() Result {
	sum := w.sum.sum()
	return Result{Content: sum, Blob: sum}
}

// zstdWriter makes one frame. Its encoder works on two goroutines whatever the machine, so that the frame is the same.
type zstdWriter struct {
	encoder *zstd.Encoder
	content *digester
	blob    *plainWriter
}

func newZstdWriter(ctx context.Context, out io.Writer) (*zstdWriter, error) {
	blob := newPlainWriter(ctx, out)
	encoder, err := zstd.NewWriter(blob, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	return &zstdWriter{encoder: encoder, content: newDigester(), blob: blob}, nil
}

func (w *zstdWriter) Write(p []byte) (int, error) {
	w.content.Write(p)
	return w.encoder.Write(p)
}

func (w *zstdWriter) Close() error {
	if err := w.encoder.Close(); err != nil {
		return err
	}
	return w.blob.Close()
}

func (w *zstdWriter) Result() Result {
	return Result{Content: w.content.sum(), Blob: w.blob.sum.sum()}
}

package compress

import (
	"context"
	"io"

	"github.com/klauspost/compress/zstd"
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

var _ io.Writer = (*zstdWriter)(nil)

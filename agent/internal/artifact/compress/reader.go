package compress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// readAhead is the buffer in front of the source.
	readAhead = 256 << 10
	// zstdWindow is the largest window that is read, as that of the zstd program without --long (zstd(1)): who unpacks holds
	// it in memory.
	zstdWindow = 128 << 20
)

// NewReader returns the content of a gzip or zstd stream, which it recognizes by its first bytes. Content beyond limit
// bytes ends with ErrLimit; memory is bounded by about 1 MiB for each of workers+2, and for zstd by its window, at most
// 128 MiB. Close waits for the goroutines: whoever ends early makes source return first. The stream is read to its end,
// so that digests taken below are those of the whole.
func NewReader(ctx context.Context, source io.Reader, limit int64, workers int) (io.ReadCloser, error) {
	if workers < 1 {
		return nil, fmt.Errorf("compress: %d workers", workers)
	}
	buffered := bufio.NewReaderSize(source, readAhead)
	head, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var content io.ReadCloser
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		content = newMemberReader(ctx, buffered, workers)
	case isZstd(head):
		content, err = newZstdReader(buffered)
	default:
		err = ErrFormat
	}
	if err != nil {
		return nil, err
	}
	return &limited{content: content, left: limit}, nil
}

// isZstd knows frames and skippable frames (RFC 8878 section 3.1).
func isZstd(head []byte) bool {
	return len(head) == 4 && (head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd ||
		head[0]&0xf0 == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18)
}

// limited ends with ErrLimit as soon as there is more than it may pass.
type limited struct {
	content io.ReadCloser
	left    int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		p = p[:l.left+1]
	}
	n, err := l.content.Read(p)
	if int64(n) > l.left {
		n, err = int(l.left), ErrLimit
	}
	l.left -= int64(n)
	return n, err
}

func (l *limited) Close() error { return l.content.Close() }

// serialReader reads what cannot be split. Errors of the format become ErrCorrupt, those of the source stay.
type serialReader struct {
	content io.Reader
	source  *faultReader
	close   func() error
}

// faultReader remembers the error of the source, which decoders hide in theirs.
type faultReader struct {
	*bufio.Reader
	err error
}

func (r *faultReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.note(err)
	return n, err
}

func (r *faultReader) ReadByte() (byte, error) {
	b, err := r.Reader.ReadByte()
	r.note(err)
	return b, err
}

func (r *faultReader) note(err error) {
	if err != nil && err != io.EOF {
		r.err = err
	}
}

func newGzipReader(source *bufio.Reader) (*serialReader, error) {
	fault := &faultReader{Reader: source}
	content, err := gzip.NewReader(fault)
	r := &serialReader{content: content, source: fault}
	if err != nil {
		return nil, r.explain(err)
	}
	r.close = content.Close
	return r, nil
}

func newZstdReader(source *bufio.Reader) (*serialReader, error) {
	fault := &faultReader{Reader: source}
	content, err := zstd.NewReader(fault, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindow))
	if err != nil {
		return nil, err
	}
	return &serialReader{content: content, source: fault, close: func() error { content.Close(); return nil }}, nil
}

func (r *serialReader) Read(p []byte) (int, error) {
	n, err := r.content.Read(p)
	if err != nil && err != io.EOF {
		err = r.explain(err)
	}
	return n, err
}

func (r *serialReader) explain(err error) error {
	if r.source.err != nil {
		return r.source.err
	}
	if errors.Is(err, ErrCorrupt) {
		return err
	}
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return ErrWindow
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %v", ErrCorrupt, err)
}

func (r *serialReader) Close() error { return r.close() }

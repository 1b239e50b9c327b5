// Package compress turns the content of a layer into the bytes of its blob and back.
//
// A blob written with Gzip or Store is a series of gzip members (RFC 1952 section 2.2) of 512 KiB of content each. Every
// member carries its own length in an extra field, so that a reader finds the next one without inflating this one and
// all cores can work. To every other program it is ordinary gzip. Any other gzip, and zstd, is read too, on one core.
package compress

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Method is the way a blob is made from its content.
type Method int

const (
	// Plain leaves the content as it is: single files.
	Plain Method = iota
	// Gzip compresses with deflate; content without repetitions is only Huffman coded, and noise is stored.
	Gzip
	// Store makes gzip that is not compressed, which costs least.
	Store
	// Zstd makes one zstd frame.
	Zstd
)

// Sum is what identifies a stream of bytes.
type Sum struct {
	// Digest is "sha256:" and 64 lower-case hex digits.
	Digest string
	// Size is in bytes.
	Size int64
}

// Result tells what went through a Writer: the content that was written to it and the blob that it made.
type Result struct {
	Content Sum
	Blob    Sum
}

// Writer makes a blob. Close must be called, also after an error: it waits for the goroutines and writes what is left.
type Writer interface {
	io.WriteCloser
	// Result is valid after Close returned nil.
	Result() Result
}

// Errors of readers, to be tested with errors.Is. What the reader below returns stays in the chain.
var (
	// ErrFormat says that a stream is neither gzip nor zstd.
	ErrFormat = errors.New("neither gzip nor zstd")
	// ErrCorrupt says that a compressed stream is damaged or cut short.
	ErrCorrupt = errors.New("the compressed data is damaged")
	// ErrWindow says that a zstd stream needs more memory than is given to it.
	ErrWindow = errors.New("its zstd window is larger than 128 MiB; compress it without --long, or with --long=27")
	// ErrLimit says that the content is longer than the caller allows.
	ErrLimit = errors.New("the content is larger than allowed")
)

// NewWriter returns a Writer that writes the blob to out. Workers is the number of goroutines that compress, at least
// one; the blob does not depend on it. Memory is bounded by about 1 MiB for each of workers+2. When ctx ends, so do
// Write and Close, with its error.
func NewWriter(ctx context.Context, out io.Writer, method Method, workers int) (Writer, error) {
	if workers < 1 {
		return nil, fmt.Errorf("compress: %d workers", workers)
	}
	switch method {
	case Plain:
		return newPlainWriter(ctx, out), nil
	case Gzip, Store:
		return newMemberWriter(ctx, out, method, workers), nil
	case Zstd:
		return newZstdWriter(ctx, out)
	}
	return nil, fmt.Errorf("compress: unknown method %d", method)
}

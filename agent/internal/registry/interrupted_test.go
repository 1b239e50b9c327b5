package registry

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const largeBlob = 48 << 20

// pushLarge puts a blob into a registry that is larger than what sockets buffer.
func pushLarge(t *testing.T, s *server) Blob {
	t.Helper()
	r, _ := open(t, place(t, s.host, "a:b"), nil)
	blob := blobOf(noise(largeBlob))
	if err := r.PushBlob(context.Background(), blob); err != nil {
		t.Fatal(err)
	}
	return blob
}

// interrupted reads a blob; begun is called after its first bytes.
func interrupted(t *testing.T, r *Repository, blob Blob, begun func()) {
	t.Helper()
	stream, err := r.OpenBlob(context.Background(), blob.Digest, blob.Size)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	var got bytes.Buffer
	if _, err := io.CopyN(&got, stream, 1<<20); err != nil {
		t.Fatal(err)
	}
	begun()
	if _, err := io.Copy(&got, stream); err != nil || digestOf(got.Bytes()) != blob.Digest {
		t.Error(got.Len(), err)
	}
}

func TestKilledInMidBlob(t *testing.T) {
	s := startServer(t)
	blob := pushLarge(t, s)
	r, seen := open(t, place(t, s.host, "a:b"), nil)
	var once sync.Once
	seen.on = func(string) { once.Do(s.start) }
	interrupted(t, r, blob, s.kill)
	if !strings.Contains(seen.all(), "closed the connection before its answer was whole") {
		t.Error(seen.all())
	}
}

func TestStoppedInMidBlob(t *testing.T) {
	s := startServer(t)
	blob := pushLarge(t, s)
	r, seen := open(t, place(t, s.host, "a:b"), func(o *Options) { o.Stall = time.Second })
	var once sync.Once
	seen.on = func(string) { once.Do(func() { s.signal(syscall.SIGCONT) }) }
	interrupted(t, r, blob, s.halt)
	if !strings.Contains(seen.all(), "stalled") {
		t.Error(seen.all())
	}
}

// stopping runs a function in the middle of the first time that content is read.
func stopping(b []byte, stop func()) Content {
	var once sync.Once
	return opener(func() (io.ReadCloser, error) {
		half := bytes.NewReader(b[:len(b)/2])
		rest := readerFunc(func([]byte) (int, error) { once.Do(stop); return 0, io.EOF })
		return io.NopCloser(io.MultiReader(half, rest, bytes.NewReader(b[len(b)/2:]))), nil
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestKilledInMidUpload(t *testing.T) {
	s := startServer(t)
	r, seen := open(t, place(t, s.host, "a:b"), nil)
	var once sync.Once
	seen.on = func(string) { once.Do(s.start) }
	content := noise(largeBlob)
	blob := blobOf(content)
	blob.Content = stopping(content, s.kill)
	if err := r.PushBlob(context.Background(), blob); err != nil {
		t.Fatal(err)
	}
	if has, err := r.HasBlob(context.Background(), blob.Digest); !has || err != nil || seen.all() == "" {
		t.Error(has, err, seen.all())
	}
}

func TestStoppedInMidUpload(t *testing.T) {
	s := startServer(t)
	r, seen := open(t, place(t, s.host, "a:b"), func(o *Options) { o.Stall = time.Second })
	var once sync.Once
	seen.on = func(string) { once.Do(func() { s.signal(syscall.SIGCONT) }) }
	content := noise(largeBlob)
	blob := blobOf(content)
	blob.Content = stopping(content, s.halt)
	if err := r.PushBlob(context.Background(), blob); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(seen.all(), "stalled") {
		t.Error(seen.all())
	}
}

// A stopped registry accepts connections (the kernel does) and never answers.
func TestStoppedForGood(t *testing.T) {
	s := startServer(t)
	s.halt()
	r, _ := open(t, place(t, s.host, "a:b"), func(o *Options) { o.Timeout = time.Second })
	_, err := r.Manifest(context.Background())
	if f := InputCodes().Failure("pull", err); f.Code != 183 || !strings.Contains(f.Message, "no answer within 1s") {
		t.Error(f.Code, f)
	}
}

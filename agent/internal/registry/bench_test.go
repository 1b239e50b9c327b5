package registry

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
)

const benchSize = 256 << 20

// file writes content that can't be compressed, and returns it as a blob.
func benchBlob(b *testing.B) Blob {
	b.Helper()
	content := noise(benchSize)
	path := filepath.Join(b.TempDir(), "blob")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	return Blob{Digest: digestOf(content), Size: benchSize, Content: File(path)}
}

func BenchmarkPush(b *testing.B) {
	s := startServer(b)
	r, _ := open(b, place(b, s.host, "a:b"), nil)
	blob := benchBlob(b)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		at, err := r.begin(context.Background())
		if err == nil {
			err = r.complete(context.Background(), at, blob)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPull(b *testing.B) {
	s := startServer(b)
	r, _ := open(b, place(b, s.host, "a:b"), nil)
	blob := benchBlob(b)
	if err := r.PushBlob(context.Background(), blob); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		stream, err := r.OpenBlob(context.Background(), blob.Digest, blob.Size)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{stream}, make([]byte, 256<<10)); err != nil {
			b.Fatal(err)
		}
		_ = stream.Close()
	}
}

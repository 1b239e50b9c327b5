package artifact_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
)

// trees are small versions of those of docs/performance.md.
var trees = []struct {
	name        string
	directories int
	files       int // of each directory
	size        int
	links       int
}{
	{"A small files", 100, 100, 2600, 0},
	{"B one large file", 1, 1, 256 << 20, 0},
	{"E directories and links", 2000, 1, 100, 500},
}

func grow(b *testing.B, directories, files, size, links int) string {
	b.Helper()
	root := b.TempDir() + "/tree"
	content := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	for d := range directories {
		dir := fmt.Sprintf("%s/d%05d", root, d)
		must(b, os.MkdirAll(dir, 0o755))
		for f := range files {
			_, _ = source.Read(content)
			must(b, os.WriteFile(fmt.Sprintf("%s/f%05d", dir, f), content, 0o644))
		}
		if d < links {
			must(b, os.Symlink("f00000", dir+"/link"))
		}
	}
	return root
}

func BenchmarkPack(b *testing.B) {
	for _, tree := range trees {
		b.Run(tree.name, func(b *testing.B) {
			root := grow(b, tree.directories, tree.files, tree.size, tree.links)
			b.SetBytes(int64(tree.directories * tree.files * tree.size))
			for b.Loop() {
				packTree(b, root, io.Discard)
			}
		})
	}
}

func packTree(b *testing.B, root string, out io.Writer) {
	b.Helper()
	output, err := pack.Describe(pack.Options{Path: root, Workers: 2})
	must(b, err)
	w, err := compress.NewWriter(b.Context(), out, compress.Gzip, 2)
	must(b, err)
	must(b, output.Write(b.Context(), w))
	must(b, w.Close())
}

func BenchmarkUnpack(b *testing.B) {
	for _, tree := range trees {
		b.Run(tree.name, func(b *testing.B) {
			var blob bytes.Buffer
			packTree(b, grow(b, tree.directories, tree.files, tree.size, tree.links), &blob)
			b.SetBytes(int64(tree.directories * tree.files * tree.size))
			for b.Loop() {
				b.StopTimer()
				in := b.TempDir()
				b.StartTimer()
				target, err := unpack.Open(unpack.Options{Path: in, Workers: 2, Now: time.Now(), Limits: unpack.Limits{Entries: 1 << 30, Bytes: 1 << 50, PathBytes: 4096}})
				must(b, err)
				content, err := compress.NewReader(b.Context(), bytes.NewReader(blob.Bytes()), 1<<50, 2)
				must(b, err)
				must(b, target.Tar(b.Context(), content))
				must(b, content.Close())
				must(b, target.Commit(b.Context()))
				target.Close()
			}
		})
	}
}

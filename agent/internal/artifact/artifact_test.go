package artifact_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/treetest"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
)

var must = treetest.Must

// oras is the stock client.
func oras(t *testing.T) string { return testprogram.Find(t, "oras-v*", "oras") }

func run(t *testing.T, in string, argv ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	c.Dir = in
	c.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", argv, err, out)
	}
	return string(out)
}

// layout is an OCI image layout (image spec 1.1), which the client takes in the place of a registry.
type layout struct{ path string }

func newLayout(t *testing.T) layout {
	l := layout{t.TempDir()}
	must(t, os.MkdirAll(l.path+"/blobs/sha256", 0o755))
	must(t, os.WriteFile(l.path+"/oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	return l
}

func (l layout) blob(t *testing.T, b []byte) string {
	digest := fmt.Sprintf("%x", sha256.Sum256(b))
	must(t, os.WriteFile(l.path+"/blobs/sha256/"+digest, b, 0o644))
	return "sha256:" + digest
}

func (l layout) read(t *testing.T, digest string) []byte {
	b, err := os.ReadFile(l.path + "/blobs/sha256/" + strings.TrimPrefix(digest, "sha256:"))
	must(t, err)
	return b
}

// push packs paths as the agent does.
func (l layout) push(t *testing.T, method compress.Method, paths ...string) {
	t.Helper()
	a := manifest.Artifact{Repository: "rep", Reference: "rep:1", Code: 190}
	for _, path := range paths {
		output, err := pack.Describe(pack.Options{Path: path, Workers: 2, Code: 189})
		must(t, err)
		part := manifest.Part{Title: output.Title, Directory: output.Directory, Mode: output.Mode, Method: compress.Plain}
		if output.Directory {
			part.Method = method
		}
		var b bytes.Buffer
		w, err := compress.NewWriter(t.Context(), &b, part.Method, 2)
		must(t, err)
		must(t, output.Write(t.Context(), w))
		must(t, w.Close())
		part.Result = w.Result()
		if digest := l.blob(t, b.Bytes()); digest != part.Result.Blob.Digest {
			t.Fatalf("digest %s, want %s", part.Result.Blob.Digest, digest)
		}
		a.Parts = append(a.Parts, part)
	}
	raw, err := manifest.Encode(a)
	must(t, err)
	l.blob(t, []byte(manifest.EmptyConfig))
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{map[string]any{"mediaType": manifest.TypeManifest,
		"digest": l.blob(t, raw), "size": len(raw), "annotations": map[string]string{"org.opencontainers.image.ref.name": "1"}}}})
	must(t, err)
	must(t, os.WriteFile(l.path+"/index.json", index, 0o644))
}

// pull unpacks the manifest of a tag as the agent does.
func (l layout) pull(t *testing.T, in string) {
	t.Helper()
	var index struct {
		Manifests []struct{ Digest, MediaType string }
	}
	b, err := os.ReadFile(l.path + "/index.json")
	must(t, err)
	must(t, json.Unmarshal(b, &index))
	m, err := manifest.Parse(l.read(t, index.Manifests[0].Digest), manifest.Source{Reference: "rep:1", MediaType: index.Manifests[0].MediaType, Code: 184})
	must(t, err)
	target, err := unpack.Open(unpack.Options{Path: in, Workers: 2, Code: 186, Now: time.Now(), Limits: unpack.Limits{Entries: 1 << 20, Bytes: 1 << 40, PathBytes: 4096}})
	must(t, err)
	for _, layer := range m.Layers {
		blob := bytes.NewReader(l.read(t, layer.Digest))
		if !layer.Archive {
			must(t, target.File(t.Context(), layer.Title, layer.Mode, layer.Size, blob))
			continue
		}
		content, err := compress.NewReader(t.Context(), blob, 1<<40, 2)
		must(t, err)
		must(t, target.Tar(t.Context(), content))
		must(t, content.Close())
	}
	must(t, target.Commit(t.Context()))
	target.Close()
}

func writable(t *testing.T, path string) {
	t.Cleanup(func() {
		_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(p, 0o755)
			}
			return nil
		})
	})
}

func source(t *testing.T) string {
	in := t.TempDir()
	treetest.Shell(t, in, "bash", treetest.HardTree)
	must(t, os.WriteFile(in+"/tool", []byte("#!/bin/sh\n"), 0o755))
	writable(t, in)
	return in
}

func TestStockClientReadsWhatIsPushed(t *testing.T) {
	client, in := oras(t), source(t)
	// A file of that size without data is what the stock client is slow with; it has no setuid bits or links out.
	l := newLayout(t)
	l.push(t, compress.Gzip, in+"/tree", in+"/tool")
	out := t.TempDir()
	writable(t, out)
	run(t, out, client, "pull", "--oci-layout", l.path+":1")
	treetest.Compare(t, treetest.Snapshot(t, out+"/tree"), treetest.Snapshot(t, in+"/tree"))
	if _, err := os.Stat(out + "/tool"); err != nil {
		t.Error(err)
	}
	contents := newLayout(t)
	contents.push(t, compress.Store, in+"/tree/.")
	out = t.TempDir()
	writable(t, out)
	run(t, out, client, "pull", "--oci-layout", contents.path+":1")
	if !strings.HasPrefix(treetest.Snapshot(t, out)["a/tool"], "file 755") {
		t.Error("the contents are elsewhere")
	}
}

func TestWhatIsPushedIsPulled(t *testing.T) {
	in := source(t)
	want := treetest.Snapshot(t, in+"/tree")
	for _, method := range []compress.Method{compress.Gzip, compress.Store, compress.Zstd} {
		l := newLayout(t)
		l.push(t, method, in+"/tree/.", in+"/tool")
		out := t.TempDir() + "/target"
		writable(t, out)
		l.pull(t, out)
		l.pull(t, out) // as a step does that is started again
		got := treetest.Snapshot(t, out)
		if !strings.HasPrefix(got["tool"], "file 755") {
			t.Errorf("tool: %s", got["tool"])
		}
		delete(got, "tool")
		got["."] = want["."] // what exists keeps its mode
		treetest.Compare(t, got, want)
	}
}

func TestWhatTheStockClientPushesIsPulled(t *testing.T) {
	client, in := oras(t), source(t)
	must(t, os.MkdirAll(in+"/sub/dir", 0o755))
	must(t, os.WriteFile(in+"/sub/dir/b.txt", []byte("b"), 0o644))
	must(t, os.WriteFile(in+"/empty", nil, 0o644))
	must(t, os.RemoveAll(in+"/tree/a/sparse")) // its tars have no holes
	must(t, os.RemoveAll(in+"/tree/a/hole"))
	must(t, os.RemoveAll(in+"/tree/hard")) // nor hard links
	l := newLayout(t)
	run(t, in, client, "push", "--oci-layout", l.path+":1", "tree", "tool", "sub/dir/b.txt", "sub/dir", "empty")
	out := t.TempDir()
	writable(t, out)
	l.pull(t, out)
	got := treetest.Snapshot(t, out)
	treetest.Compare(t, treetest.Snapshot(t, out+"/tree"), treetest.Snapshot(t, in+"/tree"))
	for name, want := range map[string]string{"tool": "file 644 10", "sub/dir/b.txt": "file 644 1", "empty": "file 644 0"} {
		if !strings.HasPrefix(got[name], want) {
			t.Errorf("%s: %s", name, got[name])
		}
	}
}

package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// There and back against the real registry, each kind of content; what is there is not sent again.
func TestPushAndPull(t *testing.T) {
	s := startServer(t)
	r, _ := open(t, place(t, s.host, "a/b:v1"), nil)
	ctx := context.Background()
	if err := r.ProvePush(ctx); err != nil {
		t.Fatal(err)
	}
	large := noise(5 << 20)
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, large, 0o600); err != nil {
		t.Fatal(err)
	}
	small := []byte("small")
	blobs, manifest := artifact(large, small, nil)
	blobs[0].Content = File(path)
	blobs[1].Content = Bytes(small)
	pushed, err := r.PushArtifact(ctx, blobs, manifestType, manifest)
	if err != nil || pushed != (Pushed{Digest: digestOf(manifest)}) {
		t.Fatal(pushed, err)
	}
	got, err := r.Manifest(ctx)
	if err != nil || !bytes.Equal(got.Bytes, manifest) || got.Digest != pushed.Digest || got.MediaType != manifestType {
		t.Fatal(got, err)
	}
	for _, blob := range blobs {
		content, err := readBlob(r, blob.Digest, blob.Size)
		if err != nil || digestOf(content) != blob.Digest {
			t.Error(len(content), err)
		}
	}
	// The same again: no content is opened, and nothing is replaced.
	for i := range blobs {
		blobs[i].Content = opener(func() (io.ReadCloser, error) { return nil, errors.New("read again") })
	}
	if pushed, err = r.PushArtifact(ctx, blobs, manifestType, manifest); err != nil || pushed.Replaced != "" {
		t.Error(pushed, err)
	}
	more, other := artifact([]byte("other"))
	if pushed, err = r.PushArtifact(ctx, more, manifestType, other); err != nil || pushed.Replaced != digestOf(manifest) {
		t.Error(pushed, err)
	}
	// By digest, after the tag moved.
	pinned, _ := open(t, place(t, s.host, "a/b:v1@"+digestOf(manifest)), nil)
	if got, err = pinned.Manifest(ctx); err != nil || !bytes.Equal(got.Bytes, manifest) {
		t.Error(err)
	}
	// Mounted from another repository.
	elsewhere, _ := open(t, place(t, s.host, "c:v1"), nil)
	if !elsewhere.Mount(ctx, digestOf(large), r.Reference()) {
		t.Error("not mounted")
	}
	if has, err := elsewhere.HasBlob(ctx, digestOf(large)); !has || err != nil {
		t.Error(has, err)
	}
	if elsewhere.Mount(ctx, digestOf([]byte("nowhere")), r.Reference()) {
		t.Error("mounted what is not there")
	}
}

func TestNotFound(t *testing.T) {
	s := startServer(t)
	for _, tag := range []string{"v1", "v2", "v10", "latest", "2024-01-01", "2024-01-02", "2024-01-03"} {
		r, _ := open(t, place(t, s.host, "a/b:"+tag), nil)
		blobs, manifest := artifact([]byte("x"))
		if _, err := r.PushArtifact(context.Background(), blobs, manifestType, manifest); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]string{
		"a/b:v3":                           {"status", "there are the tags v2, v1, v10, latest, 2024-01-03 and 2 more; is v2 meant?", "whether the step that makes it has ended"},
		"a/b:lates":                        {"is latest meant?"},
		"a/c:v1":                           {"the registry has no repository a/c"},
		"a/b@" + digestOf([]byte("no")):    {"there is no artifact of this digest"},
		"a/b:v1@" + digestOf([]byte("no")): {"there is no artifact of this digest", "the tag v1 stands for sha256:"},
	} {
		r, _ := open(t, place(t, s.host, name), nil)
		_, err := r.Manifest(context.Background())
		f := InputCodes().Failure("pull of "+name, err)
		if f.Code != 181 {
			t.Error(f.Code, f)
		}
		for _, part := range want {
			if part != "status" && !strings.Contains(f.Message, part) {
				t.Errorf("%s: %s", name, f.Message)
			}
		}
	}
}

// The registry of a step starts with it: what is waited for is told once.
func TestRegistryComesLate(t *testing.T) {
	s := newServer(t)
	var once sync.Once
	r, seen := open(t, place(t, s.host, "a:b"), nil)
	tries := 0
	r.o.clock.sleep = func(context.Context, time.Duration) error {
		if tries++; tries == 3 {
			once.Do(s.start)
		}
		return nil
	}
	if err := r.ProvePush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := s.host + "/a:b: " + s.host + " refuses connections; trying again for up to 5m"; seen.all() != want {
		t.Errorf("%s\nwant %s", seen.all(), want)
	}
}

func TestRegistryNeverComes(t *testing.T) {
	host := freePort(t)
	r, seen := open(t, place(t, host, "a:b"), func(o *Options) { o.Timeout = 90 * time.Second })
	_, err := r.Manifest(context.Background())
	f := InputCodes().Failure("pull of a:b", err)
	if f.Code != 183 || f.Message != "pull of a:b: the registry did not answer within 1m30s; last: "+host+" refuses connections" {
		t.Error(f.Code, f)
	}
	if n := len(seen.lines); n != 2 { // The second is the reminder after a minute.
		t.Error(seen.all())
	}
}

// unknownName: of a Service whose Pod is not there yet.
func TestUnknownName(t *testing.T) {
	r, seen := open(t, place(t, "registry.invalid", "a:b"), func(o *Options) { o.Timeout = time.Second })
	err := r.ProvePush(context.Background())
	if f := ProofCodes().Failure("push to a:b", err); f.Code != 183 || !strings.Contains(f.Message, "the name registry.invalid ") {
		t.Error(f, seen.all())
	}
}

func TestUploadInPieces(t *testing.T) {
	s := startServer(t)
	r, _ := open(t, place(t, s.host, "a:b"), nil)
	ctx := context.Background()
	content := noise(2*pieceSize + 17)
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []Content{File(path), Bytes(content)} {
		at, err := r.begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.completeInPieces(ctx, at, Blob{Digest: digestOf(content), Size: int64(len(content)), Content: source}); err != nil {
			t.Error(err)
		}
	}
	if got, err := readBlob(r, digestOf(content), int64(len(content))); err != nil || !bytes.Equal(got, content) {
		t.Error(len(got), err)
	}
}

// What is pushed here stock oras pulls, and the other way.
func TestStockOras(t *testing.T) {
	oras := testprogram.Find(t, "oras-v1*", "oras")
	s := startServer(t)
	r, _ := open(t, place(t, s.host, "a/b:v1"), nil)
	content := noise(100_000)
	blobs, manifest := artifact(content)
	pushed, err := r.PushArtifact(context.Background(), blobs, manifestType, manifest)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(args ...string) string {
		command := exec.Command(oras, args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "HOME="+dir)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if out := run("pull", "--plain-http", r.Reference().Name()); !strings.Contains(out, pushed.Digest) {
		t.Error(out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "file0")); err != nil || !bytes.Equal(got, content) {
		t.Error(err)
	}
	run("push", "--plain-http", s.host+"/a/b:v2", "file0:text/plain")
	r, _ = open(t, place(t, s.host, "a/b:v2"), nil)
	got, err := r.Manifest(context.Background())
	if err != nil || !bytes.Contains(got.Bytes, []byte(digestOf(content))) {
		t.Error(got, err)
	}
}

func TestStreamedUpload(t *testing.T) {
	s := startServer(t)
	r, _ := open(t, place(t, s.host, "a:b"), nil)
	ctx := context.Background()
	content := noise(3 << 20)
	u := r.StartUpload(ctx, io.NopCloser(bytes.NewReader(content)))
	if err := u.Commit(ctx, digestOf(content)); err != nil {
		t.Fatal(err)
	}
	u.Cancel(ctx)
	if got, err := readBlob(r, digestOf(content), int64(len(content))); err != nil || !bytes.Equal(got, content) {
		t.Error(len(got), err)
	}
	u = r.StartUpload(ctx, io.NopCloser(strings.NewReader("x")))
	if err := u.Commit(ctx, digestOf([]byte("y"))); As(err) == nil || As(err).Code != "DIGEST_INVALID" {
		t.Error("a wrong digest is taken: ", err)
	}
	// What is not made to its end is no blob.
	read, write := io.Pipe()
	u = r.StartUpload(ctx, read)
	if _, err := write.Write(content[:1<<20]); err != nil {
		t.Fatal(err)
	}
	_ = write.CloseWithError(errors.New("the volume is full"))
	if err := u.Commit(ctx, digestOf(content[:1<<20])); err == nil {
		t.Error("half a blob was pushed")
	}
}

// expiring is a context whose deadline passes when it is closed.
type expiring struct {
	context.Context
	passed chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.passed }

func (e expiring) Err() error {
	select {
	case <-e.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestAnUploadThatIsBrokenOffLeavesNothing(t *testing.T) {
	s := startServer(t)
	for name, breakOff := range map[string]func(*Upload, expiring){
		"given up": func(*Upload, expiring) {},
		"by a deadline": func(u *Upload, ctx expiring) {
			close(ctx.passed)
			if <-u.sent; !errors.Is(u.failed, context.DeadlineExceeded) {
				t.Error(u.failed)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			requests := &journal{}
			r, _ := open(t, place(t, s.host, "a:b"), func(o *Options) { o.Explain = requests.log })
			ctx := expiring{context.Background(), make(chan struct{})}
			read, write := io.Pipe()
			u := r.StartUpload(ctx, read)
			// The second one is taken by the Read after the one that was sent: it waits for more then, and sends nothing.
			for _, content := range [][]byte{noise(1 << 20), nil} {
				if _, err := write.Write(content); err != nil {
					t.Fatal(err)
				}
			}
			breakOff(u, ctx)
			u.Cancel(context.Background())
			if _, err := write.Write([]byte("more")); !errors.Is(err, io.ErrClosedPipe) {
				t.Error("the reader is not closed: ", err)
			}
			if !strings.Contains(requests.all(), "DELETE ") {
				t.Error("the session stays:\n", requests.all())
			}
		})
	}
}

// The copy on disk is the retry of an upload that broke.
func TestStreamedUploadBreaks(t *testing.T) {
	s := startServer(t)
	r, _ := open(t, place(t, s.host, "a:b"), nil)
	ctx := context.Background()
	content := noise(largeBlob)
	read, write := io.Pipe()
	u := r.StartUpload(ctx, read)
	if _, err := write.Write(content[:1<<20]); err != nil {
		t.Fatal(err)
	}
	s.kill()
	_, _ = write.Write(content[1<<20:])
	_ = write.Close()
	if err := u.Commit(ctx, digestOf(content)); err == nil {
		t.Fatal("nobody noticed")
	}
	s.start()
	if err := r.PushBlob(ctx, blobOf(content)); err != nil {
		t.Error(err)
	}
}

func TestContextEnds(t *testing.T) {
	host := freePort(t)
	enough := errors.New("deleted")
	ctx, cancel := context.WithCancelCause(context.Background())
	r, seen := open(t, place(t, host, "a:b"), nil)
	seen.on = func(string) { cancel(enough) }
	if _, err := r.Manifest(ctx); !errors.Is(err, enough) {
		t.Error(err)
	}
	stream, err := r.OpenBlob(ctx, digestOf(nil), 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, enough) {
		t.Error(err)
	}
	if err := r.PushBlob(ctx, blobOf([]byte("x"))); !errors.Is(err, enough) {
		t.Error(err)
	}
}

package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

func TestMain(m *testing.M) { os.Exit(testprogram.Main(m)) }

// startS3 starts a real server of S3 with one bucket.
func startS3(t *testing.T) Folder {
	t.Helper()
	host, _ := testprogram.StartS3(t)
	client := &Client{Endpoint: "http://" + host, Bucket: testprogram.S3Bucket, Region: "us-east-1", Folder: "ns/oras", AccessKey: testprogram.S3AccessKey, SecretKey: testprogram.S3SecretKey}
	return Folder{client, Owner{"this", "ns/oras"}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func digestOf(content []byte) layout.Digest { return layout.Digest(sha256.Sum256(content)) }

// files writes what a registry would.
type files struct {
	t *testing.T
	Folder
	// objects is where the folder is on the disk of S3; empty: they are put by S3.
	objects string
}

func (f files) put(key, content string) {
	f.t.Helper()
	if f.objects == "" {
		must(f.t, f.Put(f.t.Context(), key, []byte(content)))
		return
	}
	path := filepath.Join(f.objects, key)
	must(f.t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(f.t, os.WriteFile(path, []byte(content), 0o600))
}

func (f files) blob(repository, content string) layout.Digest {
	d := digestOf([]byte(content))
	f.put(blobKey(d), content)
	f.put(link{repository: repository, digest: d}.layerKey(), "sha256:"+d.String())
	return d
}

func (f files) manifest(repository, name, content string) layout.Digest {
	d := digestOf([]byte(content))
	f.put(blobKey(d), content)
	f.put(link{repository: repository, digest: d}.revisionKey(), "sha256:"+d.String())
	f.put(tag{repository: repository, name: name}.key(), "sha256:"+d.String())
	return d
}

func (f files) mark(o Owner) {
	f.manifest("oras-operator-state", "owner", fmt.Sprintf(`{"annotations":{"oras.converged-computing.github.io/installation":%q,"oras.converged-computing.github.io/owner":%q}}`, o.Installation, o.Cache))
}

func (f files) keys() map[string]bool {
	found := map[string]bool{}
	must(f.t, f.List(f.t.Context(), "", func(object Object) error {
		found[object.Key] = true
		return nil
	}))
	return found
}

func (f files) expect(keys map[string]bool) {
	f.t.Helper()
	there := f.keys()
	for key, is := range keys {
		if there[key] != is {
			f.t.Errorf("%s is there: %v, want %v", key, there[key], is)
		}
	}
}

func (f files) pass(change func(string)) (*Pass, error) {
	pass := &Pass{Client: f.Client, before: change}
	_, err := pass.Run(f.t.Context())
	return pass, err
}

func TestNothingThatIsNamedGoes(t *testing.T) {
	f := files{t, startS3(t), ""}
	named, loose := f.blob("a/b", "named"), f.blob("a/b", "loose")
	manifest := f.manifest("a/b", "v1", "{"+named.String()+"}")
	f.put(registryKeys+"repositories/a/b/_uploads/1/data", "unfinished")
	pass, err := f.pass(nil)
	must(t, err)
	if out := pass.out; out.Swept != 1 || out.Unlinked != 1 || out.PutBack != 0 {
		t.Errorf("%+v", out)
	}
	f.expect(map[string]bool{
		blobKey(named): true, blobKey(manifest): true, blobKey(loose): false,
		link{repository: "a/b", digest: named}.layerKey(): true,
		link{repository: "a/b", digest: loose}.layerKey(): false,
		trashKeys + "1/" + blobKey(loose):                 true,
		registryKeys + "repositories/a/b/_uploads/1/data": true,
	})
	for range 2 {
		pass, err = f.pass(nil)
		must(t, err)
	}
	if pass.out.Freed == 0 {
		t.Error("nothing was freed by the pass after the next")
	}
	f.expect(map[string]bool{trashKeys + "1/" + blobKey(loose): false, beganKey(1): false, blobKey(named): true})
}

func TestWhatIsYoungStays(t *testing.T) {
	f := files{t, startS3(t), ""}
	d := f.blob("a", "loose")
	_, err := (&Pass{Client: f.Client, Grace: time.Hour}).Run(t.Context())
	must(t, err)
	f.expect(map[string]bool{blobKey(d): true, link{repository: "a", digest: d}.layerKey(): true})
}

// A push sees a blob and names it, whenever that is during a pass: in the end all of it is there.
func TestWhatIsNamedMeanwhileComesBack(t *testing.T) {
	for at := range 8 {
		t.Run(fmt.Sprint("change ", at), func(t *testing.T) {
			f := files{t, startS3(t), ""}
			loose := f.blob("a", "loose")
			changes := 0
			_, err := f.pass(func(string) {
				if changes++; changes == at+1 {
					f.manifest("a", "v1", "{"+loose.String()+"}")
				}
			})
			must(t, err)
			if changes <= at {
				t.Skip("there are not so many changes")
			}
			_, err = f.pass(nil)
			must(t, err)
			f.expect(map[string]bool{blobKey(loose): true, link{repository: "a", digest: loose}.layerKey(): true})
		})
	}
}

// A pass that is ended anywhere leaves nothing broken that the next one does not put right.
func TestAPassThatIsEndedIsPutRight(t *testing.T) {
	ended := errors.New("ended")
	for at := range 6 {
		t.Run(fmt.Sprint("change ", at), func(t *testing.T) {
			f := files{t, startS3(t), ""}
			loose := f.blob("a", "loose")
			ctx, cancel := context.WithCancelCause(t.Context())
			changes := 0
			pass := &Pass{Client: f.Client, before: func(string) {
				if changes++; changes == at+1 {
					cancel(ended)
				}
			}}
			_, err := pass.Run(ctx)
			if err == nil {
				t.Skip("there are not so many changes")
			}
			// Who pushed meanwhile saw the blob before it was taken.
			f.manifest("a", "v1", "{"+loose.String()+"}")
			_, err = f.pass(nil)
			must(t, err)
			f.expect(map[string]bool{blobKey(loose): true, link{repository: "a", digest: loose}.layerKey(): true})
		})
	}
}

func TestALargeObjectIsCopiedInParts(t *testing.T) {
	f := files{t, startS3(t), ""}
	copied, part := largestCopy, largestPart
	largestCopy, largestPart = 6<<20, 5<<20
	t.Cleanup(func() { largestCopy, largestPart = copied, part })
	content := bytes.Repeat([]byte("0123456789abcdef"), 12<<16)
	f.put("large", string(content))
	must(t, f.Copy(t.Context(), Object{Key: "large", Size: int64(len(content))}, "copy"))
	found, err := f.Get(t.Context(), "copy")
	must(t, err)
	if !bytes.Equal(found, content) {
		t.Errorf("%d bytes are copied of %d", len(found), len(content))
	}
}

func TestAFolderIsEmptiedOnlyByItsOwner(t *testing.T) {
	f := files{t, startS3(t), ""}
	f.blob("a", "some")
	f.put(trashKeys+"1/began", "")
	for name, prepare := range map[string]func(){
		"without a mark":          func() {},
		"of another installation": func() { f.mark(Owner{"another", "ns/oras"}) },
		"of another cache":        func() { f.mark(Owner{"this", "ns/other"}) },
	} {
		t.Run(name, func(t *testing.T) {
			prepare()
			before := len(f.keys())
			if _, err := f.Empty(t.Context()); err == nil || !strings.Contains(err.Error(), "mark") {
				t.Errorf("it is emptied: %v", err)
			}
			if after := len(f.keys()); after != before {
				t.Errorf("%d objects of %d are left", after, before)
			}
		})
	}
	beside := *f.Client
	beside.Folder = "ns/oras-2"
	must(t, beside.Put(t.Context(), "docker/other", []byte("of another cache")))
	f.mark(f.Owner)
	deleted, err := f.Empty(t.Context())
	must(t, err)
	if len(f.keys()) != 0 || deleted == 0 {
		t.Errorf("%d deleted, left are %v", deleted, f.keys())
	}
	if _, err := beside.Get(t.Context(), "docker/other"); err != nil {
		t.Errorf("the folder beside it: %v", err)
	}
	// The keeper was ended before it could tell, and is asked again.
	if deleted, err := f.Empty(t.Context()); err != nil || deleted != 0 {
		t.Errorf("an empty folder: %d, %v", deleted, err)
	}
}

func TestAListThatGoesNowhereEnds(t *testing.T) {
	for _, token := range []string{"", "same"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken></ListBucketResult>", token)
		}))
		t.Cleanup(server.Close)
		client := &Client{Endpoint: server.URL, Bucket: "artifacts", Region: "us-east-1", Folder: "a"}
		err := client.List(t.Context(), "", func(Object) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "NextContinuationToken") {
			t.Errorf("%q: %v", token, err)
		}
	}
}

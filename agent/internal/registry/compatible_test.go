package registry

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// debianRegistry names distribution 2.8, which make test-extra gets from Debian.
const debianRegistry = "ORAS_OPERATOR_DEBIAN_REGISTRY"

// registries are independent implementations, and one that uses every freedom of the specification. test/integration has the
// same ones for the clients of the operator and the command line.
var registries = []string{"distribution 3", "distribution 2.8", "go-containerregistry", "ociregistry", "strict"}

// startRegistry starts one of them.
func startRegistry(t *testing.T, name string) *server {
	t.Helper()
	s := newServer(t)
	switch name {
	case "distribution 3":
	case "distribution 2.8":
		program := os.Getenv(debianRegistry)
		if program == "" {
			t.Skip(debianRegistry + " is not set; make test-extra sets it")
		}
		s.argv = []string{program, "serve"}
	default:
		s.argv = []string{testprogram.Find(t, "registries-*", "registries"), name}
	}
	s.start()
	return s
}

// actions are those of a step's container. Each gets a repository of its own.
var actions = map[string]func(t *testing.T, at func(host, artifact string) *Repository, host string){
	"proves that it may push": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		if err := at(host, "prove:v1").ProvePush(t.Context()); err != nil {
			t.Error(err)
		}
	},
	"pushes and pulls": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		r := at(host, "push/pull:v1")
		blobs, manifest := artifact(noise(3<<20), []byte("small"), nil)
		pushed, err := r.PushArtifact(t.Context(), blobs, manifestType, manifest)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"push/pull:v1", "push/pull@" + pushed.Digest} {
			got, err := at(host, name).Manifest(t.Context())
			if err != nil || !bytes.Equal(got.Bytes, manifest) || got.Digest != pushed.Digest || got.MediaType != manifestType {
				t.Error(name, got, err)
			}
		}
		for _, blob := range blobs {
			has, err := r.HasBlob(t.Context(), blob.Digest)
			if !has || err != nil {
				t.Error(blob.Digest, has, err)
			}
			content, err := readBlob(r, blob.Digest, blob.Size)
			if err != nil || digestOf(content) != blob.Digest {
				t.Error(len(content), err)
			}
		}
	},
	"replaces a tag": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		r := at(host, "replace:v1")
		var manifest []byte
		for _, text := range []string{"one", "two"} {
			var blobs []Blob
			blobs, manifest = artifact([]byte(text))
			if _, err := r.PushArtifact(t.Context(), blobs, manifestType, manifest); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := r.Manifest(t.Context()); err != nil || !bytes.Equal(got.Bytes, manifest) {
			t.Error(got, err)
		}
	},
	"pushes in pieces": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		r := at(host, "pieces:v1")
		content := noise(2*pieceSize + 17<<20)
		// A session is begun once here, without waiting for a registry that is busy: one that is so at first has been by then.
		if err := r.ProvePush(t.Context()); err != nil {
			t.Fatal(err)
		}
		session, err := r.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.completeInPieces(t.Context(), session, blobOf(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := readBlob(r, digestOf(content), int64(len(content))); err != nil || !bytes.Equal(got, content) {
			t.Error(len(got), err)
		}
	},
	"pushes what is being made": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		r := at(host, "stream:v1")
		content := noise(3 << 20)
		// As a step does before its program starts; what is made is sent once, without waiting for a registry that is busy.
		if err := r.ProvePush(t.Context()); err != nil {
			t.Fatal(err)
		}
		u := r.StartUpload(t.Context(), io.NopCloser(bytes.NewReader(content)))
		if err := u.Commit(t.Context(), digestOf(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := readBlob(r, digestOf(content), int64(len(content))); err != nil || !bytes.Equal(got, content) {
			t.Error(len(got), err)
		}
	},
	"mounts, or pushes what is not mounted": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		from, to := at(host, "mount/from:v1"), at(host, "mount/to:v1")
		content := blobOf([]byte("mounted"))
		if err := from.PushBlob(t.Context(), content); err != nil {
			t.Fatal(err)
		}
		mounted := to.Mount(t.Context(), content.Digest, from.Reference())
		// Some keep the blobs of all repositories together.
		if has, err := to.HasBlob(t.Context(), content.Digest); mounted && !has || err != nil {
			t.Error(mounted, has, err)
		}
		if err := to.PushBlob(t.Context(), content); err != nil {
			t.Error(err)
		}
		if to.Mount(t.Context(), digestOf([]byte("nowhere")), from.Reference()) {
			t.Error("mounted what is not there")
		}
	},
	"reads on where the connection broke": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		content := noise(3<<20 + 1)
		if err := at(host, "resume:v1").PushBlob(t.Context(), blobOf(content)); err != nil {
			t.Fatal(err)
		}
		cut, cuts := cutting(t, host)
		got, err := readBlob(at(cut, "resume:v1"), digestOf(content), int64(len(content)))
		if err != nil || !bytes.Equal(got, content) || cuts.Load() == 0 {
			t.Error(len(got), cuts.Load(), err)
		}
	},
	"lists tags": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		want := []string{"t1", "t2", "t3", "t4", "t5"}
		for _, tag := range want {
			blobs, manifest := artifact([]byte(tag))
			if _, err := at(host, "tags:"+tag).PushArtifact(t.Context(), blobs, manifestType, manifest); err != nil {
				t.Fatal(err)
			}
		}
		tags, more, err := at(host, "tags:t1").Tags(t.Context())
		if err != nil || more != (len(tags) < len(want)) || len(tags) == 0 || slices.ContainsFunc(tags, func(tag string) bool { return !slices.Contains(want, tag) }) {
			t.Error(tags, more, err)
		}
		_, err = at(host, "tags:t6").Manifest(t.Context())
		if e := As(err); e == nil || e.Kind != NotFound {
			t.Error(err)
		}
	},
	"tells what is not there": func(t *testing.T, at func(host, artifact string) *Repository, host string) {
		r := at(host, "none:v1")
		_, err := r.Manifest(t.Context())
		if f := InputCodes().Failure("pull of none:v1", err); f.Code != 181 {
			t.Error(f.Code, f)
		}
		if has, err := r.HasBlob(t.Context(), digestOf([]byte("none"))); has || err != nil {
			t.Error(has, err)
		}
		_, err = readBlob(r, digestOf([]byte("x")), 1)
		if e := As(err); e == nil || e.Kind != NotFound {
			t.Error(err)
		}
	},
}

// What steps do works with each registry.
func TestCompatible(t *testing.T) {
	for _, name := range registries {
		t.Run(name, func(t *testing.T) {
			s := startRegistry(t, name)
			login := base64.StdEncoding.EncodeToString([]byte("somebody:secret"))
			for action, run := range actions {
				t.Run(action, func(t *testing.T) {
					requests := &journal{}
					run(t, func(host, artifact string) *Repository {
						config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, login)
						r, _ := open(t, place(t, host, artifact), func(o *Options) {
							o.Secret = secret(t, "s", map[string]string{".dockerconfigjson": config})
							o.Explain = requests.log
						})
						return r
					}, s.host)
					if t.Failed() {
						t.Log(requests.all())
					}
				})
			}
		})
	}
}

// cutting is a proxy whose first connections break within a blob; cuts counts them.
func cutting(t *testing.T, host string) (at string, cuts *atomic.Int32) {
	t.Helper()
	cuts = &atomic.Int32{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	proxy.ModifyResponse = func(resp *http.Response) error {
		const most = 3
		if resp.StatusCode < 300 && resp.ContentLength > 1 && resp.Request.Method == http.MethodGet && cuts.Add(1) <= most {
			resp.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(resp.Body, resp.ContentLength/2), breaks{}), resp.Body}
		}
		return nil
	}
	server := httptest.NewUnstartedServer(proxy)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), cuts
}

type breaks struct{}

func (breaks) Read([]byte) (int, error) { return 0, errors.New("cut") }

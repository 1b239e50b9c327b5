package registry

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

type habit = func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool

// isPut tells the upload of a blob from that of a manifest.
func isBlobPut(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/")
}

func isManifestPut(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/")
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// bearer asks for a token that valid takes; each token is given once, as t1, t2, …
func bearer(f *fake, w http.ResponseWriter, r *http.Request, valid func(number int) bool) (done bool) {
	if strings.HasPrefix(r.URL.Path, "/token") {
		_, _ = fmt.Fprintf(w, `{"token": "t%d", "expires_in": 60}`, f.times("token"))
		return true
	}
	number, err := strconv.Atoi(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer t"))
	if err == nil && valid(number) {
		return false
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="`+f.URL+`/token",service="quirk",scope="repository:q/x:pull,push"`)
	refuse(w, 401, "UNAUTHORIZED", "token expired")
	return true
}

// Registries with the habits of others (art-08): a step's output is pushed, or its author reads why it is not.
func TestHabitsOfPush(t *testing.T) {
	for name, c := range map[string]struct {
		habit habit
		// want is in the message; empty: it is pushed. proof: it is refused before the program runs.
		want  []string
		proof bool
		code  int
		// puts is how often the large blob is sent; -1: any.
		puts int
	}{
		"quota (art-09)": {func(_ *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 {
				refuse(w, 403, "DENIED", "adding 1.3 MiB of storage resource, which when updated to current usage of 99.0 MiB will exceed the configured upper limit of 100.0 MiB.")
				return true
			}
			return false
		}, []string{"answered 403 DENIED: adding 1.3 MiB of storage resource", "upper limit of 100.0 MiB"}, false, 190, 1},
		"may not create packages (art-09)": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodPost {
				refuse(w, 403, "DENIED", "installation not allowed to Create organization package")
				return true
			}
			return false
		}, []string{"403 DENIED: installation not allowed to Create organization package"}, true, 182, 0},
		"no repository (art-10)": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodPost {
				refuse(w, 404, "NAME_UNKNOWN", "The repository with name 'q/x' does not exist in the registry with id '123456789012'")
				return true
			}
			return false
		}, []string{"404 NAME_UNKNOWN: The repository with name 'q/x' does not exist", "has to be made first"}, true, 182, 0},
		"no repository, no answer (art-10)": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodPost {
				hangUp(w)
				return true
			}
			return false
		}, []string{"closed the connection before its answer was whole; some registries do so when the repository has to be made first"}, true, 183, 0},
		"token expires in mid-upload (art-11)": {func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 && f.times("put") == 1 {
				return bearer(f, w, r, func(int) bool { return false })
			}
			return bearer(f, w, r, func(int) bool { return true })
		}, nil, false, 0, 2},
		"token expires twice": {func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 && f.times("put") <= 3 {
				return bearer(f, w, r, func(int) bool { return false })
			}
			return bearer(f, w, r, func(int) bool { return true })
		}, nil, false, 0, 4},
		"no token lives as long as an upload (art-11)": {func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 {
				return bearer(f, w, r, func(int) bool { return false })
			}
			return bearer(f, w, r, func(int) bool { return true })
		}, nil, false, 0, -1},
		"does not know Expect": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Header.Get("Expect") != "" {
				w.WriteHeader(http.StatusExpectationFailed)
				return true
			}
			return false
		}, nil, false, 0, -1},
		"session lost (GHCR)": {func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 && f.times("put") == 1 {
				refuse(w, 404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
				return true
			}
			return false
		}, nil, false, 0, 2},
		"sessions lost for ever": {func(_ *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 {
				refuse(w, 404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
				return true
			}
			return false
		}, []string{"the registry did not succeed within 1m; last: ", "404 BLOB_UPLOAD_UNKNOWN: blob upload unknown"}, false, 190, -1},
		"cut on the way": {func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 && f.times("put") == 1 {
				refuse(w, 400, "DIGEST_INVALID", "provided digest did not match uploaded content")
				return true
			}
			return false
		}, nil, false, 0, 2},
		"answer lost after the upload": {func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 && f.times("put") == 1 {
				f.mu.Lock()
				f.blobs[digestOf(body)] = body
				f.mu.Unlock()
				hangUp(w)
				return true
			}
			return false
		}, nil, false, 0, 1},
		"Harbor's immutable tags (art-13)": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if isManifestPut(r) {
				refuse(w, 412, "PRECONDITION", "Failed to process request due to 'q/x:v1' configured as immutable.")
				return true
			}
			return false
		}, []string{"412 PRECONDITION: Failed to process request due to 'q/x:v1' configured as immutable; tags cannot be replaced", "another tag"}, false, 190, 1},
		"Amazon's immutable tags (art-13)": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if isManifestPut(r) {
				refuse(w, 400, "ImageTagAlreadyExistsException", "The image tag 'v1' already exists in the 'q/x' repository and cannot be overwritten because the repository is immutable.")
				return true
			}
			return false
		}, []string{"400 ImageTagAlreadyExistsException: The image tag 'v1' already exists", "another tag"}, false, 190, 1},
		"immutable, but it was this push": {func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if !isManifestPut(r) {
				return false
			}
			if f.times("manifest") == 1 {
				f.mu.Lock()
				f.tags["v1"] = body
				f.mu.Unlock()
				hangUp(w)
			} else {
				refuse(w, 412, "PRECONDITION", "configured as immutable.")
			}
			return true
		}, nil, false, 0, 1},
		"rate (art-14)": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if isManifestPut(r) && f.times("rate") <= 3 {
				refuse(w, 429, "TOOMANYREQUESTS", "retry-after: 700ms, allowed: 44000/minute")
				return true
			}
			return false
		}, nil, false, 0, 1},
		"too large (art-15)": {func(_ *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 {
				refuse(w, 413, "TOOLARGE", "client intended to send too large body: request entity too large")
				return true
			}
			return false
		}, []string{"413 TOOLARGE: client intended to send too large body", "limits how large an upload may be"}, false, 190, 1},
		"too large, a web page": {func(_ *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(413)
				_, _ = w.Write([]byte("<html><h1>413</h1></html>"))
				return true
			}
			return false
		}, []string{"answered 413 Request Entity Too Large; "}, false, 190, 1},
		"5xx for a while": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if f.times("all") <= 4 {
				w.WriteHeader(503)
				return true
			}
			return false
		}, nil, false, 0, 1},
		"5xx for ever on the upload": {func(_ *fake, w http.ResponseWriter, r *http.Request, body []byte) bool {
			if isBlobPut(r) && len(body) > 100 {
				refuse(w, 500, "UNKNOWN", "no space left on device")
				return true
			}
			return false
		}, []string{"the registry did not succeed within 1m; last: the registry answered 500 UNKNOWN: no space left on device"}, false, 190, -1},
		"a blob vanishes before the manifest": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if isManifestPut(r) && f.times("manifest") == 1 {
				f.mu.Lock()
				clear(f.blobs)
				f.mu.Unlock()
				refuse(w, 404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
				return true
			}
			return false
		}, nil, false, 0, 2},
		"blobs vanish one after the other": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if isManifestPut(r) && f.times("manifest") <= 3 {
				f.mu.Lock()
				clear(f.blobs)
				f.mu.Unlock()
				refuse(w, 404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
				return true
			}
			return false
		}, nil, false, 0, 8},
		"blobs always vanish": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if isManifestPut(r) {
				refuse(w, 404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
				return true
			}
			return false
		}, []string{"404 MANIFEST_BLOB_UNKNOWN: blob unknown to registry"}, false, 190, -1},
		"uploads to another host": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodPost {
				w.Header().Set("Location", "http://evil.example/upload?token=abc")
				w.WriteHeader(202)
				return true
			}
			return false
		}, []string{"sends uploads to another host, evil.example"}, true, 182, 0},
		"no location": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodPost {
				w.WriteHeader(202)
				return true
			}
			return false
		}, []string{"did not say where to upload to"}, true, 182, 0},
		"uploads at another scheme and port (TLS ends before it)": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodPost {
				w.Header().Set("Location", "https://127.0.0.1:1"+r.URL.Path+"session?state=a%2Fb")
				w.WriteHeader(202)
				return true
			}
			return false
		}, nil, false, 0, 1},
		"may not be asked for blobs": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodHead {
				w.WriteHeader(403)
				return true
			}
			return false
		}, nil, false, 0, 1},
		"redirects HEAD to a store that refuses it": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.HasPrefix(r.URL.Path, "/store/") {
				w.WriteHeader(403)
				return true
			}
			if r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/blobs/") {
				http.Redirect(w, r, strings.Replace(f.URL, "127.0.0.1", "localhost", 1)+"/store/x?signature", http.StatusTemporaryRedirect)
				return true
			}
			return false
		}, nil, false, 0, 1},
		"stores something else": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if isManifestPut(r) {
				w.Header().Set("Docker-Content-Digest", digestOf([]byte("else")))
				w.WriteHeader(201)
				return true
			}
			return false
		}, []string{"stored " + digestOf([]byte("else")) + ", not the manifest"}, false, 190, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.habit)
			r, seen := open(t, place(t, f.host(), "q/x:v1"), func(o *Options) { o.Timeout = time.Minute })
			ctx := context.Background()
			codes, err := ProofCodes(), r.ProvePush(ctx)
			if !c.proof {
				if err != nil {
					t.Fatal("not proved: ", err)
				}
				blobs, manifest := artifact(noise(expectFrom))
				codes = PushCodes()
				_, err = r.PushArtifact(ctx, blobs, manifestType, manifest)
			}
			if len(c.want) == 0 {
				if err != nil {
					t.Fatal(err, seen.all())
				}
				if f.tags["v1"] == nil {
					t.Error("not pushed")
				}
			} else {
				failed := codes.Failure("push to q/x:v1", err)
				for _, part := range c.want {
					if !strings.Contains(failed.Message, part) {
						t.Errorf("%s\nwant %s", failed, part)
					}
				}
				if failed.Code != c.code {
					t.Error(failed.Code, failed)
				}
			}
			// The config is sent after the blob, once, where the blob arrives.
			if puts := f.requests("^PUT /v2/q/x/blobs/"); c.puts >= 0 && !c.proof && puts != c.puts && puts != c.puts+1 && puts != c.puts+2 {
				t.Errorf("%d uploads, want %d", puts, c.puts)
			}
		})
	}
}

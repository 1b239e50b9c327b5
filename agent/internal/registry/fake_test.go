package registry

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a registry in memory, with a hook that is asked before each answer.
type fake struct {
	*httptest.Server
	mu    sync.Mutex
	blobs map[string][]byte
	tags  map[string][]byte
	// partial is what came of one upload in pieces.
	partial []byte
	// seen are the requests: method, path, authorization.
	seen  []string
	count map[string]int
	// hook answers itself if it returns true.
	hook func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool
}

func newFake(t testing.TB, hook func(f *fake, w http.ResponseWriter, r *http.Request, body []byte) bool) *fake {
	f := &fake{blobs: map[string][]byte{}, tags: map[string][]byte{}, count: map[string]int{}, hook: hook}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) host() string {
	return strings.TrimPrefix(strings.TrimPrefix(f.URL, "http://"), "https://")
}

// times counts the calls for a key.
func (f *fake) times(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[key]++
	return f.count[key]
}

func (f *fake) requests(pattern string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, line := range f.seen {
		if regexp.MustCompile(pattern).MatchString(line) {
			n++
		}
	}
	return n
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.seen = append(f.seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
	f.mu.Unlock()
	if f.hook != nil && f.hook(f, w, r, body) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, rest, _ := strings.Cut(r.URL.Path, "/v2/")
	kind, name := "", ""
	for _, k := range []string{"/blobs/", "/manifests/"} {
		if _, after, ok := strings.Cut(rest, k); ok {
			kind, name = k, after
		}
	}
	switch {
	case r.Method == http.MethodPost && strings.HasPrefix(name, "uploads/"):
		w.Header().Set("Location", r.URL.Path+"session?state=a%2Fb")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPatch && strings.HasPrefix(name, "uploads/"):
		f.partial = append(f.partial, body...)
		w.Header().Set("Location", r.URL.Path+"?state=a%2Fb")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut && strings.HasPrefix(name, "uploads/"):
		digest := r.URL.Query().Get("digest")
		body, f.partial = append(f.partial, body...), nil
		if digestOf(body) != digest || r.URL.Query().Get("state") != "a/b" {
			refuse(w, 400, "DIGEST_INVALID", "digest")
			return
		}
		f.blobs[digest] = body
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case kind == "/blobs/" && f.blobs[name] != nil:
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.blobs[name]))
	case kind == "/manifests/" && r.Method == http.MethodPut:
		f.tags[name], f.tags[digestOf(body)] = body, body
		w.Header().Set("Docker-Content-Digest", digestOf(body))
		w.WriteHeader(http.StatusCreated)
	case kind == "/manifests/" && f.tags[name] != nil:
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", digestOf(f.tags[name]))
		_, _ = w.Write(f.tags[name])
	case strings.HasSuffix(rest, "/tags/list"):
		tags := []string{}
		for tag := range f.tags {
			if !strings.Contains(tag, ":") {
				tags = append(tags, tag)
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"tags": tags})
	case kind == "/blobs/":
		refuse(w, 404, "BLOB_UNKNOWN", "blob unknown to registry")
	default:
		refuse(w, 404, "MANIFEST_UNKNOWN", "manifest unknown")
	}
}

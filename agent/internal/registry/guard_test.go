package registry

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// tlsFake is a registry with TLS and the CA file that knows it.
func tlsFake(t *testing.T, handler http.HandlerFunc) (reference.Reference, string) {
	t.Helper()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	ref, err := reference.Parse(s.URL + "/q/x:v1")
	if err != nil {
		t.Fatal(err)
	}
	return ref, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// From TLS nothing leads to plain HTTP: no redirect, no token service.
func TestNoWayFromTLSToPlainHTTP(t *testing.T) {
	var asked atomic.Int32
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer plain.Close()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, plain.URL+"/x?secret-signature", http.StatusTemporaryRedirect)
		}, "redirects from TLS to plain HTTP at " + strings.TrimPrefix(plain.URL, "http://")},
		"token service": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+plain.URL+`/t?secret-signature",service="x"`)
			refuse(w, 401, "UNAUTHORIZED", "x")
		}, "names a token service that no login is shown to"},
		"no token service": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer service="x"`)
			refuse(w, 401, "UNAUTHORIZED", "x")
		}, "names a token service that no login is shown to"},
		"token service of metadata": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://169.254.169.254/t",service="x"`)
			refuse(w, 401, "UNAUTHORIZED", "x")
		}, "names a token service that no login is shown to"},
	} {
		ref, ca := tlsFake(t, c.handler)
		r, seen := open(t, ref, func(o *Options) {
			o.Secret = secret(t, ref.Host, map[string]string{"ca.crt": ca, "ORAS_USER": "me", "ORAS_PUSH_PASS": "right-secret"})
		})
		_, err := r.Manifest(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || seen.all() != "" || asked.Load() != 0 || strings.Contains(err.Error(), "signature") || leaks(err.Error()) {
			t.Errorf("%s: %v %s", name, err, seen.all())
		}
	}
}

// A blob that drips and then hangs (sec-04): given up when nothing has moved for a while, and told so.
func TestBlobThatNeverEnds(t *testing.T) {
	f := newFake(t, func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
		w.Header().Set("Content-Length", "5")
		_, _ = w.Write([]byte("hell"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	})
	r, seen := open(t, place(t, f.host(), "a:b"), func(o *Options) { o.Stall, o.Timeout = 100*time.Millisecond, time.Second })
	_, err := readBlob(r, digestOf([]byte("hello")), 5)
	if e := As(err); e == nil || e.Kind != Unavailable || !strings.Contains(e.Error(), "stalled") {
		t.Error(err, seen.all())
	}
	if len(seen.lines) != 1 {
		t.Error(seen.all())
	}
	// Closed while it hangs.
	b, err := r.OpenBlob(context.Background(), digestOf([]byte("hello")), 5)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Read(make([]byte, 10)); n != 4 || err != nil {
		t.Error(n, err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Read(make([]byte, 1)); err == nil {
		t.Error("read after the end")
	}
}

// Several goroutines use one repository, and find the right one of two logins together.
func TestConcurrentUse(t *testing.T) {
	s := htpasswd(t)
	r, _ := open(t, place(t, s.host, "a/b:v1"), func(o *Options) {
		o.Secret = secret(t, s.host, map[string]string{"config.json": fmt.Sprintf(`{"auths": {"%[1]s/a": {"username": "me", "password": "wrong-secret"},
			"%[1]s": {"username": "me", "password": "right-secret"}}}`, s.host)})
	})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			content := append(noise(100_000), byte(i))
			if err := r.PushBlob(context.Background(), blobOf(content)); err != nil {
				t.Error(err)
				return
			}
			if got, err := readBlob(r, digestOf(content), int64(len(content))); err != nil || !bytes.Equal(got, content) {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

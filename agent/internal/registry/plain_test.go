package registry

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
)

// A login is not shown over plain HTTP unless the caller allows that host; not to a token service there either.
func TestNoPasswordOverPlainHTTP(t *testing.T) {
	asked := false
	tokens := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = asked || r.Header.Get("Authorization") != "" || r.ContentLength > 0
	}))
	defer tokens.Close()
	for name, challenge := range map[string]string{"basic": `Basic realm="x"`, "token": `Bearer realm="` + tokens.URL + `/t",service="x"`} {
		for _, login := range []string{`"username": "me", "password": "right-secret"`, `"identitytoken": "right-secret"`, `"registrytoken": "right-secret"`} {
			f := newFake(t, func(_ *fake, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
				w.Header().Set("WWW-Authenticate", challenge)
				refuse(w, 401, "UNAUTHORIZED", "authentication required")
				return true
			})
			for _, allowed := range []string{"", f.host()} {
				r, _ := open(t, place(t, f.host(), "a:b"), func(o *Options) {
					o.Secret = secret(t, f.host(), map[string]string{"config.json": `{"auths": {"` + f.host() + `": {` + login + `}}}`})
					o.PlainLogin = func(host string) bool { return host == allowed }
				})
				err := r.ProvePush(context.Background())
				if err == nil || asked || leaks(err.Error()) {
					t.Errorf("%s: %v, shown to another host: %v", name, err, asked)
				}
				if allowed == "" && f.requests("(Basic|Bearer)") > 0 {
					t.Errorf("%s: it is shown", name)
				}
				want := "is not shown to " + f.host()
				if name == "token" && !strings.Contains(login, "registrytoken") {
					want = "is not shown to " + strings.TrimPrefix(tokens.URL, "http://")
				} else if name == "basic" && !strings.Contains(login, "password") {
					want = "the registry asks for a user and a password"
				} else if allowed != "" {
					want = "authentication required"
				}
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s, %s, allowed %q: %v; want %s", name, login, allowed, err, want)
				}
			}
		}
	}
}

// A proxy is another host, and reads what is not encrypted.
func TestNoPasswordThroughAProxyOverPlainHTTP(t *testing.T) {
	s := htpasswd(t)
	p := newProxy(t, s.host)
	at, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := open(t, place(t, "registry.corp.example", "a:b"), func(o *Options) {
		o.Proxy = http.ProxyURL(at)
		o.Secret = secret(t, "registry.corp.example", map[string]string{"ORAS_USER": "me", "ORAS_PUSH_PASS": "right-secret"})
	})
	f := ProofCodes().Failure("push", r.ProvePush(context.Background()))
	if f.Code != 185 || !strings.Contains(f.Message, "is not shown to the proxy "+at.Host+" over plain HTTP; add registry.corp.example to NO_PROXY") {
		t.Error(f.Code, f)
	}
}

// Blobs often lie in an object store, with a signature in the URL: it gets no login, and no message shows the signature.
func TestRedirect(t *testing.T) {
	content := []byte("content of the blob")
	broken := false
	var shown []string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.Header.Get("Authorization"), r.Header.Get("Cookie"))
		if broken {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`<Error><Code>AccessDenied</Code></Error>`))
			return
		}
		_, _ = w.Write(content)
	}))
	defer store.Close()
	f := newFake(t, func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			refuse(w, 401, "UNAUTHORIZED", "authentication required")
			return true
		}
		w.Header().Set("Location", store.URL+"/bucket/object?X-Amz-Signature=rs-secret-signature")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	})
	r, seen := open(t, place(t, f.host(), "a:b"), func(o *Options) {
		o.Use, o.Timeout = credentials.Pull, time.Minute
		o.Secret = secret(t, f.host(), map[string]string{"ORAS_USER": "me", "ORAS_PULL_PASS": "right-secret"})
	})
	if got, err := readBlob(r, digestOf(content), int64(len(content))); err != nil || !bytes.Equal(got, content) {
		t.Fatal(err)
	}
	broken = true
	_, err := readBlob(r, digestOf(content), int64(len(content)))
	text := fmt.Sprint(err, seen.all())
	if e := As(err); e == nil || e.Kind != Unavailable || strings.Contains(text, "signature") || !strings.Contains(text, "to which the registry redirects, answered 403 ") {
		t.Error(text)
	}
	store.Close()
	_, err = readBlob(r, digestOf(content), int64(len(content)))
	if text = fmt.Sprint(err, seen.all()); As(err) == nil || strings.Contains(text, "signature") {
		t.Error(text)
	}
	if strings.Join(shown, "") != "" {
		t.Error("shown to the store:", shown)
	}
}

package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// proxy is one that alone knows where registry.corp.example is. It asks for a login if asks is set.
type proxy struct {
	*httptest.Server
	used   atomic.Int32
	target string
	asks   bool
}

func newProxy(t *testing.T, target string) *proxy {
	p := &proxy{target: target}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.used.Add(1)
	if p.asks && r.Header.Get("Proxy-Authorization") == "" {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	conn, err := net.Dial("tcp", p.target)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if r.Method != http.MethodConnect {
		r.RequestURI = ""
		resp, err := (&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}).RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close(); _ = conn.Close() }()
		for key, values := range resp.Header {
			w.Header()[key] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		return
	}
	w.WriteHeader(http.StatusOK)
	client, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(conn, buffered); _ = conn.Close() })
	both.Go(func() { _, _ = io.Copy(client, conn); _ = client.Close() })
	both.Wait()
}

// art-48, lif-27, inj-22: a registry that is there behind a proxy alone.
func TestProxy(t *testing.T) {
	certFile, keyFile, ca, _, _ := certificate(t)
	secure := startServer(t, "REGISTRY_HTTP_TLS_CERTIFICATE="+certFile, "REGISTRY_HTTP_TLS_KEY="+keyFile)
	plain := startServer(t)
	for scheme, target := range map[string]string{"https": secure.host, "http": plain.host} {
		p := newProxy(t, target)
		at, err := url.Parse(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := reference.Parse(scheme + "://registry.corp.example/a/b:v1")
		if err != nil {
			t.Fatal(err)
		}
		r, _ := open(t, ref, func(o *Options) {
			o.Proxy = http.ProxyURL(at)
			o.Secret = secret(t, "registry.corp.example", map[string]string{"ca.crt": ca})
		})
		content := noise(2 << 20)
		blobs, manifest := artifact(content)
		if _, err := r.PushArtifact(context.Background(), blobs, manifestType, manifest); err != nil {
			t.Fatal(scheme, err)
		}
		if got, err := readBlob(r, digestOf(content), int64(len(content))); err != nil || !bytes.Equal(got, content) || p.used.Load() == 0 {
			t.Error(scheme, err)
		}
	}
	// What a proxy refuses.
	p := newProxy(t, secure.host)
	p.asks = true
	at, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	ref, _ := reference.Parse("https://registry.corp.example/a/b:v1")
	r, seen := open(t, ref, func(o *Options) { o.Proxy = http.ProxyURL(at) })
	f := ProofCodes().Failure("push", r.ProvePush(context.Background()))
	if f.Code != 185 || !strings.Contains(f.Message, "the proxy "+at.Host+" answered 407 Proxy Authentication Required; check HTTPS_PROXY") || seen.all() != "" {
		t.Error(f.Code, f, seen.all())
	}
	p.asks, p.target = false, freePort(t)
	r, _ = open(t, ref, func(o *Options) { o.Proxy, o.Timeout = http.ProxyURL(at), time.Second })
	if f = ProofCodes().Failure("push", r.ProvePush(context.Background())); f.Code != 183 || !strings.Contains(f.Message, "answered 502 Bad Gateway") {
		t.Error(f.Code, f)
	}
	r, seen = open(t, ref, func(o *Options) {
		text := fmt.Sprintf("http://me:right-secret@h:%s", "port")
		o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(text) }
	})
	if f = ProofCodes().Failure("push", r.ProvePush(context.Background())); f.Code != 185 || seen.all() != "" || leaks(f.Message) || !strings.Contains(f.Message, "is not the URL of a proxy") {
		t.Error(f.Code, f, seen.all())
	}
	// The certificate of one name under another.
	p.target = secure.host
	other, _ := reference.Parse("https://other.corp.example/a/b:v1")
	r, _ = open(t, other, func(o *Options) {
		o.Proxy, o.Secret = http.ProxyURL(at), secret(t, "x", map[string]string{"ca.crt": ca})
	})
	if f = ProofCodes().Failure("push", r.ProvePush(context.Background())); f.Code != 185 || !strings.Contains(f.Message, "the certificate of other.corp.example is not accepted: ") {
		t.Error(f.Code, f)
	}
}

// The variables are read once in a process, so this one is run again with them.
func TestProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv("TEST_PROXY_CHILD") != "" {
		ref, err := reference.Parse("http://registry.corp.example/a/b:v1")
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(ref, Options{Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.ProvePush(context.Background()); err != nil {
			t.Fatal(err)
		}
		return
	}
	s := startServer(t)
	for _, variable := range []string{"HTTP_PROXY", "http_proxy"} {
		p := newProxy(t, s.host)
		child := exec.Command(os.Args[0], "-test.run", "^TestProxyOfTheEnvironment$")
		child.Env = append(os.Environ(), "TEST_PROXY_CHILD=1", variable+"="+p.URL, "NO_PROXY=other.example,10.0.0.0/8")
		if out, err := child.CombinedOutput(); err != nil || p.used.Load() == 0 {
			t.Errorf("%s: %v %s", variable, err, out)
		}
	}
}

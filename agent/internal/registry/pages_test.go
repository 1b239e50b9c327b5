package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// rowsOf are the first columns of the table "When it fails" of a how-to page.
func rowsOf(t *testing.T, page string) string {
	t.Helper()
	content, err := os.ReadFile("../../../docs/how-to/" + page + ".md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(content), "## When it fails")
	if !found {
		t.Fatal(page, " has no such table")
	}
	var rows strings.Builder
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			fmt.Fprintln(&rows, cells[1])
		}
	}
	return rows.String()
}

// What people look for in a page is what they have read in a Pod.
func TestPagesHaveTheWordsOfFailures(t *testing.T) {
	certFile, keyFile, ca, _, _ := certificate(t)
	secure := startServer(t, "REGISTRY_HTTP_TLS_CERTIFICATE="+certFile, "REGISTRY_HTTP_TLS_KEY="+keyFile)
	const host = "registry.corp.example"
	through := func(status int) func(*Options) {
		p := newProxy(t, secure.host)
		if status != 0 {
			p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		}
		return proxied(t, p.URL)
	}
	trusts := func(ca string, change func(*Options)) func(*Options) {
		return func(o *Options) {
			change(o)
			o.Secret = secret(t, host, map[string]string{"ca.crt": ca})
		}
	}
	for name, c := range map[string]struct {
		at     string
		change func(*Options)
		code   int
		words  string
		pages  []string
	}{
		"a CA that is not known": {
			host, through(0), 185, "is signed by a CA that is not known here", []string{"private-ca", "remote-registry", "proxies"},
		},
		"another name": {"other.corp.example", trusts(ca, through(0)), 185, "certificate is valid for", []string{"private-ca"}},
		"a ca.crt that is none": {
			host, trusts("none", through(0)), 185, "the Secret's key ca.crt holds no certificate in PEM", []string{"private-ca"},
		},
		"a proxy that does not answer": {
			host, proxied(t, "http://"+freePort(t)), 183, "refuses connections", []string{"proxies"},
		},
		"a proxy that refuses the host": {host, through(403), 185, "answered 403", []string{"proxies"}},
		"a proxy with a password":       {host, through(407), 185, "answered 407", []string{"proxies"}},
		// It does not know the hosts of the network that it leads out of.
		"a proxy that does not reach the host": {
			host, proxied(t, newProxy(t, freePort(t)).URL), 183, "answered 502", []string{"proxies"},
		},
		"a proxy that gets no answer of the host": {host, through(504), 183, "answered 504", []string{"proxies"}},
		"packets that are dropped": {
			dropping(t), func(o *Options) { o.Connect = 100 * time.Millisecond }, 183, "did not answer within",
			[]string{"remote-registry", "resources"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := reference.Parse("https://" + c.at + "/a/b:v1")
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Log: func(string) {}, clock: virtual(), Timeout: time.Second}
			c.change(&o)
			r, err := Open(ref, o)
			if err == nil {
				t.Cleanup(r.Close)
				_, err = r.Manifest(context.Background())
			}
			f := InputCodes().Failure("pull", err)
			if f.Code != c.code || !strings.Contains(f.Message, c.words) {
				t.Error(f.Code, f.Message)
			}
			for _, page := range c.pages {
				if rows := rowsOf(t, page); !strings.Contains(rows, "`"+c.words+"`") || !strings.Contains(rows, fmt.Sprint(c.code)) {
					t.Errorf("docs/how-to/%s.md has no row with %q and %d:\n%s", page, c.words, c.code, rows)
				}
			}
		})
	}
}

// dropping is an address where packets are dropped, as a NetworkPolicy does: the kernel drops those of a listener that
// takes no connection, once as many wait as its backlog and one more.
func dropping(t *testing.T) string {
	t.Helper()
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(s) })
	if err := syscall.Bind(s, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(s, 0); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(s)
	if err != nil {
		t.Fatal(err)
	}
	host := fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
	for range 100 {
		conn, err := net.DialTimeout("tcp", host, 500*time.Millisecond)
		if err != nil {
			return host
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the kernel takes every connection")
	return ""
}

func proxied(t *testing.T, address string) func(*Options) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Proxy = http.ProxyURL(at) }
}

// What a registry says before the program runs, where the output is to go.
func TestPagesHaveTheWordsOfRefusedOutputs(t *testing.T) {
	for status, body := range map[int]string{
		401: `{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}`,
		403: `{"errors":[{"code":"DENIED","message":"not here"}]}`,
		404: `{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}`,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			t.Cleanup(s.Close)
			r, _ := open(t, place(t, strings.TrimPrefix(s.URL, "http://"), "a/b:v1"), nil)
			f := ProofCodes().Failure("push", r.ProvePush(context.Background()))
			if f.Code != 182 || !strings.Contains(f.Message, fmt.Sprint(status)) {
				t.Error(f.Code, f.Message)
			}
			for line := range strings.Lines(rowsOf(t, "remote-registry")) {
				if strings.Contains(line, fmt.Sprintf("`%d`", status)) && strings.Contains(line, "182") {
					return
				}
			}
			t.Error("no row has both: ", rowsOf(t, "remote-registry"))
		})
	}
}

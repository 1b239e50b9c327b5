package registry

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const most = 100

// web is a server over TLS that answers each request with the next of its steps, and the last for ever.
type web struct {
	*httptest.Server
	asked atomic.Int32
	steps []http.HandlerFunc
}

func newWeb(t *testing.T, steps ...http.HandlerFunc) *web {
	w := &web{steps: steps}
	w.Server = httptest.NewTLSServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		n := int(w.asked.Add(1))
		w.steps[min(n, len(w.steps))-1](to, r)
	}))
	w.Config.ErrorLog = nil
	t.Cleanup(w.Close)
	return w
}

func (w *web) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Certificate().Raw})
}

func says(status int, text string) http.HandlerFunc {
	return func(to http.ResponseWriter, _ *http.Request) {
		to.WriteHeader(status)
		_, _ = to.Write([]byte(text))
	}
}

func sends(location string) http.HandlerFunc {
	return func(to http.ResponseWriter, r *http.Request) { http.Redirect(to, r, location, http.StatusFound) }
}

// cut promises more than it sends.
func cut10(to http.ResponseWriter, _ *http.Request) {
	to.Header().Set("Content-Length", "10")
	_, _ = to.Write([]byte("abc"))
}

func fetchOptions() (Options, *journal) {
	seen := &journal{}
	return Options{
		Log: seen.log, Explain: seen.log, clock: virtual(), Timeout: 2 * time.Minute,
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
	}, seen
}

func TestFetch(t *testing.T) {
	plain := httptest.NewServer(says(200, "from http"))
	t.Cleanup(plain.Close)
	for name, c := range map[string]struct {
		steps []http.HandlerFunc
		asked int
		want  string
		fails string
	}{
		"is there":                  {[]http.HandlerFunc{says(200, "script")}, 1, "script", ""},
		"is elsewhere":              {[]http.HandlerFunc{sends("/there?token=s3cret"), says(200, "script")}, 2, "script", ""},
		"passes":                    {[]http.HandlerFunc{says(503, "wait"), says(429, ""), cut10, says(200, "script")}, 4, "script", ""},
		"as long as may be":         {[]http.HandlerFunc{says(200, strings.Repeat("x", most))}, 1, strings.Repeat("x", most), ""},
		"too long":                  {[]http.HandlerFunc{says(200, strings.Repeat("x", most+1))}, 1, "", "longer than the 100 bytes"},
		"is not there":              {[]http.HandlerFunc{says(404, "404: Not Found")}, 1, "", "answered 404 404: Not Found"},
		"may not be read":           {[]http.HandlerFunc{says(403, "")}, 1, "", "answered 403 Forbidden"},
		"is behind plain HTTP":      {[]http.HandlerFunc{sends(plain.URL + "/?token=s3cret")}, 1, "", "without TLS; only https:// is followed"},
		"redirects for ever":        {[]http.HandlerFunc{sends("/again?token=s3cret")}, 6, "", "redirects more than 5 times"},
		"is not there for too long": {[]http.HandlerFunc{says(503, "wait")}, 0, "", "did not succeed within 2m; last: "},
	} {
		t.Run(name, func(t *testing.T) {
			server := newWeb(t, c.steps...)
			o, seen := fetchOptions()
			got, err := Fetch(t.Context(), server.URL+"/x.sh?token=s3cret", server.ca(), most, o)
			if c.fails == "" && (err != nil || string(got) != c.want) {
				t.Errorf("got %q, %v", got, err)
			}
			if c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("fails with %v", err)
			}
			if asked := int(server.asked.Load()); c.asked > 0 && asked != c.asked {
				t.Errorf("asked %d times, want %d", asked, c.asked)
			}
			if lines := seen.all(); strings.Contains(lines, "s3cret") || !strings.Contains(lines, "GET "+server.URL+"/x.sh: ") {
				t.Errorf("told\n%s", lines)
			}
		})
	}
}

func TestFetchKnowsWhomToTrust(t *testing.T) {
	server := newWeb(t, says(200, "script"))
	o, _ := fetchOptions()
	_, err := Fetch(t.Context(), server.URL, nil, most, o)
	if err == nil || !strings.Contains(err.Error(), "a CA that is not known here; put the certificate of the CA under the key ca.crt") {
		t.Errorf("of an unknown CA: %v", err)
	}
	if _, err := Fetch(t.Context(), server.URL, []byte("no certificate"), most, o); err == nil || !strings.Contains(err.Error(), "no certificate in PEM") {
		t.Errorf("with a broken CA: %v", err)
	}
	for _, address := range []string{"http://example.com/x?s3cret", "https:///x", "file:///etc/passwd", "x", "%"} {
		if _, err := Fetch(t.Context(), address, nil, most, o); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	plain := httptest.NewServer(says(200, "x"))
	t.Cleanup(plain.Close)
	_, err = Fetch(t.Context(), strings.Replace(plain.URL, "http:", "https:", 1), nil, most, o)
	if err == nil || !strings.HasSuffix(err.Error(), "does not speak TLS") {
		t.Errorf("without TLS: %v", err)
	}
}

func TestFetchGoesThroughAProxy(t *testing.T) {
	server := newWeb(t, says(200, "script"))
	through := newProxy(t, server.Listener.Addr().String())
	o, _ := fetchOptions()
	address, _ := url.Parse(through.URL)
	o.Proxy = http.ProxyURL(address)
	// The test server's certificate has this name.
	got, err := Fetch(t.Context(), "https://example.com/x", server.ca(), most, o)
	if err != nil || string(got) != "script" || through.used.Load() != 1 {
		t.Errorf("got %q, %v, by the proxy %d times", got, err, through.used.Load())
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	asked, stop := make(chan bool, 1), make(chan bool)
	server := newWeb(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- true
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	})
	defer close(stop)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	go func() { <-asked; cancel(stopped) }()
	o, _ := fetchOptions()
	if _, err := Fetch(ctx, server.URL, server.ca(), most, o); !errors.Is(err, stopped) {
		t.Errorf("ended with %v", err)
	}
}

package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// newTransport makes connections that give up when no byte moves. Beside the system's CAs it trusts those in pem.
func newTransport(o Options, pem []byte) (*http.Transport, error) {
	roots, err := rootCAs(pem)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: o.Connect, KeepAlive: 15 * time.Second}
	// HTTP/1.1 alone: a request has its connection to itself, so that a stalled one is seen, and a file goes from disk to
	// socket without passing through the program (sendfile).
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: o.Proxy,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			watched := &stallConn{Conn: conn, stall: o.Stall}
			watched.moved()
			return watched, nil
		},
		Protocols:              &protocols,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    o.Connect,
		OnProxyConnectResponse: checkProxy,
		// Digests are of what is sent, not of what it is unpacked to.
		DisableCompression:     true,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    4,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         32 << 10,
	}, nil
}

// rootCAs are the system's and those of the author. Nil: the system's.
func rootCAs(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // An image without any.
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, local(nil, "the Secret's key ca.crt holds no certificate in PEM")
	}
	return pool, nil
}

func checkProxy(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return proxyError{status: resp.StatusCode, text: fmt.Sprintf("the proxy %s answered %d %s", proxy.Host, resp.StatusCode, http.StatusText(resp.StatusCode))}
}

// stallConn breaks off when no byte has moved in either direction for as long as stall. An idle connection that is kept
// for the next request is closed by it too, which does no harm.
type stallConn struct {
	net.Conn
	stall time.Duration
	// stalled: it was broken off, whatever a call says that comes later.
	stalled atomic.Bool
}

// chunk in bytes: what is written at once has to move within the stall time.
const chunk = 256 << 10

func (c *stallConn) moved() { _ = c.SetDeadline(time.Now().Add(c.stall)) } // Of a closed connection; the next call fails.

func (c *stallConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.moved()
	}
	return n, c.explain(err)
}

// explain gives the side that writes the reason for which the other has closed the connection.
func (c *stallConn) explain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.stalled.Store(true)
	case err != nil && c.stalled.Load():
		return fmt.Errorf("%w: %w", os.ErrDeadlineExceeded, err)
	}
	return err
}

func (c *stallConn) Write(p []byte) (int, error) {
	written := 0
	for {
		n, err := c.Conn.Write(p[written:min(len(p), written+chunk)])
		written += n
		c.moved()
		if err != nil || written == len(p) {
			return written, c.explain(err)
		}
	}
}

// ReadFrom lets the kernel copy files to the socket: net/http passes the file in a LimitedReader.
func (c *stallConn) ReadFrom(r io.Reader) (int64, error) {
	to, ok := c.Conn.(io.ReaderFrom)
	limited, bounded := r.(*io.LimitedReader)
	if !ok || !bounded {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	total := int64(0)
	for limited.N > 0 {
		part := &io.LimitedReader{R: limited.R, N: min(limited.N, chunk)}
		n, err := to.ReadFrom(part)
		total += n
		limited.N -= n
		c.moved()
		if err != nil || part.N > 0 {
			return total, c.explain(err)
		}
	}
	return total, nil
}

const maxRedirects = 5

// checkRedirect follows what blobs need: an object store, over TLS if the registry is. Nothing is written to another host.
func checkRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer") // It may hold a signature.
	first := via[0]
	switch {
	case len(via) > maxRedirects:
		return redirectError{fmt.Sprintf("the registry redirects more than %d times", maxRedirects)}
	case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https":
		return redirectError{fmt.Sprintf("the registry redirects from TLS to plain HTTP at %s", Clean(req.URL.Host, 100))}
	case first.Method != http.MethodGet && first.Method != http.MethodHead && req.URL.Host != first.URL.Host:
		return redirectError{fmt.Sprintf("the registry redirects a %s to another host, %s", first.Method, Clean(req.URL.Host, 100))}
	}
	return nil
}

// explained tells every request, also those of redirects and to token services.
type explained struct {
	base http.RoundTripper
	o    Options
}

// RoundTrip makes the request.
func (e explained) RoundTrip(req *http.Request) (*http.Response, error) {
	began := e.o.clock.now()
	resp, err := e.base.RoundTrip(req)
	took := e.o.clock.now().Sub(began).Round(time.Millisecond)
	what := req.Method + " " + Clean(req.URL.String(), 500)
	if err != nil {
		e.o.Explain(fmt.Sprintf("%s: %s, after %s", what, fromNetwork(err, req.URL.Host).Reason, took))
		return resp, err
	}
	e.o.Explain(fmt.Sprintf("%s: %d, after %s", what, resp.StatusCode, took))
	return resp, nil
}

// guard stands below the auth client and sees each request as it goes out.
type guard struct {
	base http.RoundTripper
	// secrets says whether there is a login at all; tokens for nobody may go anywhere.
	secrets    func() bool
	plainLogin func(host string) bool
	proxy      func(*http.Request) (*url.URL, error)
	now        func() time.Time
}

// RoundTrip refuses to show logins over plain HTTP, and keeps what was answered to a refused request: the auth client
// drops the registry's own words when it finds no login.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.check(req); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := g.base.RoundTrip(req)
	if err == nil && resp.StatusCode >= 400 {
		said := readRefusal(resp, g.now())
		if last, ok := req.Context().Value(lastRefusal{}).(*refusal); ok && resp.StatusCode == http.StatusUnauthorized {
			*last = said
		}
	}
	return resp, err
}

// check refuses to show a login in plain HTTP to who may not have it. A proxy is another host, and sees all of it.
func (g *guard) check(req *http.Request) error {
	proxy, err := g.proxy(req)
	if err != nil {
		return local(err, "HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy")
	}
	if req.URL.Scheme != "http" || !showsLogin(req) || !g.secrets() {
		return nil
	}
	if !g.plainLogin(req.URL.Host) {
		return plainLoginError{host: Clean(req.URL.Host, 100)}
	}
	if proxy != nil {
		return plainLoginError{host: "the proxy " + Clean(proxy.Host, 100), proxied: Clean(req.URL.Host, 100)}
	}
	return nil
}

// lastRefusal is the context's key of the last 401.
type lastRefusal struct{}

// showsLogin: a header, or the form that is sent to token servers.
func showsLogin(req *http.Request) bool {
	form := strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	return req.Header.Get("Authorization") != "" || form
}

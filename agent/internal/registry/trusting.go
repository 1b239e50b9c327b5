package registry

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"sync"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// trusting makes connections. The CA of the step's own cache may come later than the step, and change while it runs: then
// they are made anew.
type trusting struct {
	o   Options
	own bool

	mu        sync.Mutex
	transport *http.Transport
	// ca is that of the step's own cache, where this is its registry and serves TLS; storage that of the object storage to
	// which it redirects.
	ca, storage []byte
}

func trustingFor(ref reference.Reference, o Options) (*trusting, error) {
	t := &trusting{o: o, own: o.Cache.Has(ref.Host)}
	if !t.own {
		var err error
		t.transport, err = newTransport(o, o.Secret.CA())
		return t, err
	}
	return t, t.look()
}

// lineBreak parts PEM of several files, each of which may end without one.
var lineBreak = []byte("\n")

// look takes over the CAs as they are by now.
func (t *trusting) look() error {
	ca, err := t.o.Cache.CA()
	if err != nil {
		return local(err, "%s", Clean(err.Error(), maxReason))
	}
	storage, err := t.o.Cache.StorageCA()
	if err != nil {
		return local(err, "%s", Clean(err.Error(), maxReason))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.transport != nil && bytes.Equal(ca, t.ca) && bytes.Equal(storage, t.storage) {
		return nil
	}
	trusted := bytes.Join([][]byte{t.o.Secret.CA(), ca}, lineBreak)
	// One that holds no certificate is no reason to speak to nobody: the registry has its own, and may serve all by itself.
	if x509.NewCertPool().AppendCertsFromPEM(storage) {
		trusted = bytes.Join([][]byte{trusted, storage}, lineBreak)
	}
	transport, err := newTransport(t.o, bytes.TrimSpace(trusted))
	if err != nil {
		return err
	}
	if t.transport != nil {
		t.transport.CloseIdleConnections()
	}
	t.transport, t.ca, t.storage = transport, ca, storage
	return nil
}

// overTLS says whether the step's own cache serves TLS, as far as is known.
func (t *trusting) overTLS() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.ca) > 0
}

// RoundTrip makes the request.
func (t *trusting) RoundTrip(req *http.Request) (*http.Response, error) {
	t.mu.Lock()
	transport := t.transport
	t.mu.Unlock()
	return transport.RoundTrip(req)
}

// CloseIdleConnections ends connections that are kept for further requests.
func (t *trusting) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.transport.CloseIdleConnections()
}

// trustAgain makes a failure one that may pass: TLS of the step's own cache is switched on, or its certificate is
// renewed, and a minute later the kubelet shows its CA. No login was shown: the handshake, or the first request without
// one, failed.
func (r *Repository) trustAgain(found *Error) error {
	if err := r.transport.look(); err != nil {
		return err
	}
	e := *found
	e.Kind, e.passes = Unavailable, true
	e.Hint = "what is wrong with it stands in kubectl describe orascache"
	return &e
}

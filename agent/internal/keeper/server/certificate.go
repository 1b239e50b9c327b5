package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
)

// Certificate is that of a registry which serves TLS. It reads it when it starts, and has to be started again where it
// shows another one than its file has: only then, so the keeper needs no memory.
type Certificate struct {
	Files *serving.Files
	// Registry is where the registry listens.
	Registry string
}

// Shown is what the keeper itself shows: a certificate of the CAs that the operator knows, whatever the registry's is.
func (c *Certificate) Shown() (*tls.Certificate, error) { return c.Files.Issuer.Current(time.Now()) }

// asks is how long the registry is asked, less than a kubelet waits for an answer of the keeper.
const asks = 2 * time.Second

var errStale = errors.New("the certificate has changed; the registry reads it when it starts")

// Check asks the registry for its certificate. The error says why it has to be started again. Nil: without TLS.
func (c *Certificate) Check(ctx context.Context) error {
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, asks)
	defer cancel()
	// Which certificate it is, is the question.
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", c.Registry)
	if err != nil {
		return err
	}
	defer conn.Close()
	is, err := c.Files.Load()
	if err != nil {
		return nil // With what cannot be used the registry would not start.
	}
	shown := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(shown) > 0 && !bytes.Equal(shown[0].Raw, is.Certificate[0]) {
		return errStale
	}
	return nil
}

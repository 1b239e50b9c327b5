package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"path/filepath"
	"time"
)

// Certificate is that of a registry, which reads it when it starts and never again.
type Certificate struct {
	// Folder is that of its Secret.
	Folder string
	// Registry is where the registry listens.
	Registry string
}

// Load loads it as it is by now. The kubelet replaces all files of a Secret at once, but not between two reads of ours:
// then they do not fit together.
func (c *Certificate) Load() (*tls.Certificate, error) {
	found, err := tls.LoadX509KeyPair(filepath.Join(c.Folder, "tls.crt"), filepath.Join(c.Folder, "tls.key"))
	return &found, err
}

const asks = 2 * time.Second

// Stale says whether the registry shows another certificate than it would after a start. One that cannot be used would
// only end it, and a registry that does not answer is not helped.
func (c *Certificate) Stale(ctx context.Context) bool {
	if c == nil {
		return false
	}
	is, err := c.Load()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, asks)
	defer cancel()
	// Which certificate it is, is the question.
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", c.Registry)
	if err != nil {
		return false
	}
	defer conn.Close()
	shown := conn.(*tls.Conn).ConnectionState().PeerCertificates
	return len(shown) > 0 && !bytes.Equal(shown[0].Raw, is.Certificate[0])
}

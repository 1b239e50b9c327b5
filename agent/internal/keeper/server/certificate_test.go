package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving/servingtest"
)

const secret = access.Key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

func newFiles(t *testing.T) *serving.Files {
	t.Helper()
	files := &serving.Files{Path: filepath.Join(t.TempDir(), "tls.pem"), Issuer: &serving.Issuer{Seeds: secret, Names: []string{"registry"}}}
	if _, err := files.Refresh(time.Now()); err != nil {
		t.Fatal(err)
	}
	return files
}

// startRegistry starts a server that shows the certificate of a file as it is now, as a registry does.
func startRegistry(t *testing.T, files *serving.Files) string {
	t.Helper()
	pair, err := files.Load()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*pair}})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

func TestARegistryWithAnOldCertificateIsNotLive(t *testing.T) {
	files := newFiles(t)
	certificate := &Certificate{Files: files, Registry: startRegistry(t, files)}
	if err := certificate.Check(t.Context()); err != nil {
		t.Error(err)
	}
	due := time.Now().Add(61 * 24 * time.Hour)
	if _, err := files.Refresh(due); err != nil {
		t.Fatal(err)
	}
	// Also for who asks again, or was started meanwhile.
	for range 2 {
		if err := certificate.Check(t.Context()); err != errStale {
			t.Error(err)
		}
	}
	started := &Certificate{Files: files, Registry: startRegistry(t, files)}
	if err := started.Check(t.Context()); err != nil {
		t.Error("after its start:", err)
	}
	if err := (&Certificate{Files: files, Registry: "127.0.0.1:1"}).Check(t.Context()); err == nil {
		t.Error("live where nobody listens")
	}
	if err := (*Certificate)(nil).Check(t.Context()); err != nil {
		t.Error("without TLS:", err)
	}
}

func TestTheKeeperShowsACertificateThatTheOperatorKnows(t *testing.T) {
	files := newFiles(t)
	// That of the author may be of any CA.
	files.Secret = t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Listening{Listener: listener, Handler: http.NotFoundHandler(), Certificate: &Certificate{Files: files}})
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(servingtest.CA(t, secret, time.Now()))
	for _, name := range []string{"registry", "localhost", "127.0.0.1"} {
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
		if err != nil {
			t.Error(name, err)
			continue
		}
		_ = conn.Close()
	}
}

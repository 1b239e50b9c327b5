package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// write makes a certificate and writes it as the kubelet does a Secret.
func write(t *testing.T, folder string, number int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(number), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"registry"}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: certificate}, "tls.key": {Type: "EC PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// startTLS listens with the certificate of a folder, as it is now or at each connection.
func startTLS(t *testing.T, folder string, always bool) (*Certificate, string) {
	t.Helper()
	c := &Certificate{Folder: folder}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Registry = listener.Addr().String()
	shown := c
	if !always {
		copied := t.TempDir()
		for _, name := range []string{"tls.crt", "tls.key"} {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(copied, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		shown = &Certificate{Folder: copied}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Listening{Listener: listener, Handler: http.NotFoundHandler(), Certificate: shown})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c, c.Registry
}

func TestARegistryWithAnOldCertificateIsNotLive(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, 1)
	registry, _ := startTLS(t, folder, false)
	if registry.Stale(t.Context()) {
		t.Error("stale from the beginning")
	}
	write(t, folder, 2)
	// Also for who asks again, or was started meanwhile.
	for range 2 {
		if !registry.Stale(t.Context()) {
			t.Error("not stale")
		}
	}
	// With what cannot be used, the registry would not start.
	if err := os.WriteFile(filepath.Join(folder, "tls.key"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if registry.Stale(t.Context()) {
		t.Error("stale with a certificate that cannot be used")
	}
	write(t, folder, 3)
	started, _ := startTLS(t, folder, false)
	if started.Stale(t.Context()) {
		t.Error("stale after its start")
	}
	if nobody := (&Certificate{Folder: folder, Registry: "127.0.0.1:1"}); nobody.Stale(t.Context()) {
		t.Error("stale where nobody listens")
	}
	var none *Certificate
	if none.Stale(t.Context()) {
		t.Error("stale without TLS")
	}
}

func TestTheKeeperShowsTheCertificateAsItIs(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, 1)
	_, address := startTLS(t, folder, true)
	for _, number := range []int64{1, 2} {
		write(t, folder, number)
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != number {
			t.Errorf("certificate %d, want %d", got, number)
		}
		_ = conn.Close()
	}
}

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// startTLSS3 starts a real server of S3 whose certificate a private CA has signed. It returns its URL and the CA.
func startTLSS3(t *testing.T) (endpoint string, ca []byte) {
	t.Helper()
	folder := t.TempDir()
	ca, certificate, key := privateCertificate(t)
	must(t, os.WriteFile(filepath.Join(folder, "tls.crt"), certificate, 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "tls.key"), key, 0o600))
	host, _ := testprogram.StartS3(t, "--cert", filepath.Join(folder, "tls.crt"), "--key", filepath.Join(folder, "tls.key"))
	return "https://" + host, ca
}

func privateCertificate(t *testing.T) (ca, certificate, key []byte) {
	t.Helper()
	own := func() *ecdsa.PrivateKey {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		return made
	}
	text := func(kind string, der []byte, err error) []byte {
		must(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	now := time.Now()
	signer, server := own(), own()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "object storage"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, signer.Public(), signer)
	ca = text("CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, leaf, root, server.Public(), signer)
	certificate = text("CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(server)
	return ca, certificate, text("PRIVATE KEY", der, err)
}

// startRedirecting starts a registry as the operator makes it for spec.storage.s3.redirect, and an object storage. It
// returns the CA of that.
func startRedirecting(t *testing.T) (host string, ca []byte) {
	t.Helper()
	endpoint, ca := startTLSS3(t)
	trusted := t.TempDir()
	must(t, os.WriteFile(filepath.Join(trusted, "ca.crt"), ca, 0o600))
	host, _ = startRegistryIn(t, t.TempDir(),
		"REGISTRY_STORAGE=s3", "REGISTRY_STORAGE_S3_REGIONENDPOINT="+endpoint, "REGISTRY_STORAGE_S3_BUCKET=artifacts",
		"REGISTRY_STORAGE_S3_REGION=us-east-1", "REGISTRY_STORAGE_S3_FORCEPATHSTYLE=true", "REGISTRY_STORAGE_REDIRECT_DISABLE=false",
		"AWS_ACCESS_KEY_ID="+testprogram.S3AccessKey, "AWS_SECRET_ACCESS_KEY="+testprogram.S3SecretKey, "AWS_CA_BUNDLE=", "SSL_CERT_DIR="+trusted)
	return host, ca
}

func TestARegistryThatRedirectsToAPrivateCA(t *testing.T) {
	host, ca := startRedirecting(t)
	folder, cache := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "f"), []byte("from the bucket"), 0o600))
	mustStock(t, folder, "push", "--plain-http", host+"/a:1", "f")

	options := []string{"--cache-credentials=" + cache, "--plain-login-host=" + host}
	refused := newPod(t, "")
	refused.pullOptions = append(options, "--timeout=5")
	refused.cannotBring(contract.ExitRegistryUnavailable, "is signed by a CA that is not known here", "http://"+host+"/a:1")

	// The kubelet shows an optional Secret a minute after it was made: a step that runs takes it over.
	step := newPod(t, "")
	step.pullOptions, step.inputs = options, []string{"http://" + host + "/a:1"}
	pull := step.preparedPull()
	pull.launch()
	until(t, "the step to wait", func() bool { return strings.Contains(pull.stderr.String(), "trying again") })
	show(t, cache, "storage-ca.crt", ca)
	wants(t, pull, 0, "")

	// What holds no certificate keeps nobody from a registry, which may send the data itself.
	must(t, os.WriteFile(filepath.Join(cache, "storage-ca.crt"), []byte("no certificate"), 0o600))
	sends := startRegistry(t)
	mustStock(t, folder, "push", "--plain-http", sends+"/a:1", "f")
	other := newPod(t, "")
	other.pullOptions = []string{"--cache-credentials=" + cache, "--plain-login-host=" + sends}
	if code, message, log := other.brings("http://" + sends + "/a:1"); code != 0 {
		t.Error(code, message, log)
	}
}

func TestAScriptTrustsWhereItsRegistryRedirectsTo(t *testing.T) {
	host, ca := startRedirecting(t)
	p := newSidecarScript(t, pushesAndPulls)
	p.withCache(host)
	must(t, os.WriteFile(filepath.Join(p.cache, "storage-ca.crt"), ca, 0o600))
	wants(t, p.install(), 0, "")
	if said, err := p.runs(host + "/a:1"); err == nil {
		t.Error("trusted without SSL_CERT_DIR:", said)
	}
	t.Setenv("SSL_CERT_DIR", p.login)
	if said, err := p.runs(host + "/a:1"); err != nil || !strings.HasSuffix(said, "bread\n") {
		t.Error(said, err)
	}
}

package registry

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// server is the real registry as a process.
type server struct {
	t    testing.TB
	host string
	env  []string
	// argv is another program than the registry that the cluster has.
	argv    []string
	command *exec.Cmd
	ended   chan struct{}
	// users is the htpasswd file of one that asks for a password.
	users string
}

// freePort returns the address of a loopback port that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	return testprogram.FreeAddress(t)
}

// newServer prepares a registry; start starts it.
func newServer(t testing.TB, env ...string) *server {
	t.Helper()
	host := freePort(t)
	s := &server{t: t, host: host, env: append([]string{
		"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=" + t.TempDir(), "REGISTRY_HTTP_ADDR=" + host, "OTEL_TRACES_EXPORTER=none",
		"REGISTRY_STORAGE_DELETE_ENABLED=true", "REGISTRY_HTTP_SECRET=test",
	}, env...)}
	t.Cleanup(s.kill)
	return s
}

func startServer(t testing.TB, env ...string) *server {
	t.Helper()
	s := newServer(t, env...)
	s.start()
	return s
}

func (s *server) start() {
	s.t.Helper()
	config := filepath.Join(s.t.TempDir(), "config.yml")
	if err := os.WriteFile(config, []byte("version: 0.1\nstorage: {filesystem: {}}\nhttp: {}\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	argv := s.argv
	if argv == nil {
		argv = []string{testprogram.Find(s.t, "registry-v3*", "registry"), "serve"}
	}
	s.command = exec.Command(argv[0], append(argv[1:len(argv):len(argv)], config)...)
	s.command.Env = append(os.Environ(), s.env...)
	out, err := s.command.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	up, ended := make(chan struct{}), make(chan struct{})
	s.ended = ended
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		once := sync.Once{}
		for lines.Scan() {
			if strings.Contains(lines.Text(), "listening on") {
				once.Do(func() { close(up) })
			}
		}
	}()
	select {
	case <-up:
	case <-ended:
		s.t.Fatal("the registry ended")
	}
}

func (s *server) signal(signal syscall.Signal) {
	if err := s.command.Process.Signal(signal); err != nil {
		s.t.Error(err)
	}
}

// halt stops all of its threads: a signal alone may leave one that still answers for a moment.
func (s *server) halt() {
	s.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(s.command.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		s.t.Error(status, err)
	}
}

func (s *server) kill() {
	if s.command == nil || s.command.ProcessState != nil {
		return
	}
	_ = s.command.Process.Kill()
	<-s.ended
	_ = s.command.Wait()
}

// place makes a reference in plain HTTP.
func place(t testing.TB, host, artifact string) reference.Reference {
	t.Helper()
	ref, err := reference.Parse("http://" + host + "/" + artifact)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// options are those of tests: a clock that does not wait, and every line kept.
type journal struct {
	mu    sync.Mutex
	lines []string
	on    func(line string)
}

func (j *journal) log(line string) {
	j.mu.Lock()
	j.lines = append(j.lines, line)
	on := j.on
	j.mu.Unlock()
	if on != nil {
		on(line)
	}
}

func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

// virtual is a clock that goes on only when somebody waits.
func virtual() clock {
	var mu sync.Mutex
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	return clock{
		now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		},
		sleep: func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
			return context.Cause(ctx)
		},
	}
}

func open(t testing.TB, ref reference.Reference, change func(*Options)) (*Repository, *journal) {
	t.Helper()
	seen := &journal{}
	o := Options{Use: credentials.Push, Log: seen.log, clock: virtual(), PlainLogin: func(string) bool { return true }}
	o.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	if change != nil {
		change(&o)
	}
	r, err := Open(ref, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, seen
}

// secret makes one of files.
func secret(t testing.TB, step string, files map[string]string) *credentials.Secret {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := credentials.Read(dir, step)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func blobOf(b []byte) Blob { return Blob{Digest: digestOf(b), Size: int64(len(b)), Content: Bytes(b)} }

// noise is content that can't be compressed, the same each time.
func noise(size int) []byte {
	b := make([]byte, size)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// artifact returns the blobs and the manifest of files.
func artifact(files ...[]byte) ([]Blob, []byte) {
	config := []byte("{}")
	blobs := []Blob{}
	layers := []map[string]any{}
	for i, file := range files {
		blobs = append(blobs, blobOf(file))
		layers = append(layers, map[string]any{"mediaType": "application/octet-stream", "digest": digestOf(file), "size": len(file),
			"annotations": map[string]string{"org.opencontainers.image.title": fmt.Sprint("file", i)}})
	}
	manifest, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": manifestType, "artifactType": "application/x",
		"config": map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "digest": digestOf(config), "size": 2}, "layers": layers})
	return append(blobs, blobOf(config)), manifest
}

// readBlob reads a blob whole.
func readBlob(r *Repository, digest string, size int64) ([]byte, error) {
	b, err := r.OpenBlob(context.Background(), digest, size)
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.Close() }()
	return io.ReadAll(b)
}

// certificate makes one for loopback that signs itself, and its key, as PEM files.
func certificate(t testing.TB) (certFile, keyFile, ca string, cert []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"registry.corp.example"},
	}
	cert, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyBytes, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for file, text := range map[string]string{certFile: ca, keyFile: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyBytes}))} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, ca, cert, key
}

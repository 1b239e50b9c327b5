package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving/servingtest"
)

// tlsPod is the Pod of a registry that serves TLS, and the folder in which its steps find login and CA.
type tlsPod struct {
	*registryPod
	pair, cache string
	options     []string
}

func newTLSPod(t *testing.T, options ...string) *tlsPod {
	p := &tlsPod{registryPod: newRegistryPod(t), cache: t.TempDir()}
	p.pair = filepath.Join(p.auth, "tls.pem")
	p.options = append([]string{"--tls=" + p.pair, "--name=registry"}, options...)
	return p
}

func (p *tlsPod) startRegistry() {
	p.t.Helper()
	p.registry, p.log = startRegistryIn(p.t, p.data, append(slices.Clone(sweptRegistry),
		"REGISTRY_AUTH_HTPASSWD_REALM=oras", "REGISTRY_AUTH_HTPASSWD_PATH="+p.htpasswd(),
		"REGISTRY_HTTP_TLS_CERTIFICATE="+p.pair, "REGISTRY_HTTP_TLS_KEY="+p.pair)...)
}

func (p *tlsPod) ca() []byte {
	return servingtest.CA(p.t, access.Key(testKey), time.Now())
}

func (p *tlsPod) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.ca())
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// asks is the keeper's status at a path; 0: it does not answer.
func (p *tlsPod) asks(path string) int {
	answer, err := p.client().Get("https://" + p.keeper + path)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func (p *tlsPod) startKeeper(options ...string) *container {
	p.t.Helper()
	keeper := p.preparedKeeper(append(append([]string{"--htpasswd=" + p.htpasswd(), "--registry=" + p.registry}, p.options...), options...)...)
	keeper.launch()
	until(p.t, "the keeper", func() bool { return p.asks("/healthz") == http.StatusOK })
	return keeper
}

// startServing starts a keeper that sees no volume.
func (p *tlsPod) startServing(options ...string) {
	p.t.Helper()
	keeper := p.prepared(append([]string{
		"keep", "--key=" + p.key, "--listen=" + p.keeper, "--metrics=" + p.pages, "--cache-uid=some-uid", "--user=oras-1",
		"--htpasswd=" + p.htpasswd(), "--registry=" + p.registry,
	}, append(slices.Clone(p.options), options...)...)...)
	keeper.launch()
	until(p.t, "the keeper", func() bool { return p.asks("/healthz") == http.StatusOK })
}

// showsLogin is what the kubelet does a while after the operator has made Secret and ConfigMap.
func (p *tlsPod) showsLogin() {
	p.t.Helper()
	login := base64.StdEncoding.EncodeToString([]byte("oras-1:" + derived("password/oras-1")))
	config, err := json.Marshal(map[string]any{"auths": map[string]any{p.registry: map[string]string{"auth": login}}})
	must(p.t, err)
	show(p.t, p.cache, "config.json", config)
	p.showsCA()
}

func (p *tlsPod) showsCA() {
	p.t.Helper()
	show(p.t, p.cache, "ca.crt", p.ca())
}

// show brings a file into a folder at once, as the kubelet does: a step that waits may read it meanwhile.
func show(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	beside := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(beside, content, 0o600))
	must(t, os.Rename(beside, filepath.Join(folder, name)))
}

func (p *tlsPod) step(scheme, host string) *pod {
	step := newPod(p.t, scheme+"://"+p.registry+"/a:1")
	step.pullOptions = []string{"--cache-credentials=" + p.cache, host + "=" + p.registry, "--timeout=60", "--keeper=" + p.keeper}
	return step
}

func TestARegistryThatServesTLS(t *testing.T) {
	p := newTLSPod(t)
	wants(t, p.initialize(p.options...), 0, "")
	p.startRegistry()
	p.startKeeper("--limit=1000000000")
	p.showsLogin()
	for scheme, host := range map[string]string{"https": "--cache-host", "http": "--plain-login-host"} {
		if code, message, log := p.step(scheme, host).brings(); code != 0 {
			t.Error(scheme, code, message, log)
		}
	}
	if strings.Contains(p.log.String(), "HTTP request to an HTTPS server") {
		t.Error(p.log.String())
	}
	// Nobody else's CA will do, and the step says so until its time is over.
	must(t, os.Remove(filepath.Join(p.cache, "ca.crt")))
	step := p.step("https", "--cache-host")
	step.pullOptions = append(step.pullOptions, "--timeout=1")
	step.cannotBring(contract.ExitRegistryUnavailable, "is signed by a CA that is not known here")
	p.showsCA()
	full := p.startKeeperAgain("--limit=1000")
	p.step("https", "--cache-host").cannotBring(contract.ExitRegistryFull, " is full: ")
	must(t, full.Process.Signal(syscall.SIGTERM))
	wants(t, full, 0, "")
}

// startKeeperAgain starts one on another port.
func (p *tlsPod) startKeeperAgain(options ...string) *container {
	p.keeper, p.pages = freeAddress(p.t), freeAddress(p.t)
	return p.startKeeper(options...)
}

// Both come later: TLS is switched on, or the cache is made after its step, and the kubelet shows the CA a minute later.
func TestAStepThatIsThereBeforeItsRegistryServesTLS(t *testing.T) {
	p := newTLSPod(t)
	wants(t, p.initialize(p.options...), 0, "")
	p.startRegistry()
	p.keeper = freeAddress(t)
	for scheme, waits := range map[string]string{"http": "HTTP request to an HTTPS server.; trying again", "https": "CA that is not known here; trying again"} {
		must(t, os.RemoveAll(filepath.Join(p.cache, "ca.crt")))
		must(t, os.RemoveAll(filepath.Join(p.cache, "config.json")))
		step := p.step(scheme, map[string]string{"http": "--plain-login-host", "https": "--cache-host"}[scheme])
		pull := step.preparedPull()
		pull.launch()
		until(t, "the step to wait", func() bool { return strings.Contains(pull.stderr.String(), waits) })
		p.showsLogin()
		wants(t, pull, 0, "")
	}
}

func TestACertificateThatIsRenewed(t *testing.T) {
	p := newTLSPod(t)
	wants(t, p.initialize(p.options...), 0, "")
	p.startRegistry()
	p.startKeeper()
	if got := p.asks("/live"); got != http.StatusOK {
		t.Error(got)
	}
	if until := p.report().Certificate.NotAfter; until.Before(time.Now().AddDate(0, 0, 89)) {
		t.Error(until)
	}
	if !strings.Contains(p.metrics(), "orascache_certificate_expiry_timestamp_seconds 1.") {
		t.Error(p.metrics())
	}
	// What the keeper does when it is due.
	due := &serving.Files{Path: p.pair, Issuer: &serving.Issuer{Seeds: access.Key(testKey), Names: []string{"registry", "another"}}}
	_, err := due.Refresh(time.Now())
	must(t, err)
	until(t, "the keeper to say so", func() bool { return p.asks("/live") == http.StatusServiceUnavailable })
}

func (p *tlsPod) report() (found struct {
	Certificate struct {
		NotAfter    time.Time
		Problem, CA string
	}
	Users []string
}) {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodGet, "https://"+p.keeper+"/report", nil)
	must(p.t, err)
	request.Header.Set("Authorization", "Bearer "+derived("keeper"))
	answer, err := p.client().Do(request)
	must(p.t, err)
	defer answer.Body.Close()
	must(p.t, json.NewDecoder(answer.Body).Decode(&found))
	return found
}

func TestACertificateOfTheAuthor(t *testing.T) {
	secret := t.TempDir()
	p := newTLSPod(t, "--certificate="+secret)
	wants(t, p.initialize(p.options...), contract.ExitCertificateUnusable, "the Secret of tls.secretName is not there, or has neither")
	// The keeper's own CA is as good as any.
	issued := &serving.Files{Path: filepath.Join(t.TempDir(), "tls.pem"), Issuer: &serving.Issuer{Seeds: access.Key(testKey), Names: []string{"registry"}}}
	_, err := issued.Refresh(time.Now())
	must(t, err)
	both := contentOf(t, issued.Path)
	for _, name := range []string{"tls.crt", "tls.key"} {
		must(t, os.WriteFile(filepath.Join(secret, name), []byte(both), 0o600))
	}
	wants(t, p.initialize(p.options...), contract.ExitCertificateUnusable, "no key ca.crt with that CA")
	must(t, os.WriteFile(filepath.Join(secret, "ca.crt"), p.ca(), 0o600))
	wants(t, p.initialize(p.options...), 0, "")
	p.startRegistry()
	p.startKeeper()
	if found := p.report().Certificate; found.CA != string(p.ca()) || found.Problem != "" || found.NotAfter.IsZero() {
		t.Errorf("%+v", found)
	}
	// A Pod that goes on with the last good one says so.
	must(t, os.Remove(filepath.Join(secret, "tls.key")))
	wants(t, p.initialize(p.options...), 0, "")
	p.startKeeperAgain()
	if found := p.report().Certificate; found.Problem != "has no key tls.key" {
		t.Errorf("%+v", found)
	}
}

// Artifacts may be in S3: there is nothing to measure or to sweep, but a certificate and users.
func TestAKeeperWithoutAVolume(t *testing.T) {
	p := newTLSPod(t)
	wants(t, p.initialize(p.options...), 0, "")
	p.startRegistry()
	p.startKeeper("--data=")
	if found := p.report(); !slices.Equal(found.Users, []string{"oras-1"}) || found.Certificate.NotAfter.IsZero() {
		t.Errorf("%+v", found)
	}
	for path, want := range map[string]int{"/room": http.StatusNotFound, "/live": http.StatusOK} {
		if got := p.asks(path); got != want {
			t.Error(path, got)
		}
	}
	if metrics := p.metrics(); strings.Contains(metrics, "orascache_free_bytes") || !strings.Contains(metrics, "orascache_certificate_expiry") {
		t.Error(metrics)
	}
}

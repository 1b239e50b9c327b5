package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/share"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

const cachePassword = "s3cret-of-the-cache"

// startClosedRegistry starts one that asks for oras-1 and cachePassword.
func startClosedRegistry(t *testing.T) string {
	t.Helper()
	testprogram.Require(t, "htpasswd")
	users, err := exec.Command("htpasswd", "-nbBC", "4", "oras-1", cachePassword).Output()
	must(t, err)
	file := filepath.Join(t.TempDir(), "htpasswd")
	must(t, os.WriteFile(file, users, 0o600))
	host, _ := startRegistryIn(t, t.TempDir(), "REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=oras", "REGISTRY_AUTH_HTPASSWD_PATH="+file)
	return host
}

// entry is what docker's config.json has of a login.
func entry(user, password string) string {
	return fmt.Sprintf(`{"auth":%q}`, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// sidecarScript is a step with a script of the author's that pulls and pushes, which a server has.
type sidecarScript struct {
	*pod
	cache, secret, login string
	options              []string
}

func newSidecarScript(t *testing.T, script string, options ...string) *sidecarScript {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("#!/bin/sh -eu\n" + script))
	}))
	t.Cleanup(server.Close)
	p := &sidecarScript{pod: newPod(t, ""), cache: t.TempDir(), secret: t.TempDir(), login: t.TempDir()}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	must(t, os.WriteFile(filepath.Join(p.secret, "ca.crt"), ca, 0o600))
	p.options = append([]string{
		"install", "--share=" + p.share, "--oras-entrypoint=" + server.URL + "/x.sh", "--ca-file=" + p.secret + "/ca.crt",
		"--docker-config=" + p.login, "--timeout=60", "--debug",
	}, options...)
	return p
}

// withCache gives the step the login of a cache, that may come later, and withSecret a Secret of the author's.
func (p *sidecarScript) withCache(host string) {
	p.options = append(p.options, "--cache-credentials="+p.cache, "--plain-login-host="+host)
}

func (p *sidecarScript) withSecret(file, text string) {
	p.options = append(p.options, "--credentials="+p.secret)
	must(p.t, os.WriteFile(filepath.Join(p.secret, file), []byte(text), 0o600))
}

func (p *sidecarScript) makeLogin(host string) {
	p.t.Helper()
	show(p.t, p.cache, "config.json", []byte(`{"auths":{"`+host+`":`+entry("oras-1", cachePassword)+`}}`))
}

func (p *sidecarScript) install() *container { return p.start(p.options...) }

// runs the script as its container does, with the oras CLI.
func (p *sidecarScript) runs(arguments ...string) (string, error) {
	p.t.Helper()
	command := exec.Command(share.Root(p.share).Part(0).OrasEntrypoint(), arguments...)
	command.Dir = p.t.TempDir()
	path := filepath.Dir(testprogram.Find(p.t, "oras-v*", "oras")) + ":" + os.Getenv("PATH")
	command.Env = append(os.Environ(), "PATH="+path, "HOME="+p.t.TempDir(), "DOCKER_CONFIG="+p.login)
	out, err := command.CombinedOutput()
	return string(out), err
}

func (p *sidecarScript) config() (found struct {
	Auths       map[string]json.RawMessage
	CredHelpers map[string]string
	CredsStore  string
}) {
	p.t.Helper()
	must(p.t, json.Unmarshal([]byte(contentOf(p.t, p.login, "config.json")), &found))
	return found
}

const pushesAndPulls = `echo bread > loaf; oras push --plain-http "$1" loaf; rm loaf; oras pull --plain-http "$1"; cat loaf`

func TestAScriptThatPushesHasTheLoginOfTheCache(t *testing.T) {
	host := startClosedRegistry(t)
	p := newSidecarScript(t, pushesAndPulls)
	p.withCache(host)
	p.makeLogin(host)
	step := p.install()
	wants(t, step, 0, "")
	info, err := os.Stat(filepath.Join(p.login, "config.json"))
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if said, err := p.runs(host + "/a:1"); err != nil || !strings.HasSuffix(said, "bread\n") {
		t.Error(said, err)
	}
	if strings.Contains(step.stderr.String(), cachePassword) {
		t.Error(step.stderr.String())
	}
}

// The script may log in itself, to its own registries and anew to the cache.
func TestAScriptMayLogIn(t *testing.T) {
	cache, other := startClosedRegistry(t), startClosedRegistry(t)
	p := newSidecarScript(t, "printf %s "+cachePassword+` | oras login --plain-http --username oras-1 --password-stdin "$1"
echo x > x; oras push --plain-http "$1/a:1" x; oras push --plain-http "$2/a:1" x; oras logout "$2"`)
	p.withCache(cache)
	p.makeLogin(cache)
	wants(t, p.install(), 0, "")
	if said, err := p.runs(other, cache); err != nil {
		t.Error(said, err)
	}
}

// A step may be there before its cache, and the Secret later than the registry.
func TestAScriptsLoginIsWaitedFor(t *testing.T) {
	host := startClosedRegistry(t)
	p := newSidecarScript(t, pushesAndPulls)
	p.withCache(host)
	step := p.install()
	until(t, "it to wait", func() bool {
		return strings.Contains(step.stderr.String(), "the Secret with its login is not there yet; trying again")
	})
	p.makeLogin(host)
	wants(t, step, 0, "")
	if said, err := p.runs(host + "/a:1"); err != nil {
		t.Error(said, err)
	}
}

func TestAScriptsLoginThatDoesNotCome(t *testing.T) {
	host := startClosedRegistry(t)
	p := newSidecarScript(t, "true", "--timeout=1")
	p.withCache(host)
	wants(t, p.install(), 183, "the Secret with its login is not there yet; the operator makes it")
}

func TestAnOpenCacheHasNoLoginForAScript(t *testing.T) {
	host := startRegistry(t)
	p := newSidecarScript(t, pushesAndPulls)
	p.withCache(host)
	wants(t, p.install(), 0, "")
	if said, err := p.runs(host + "/a:1"); err != nil {
		t.Error(said, err)
	}
}

// A step without an artifact in the cache waits for nothing there.
func TestAScriptWithoutArtifacts(t *testing.T) {
	p := newSidecarScript(t, "true", "--timeout=600")
	p.options = append(p.options, "--cache-credentials="+p.cache)
	wants(t, p.install(), 0, "")
	p.makeLogin("cache:5000")
	wants(t, p.install(), 0, "")
	if got := p.config().Auths; len(got) != 1 {
		t.Error(got)
	}
}

func TestAScriptsLoginsOfBothSecrets(t *testing.T) {
	cache, other := startClosedRegistry(t), startClosedRegistry(t)
	both := `echo x > x; oras push --plain-http "$1/a:1" x; oras push --plain-http "$2/a:1" x`
	auths := `{"` + other + `":` + entry("oras-1", cachePassword) + `,"` + cache + `":` + entry("me", "wrong") + `}`
	for file, text := range map[string]string{
		".dockerconfigjson": `{"auths":` + auths + `,"credsStore":"desktop","credHelpers":{"` + cache + `":"none","ecr.example":"ecr-login"},"psFormat":"x"}`,
		"config.json":       `{"auths":` + auths + `}`,
		".dockercfg":        auths,
	} {
		t.Run(file, func(t *testing.T) {
			p := newSidecarScript(t, both)
			p.withCache(cache)
			p.withSecret(file, text)
			p.makeLogin(cache)
			step := p.install()
			wants(t, step, 0, "")
			if said, err := p.runs(cache, other); err != nil {
				t.Error(said, err)
			}
			isTold := strings.Contains(step.stderr.String(), "credsStore of the step's Secret is left out")
			if found := p.config(); found.CredsStore != "" || isTold != strings.Contains(text, "credsStore") || found.CredHelpers[cache] != "" {
				t.Error(isTold, found.CredsStore, found.CredHelpers)
			}
			if strings.Contains(text, "ecr-login") && p.config().CredHelpers["ecr.example"] != "ecr-login" {
				t.Error(p.config().CredHelpers)
			}
		})
	}
}

func TestAScriptsLoginsOfItsSecretAlone(t *testing.T) {
	host := startClosedRegistry(t)
	p := newSidecarScript(t, pushesAndPulls)
	p.withSecret(".dockerconfigjson", `{"auths":{"`+host+`":`+entry("oras-1", cachePassword)+`}}`)
	wants(t, p.install(), 0, "")
	if said, err := p.runs(host + "/a:1"); err != nil {
		t.Error(said, err)
	}
}

func TestAScriptsLoginsThatCannotBeHad(t *testing.T) {
	broken := newSidecarScript(t, "true")
	broken.withSecret(".dockerconfigjson", "s3cret")
	wants(t, broken.install(), 185, "key .dockerconfigjson: it is not a docker configuration")
	unwritable := newSidecarScript(t, "true", "--docker-config=/does/not/exist")
	wants(t, unwritable.install(), 185, "the logins for the script cannot be written")
	cache := newSidecarScript(t, "true")
	cache.withCache("cache:5000")
	must(t, os.WriteFile(filepath.Join(cache.cache, "config.json"), []byte("s3cret"), 0o600))
	step := cache.install()
	wants(t, step, 182, "the login of the OrasCache in")
	if strings.Contains(step.stderr.String(), "s3cret") {
		t.Error(step.stderr.String())
	}
}

package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// roomOptions are those of a step whose output goes to the registry of a Pod.
func (p *registryPod) roomOptions() []string {
	p.t.Helper()
	folder := p.t.TempDir()
	login := base64.StdEncoding.EncodeToString([]byte("oras-1:" + derived("password/oras-1")))
	config, err := json.Marshal(map[string]any{"auths": map[string]any{p.registry: map[string]string{"auth": login}}})
	must(p.t, err)
	must(p.t, os.WriteFile(filepath.Join(folder, "config.json"), config, 0o600))
	return []string{"--keeper=" + p.keeper, "--cache-credentials=" + folder, "--plain-login-host=" + p.registry}
}

func TestAStepDoesNotBeginWhereItsRegistryIsFull(t *testing.T) {
	for _, streams := range []bool{false, true} {
		registry := newRegistryPod(t)
		wants(t, registry.initialize(), 0, "")
		registry.startRegistry()
		htpasswd := "--htpasswd=" + registry.htpasswd()
		options := registry.roomOptions()
		step := func() *pod {
			p := newPod(t, "http://"+registry.registry+"/a:1")
			p.streams, p.pullOptions = streams, options
			return p
		}
		full := registry.startKeeper(htpasswd, "--limit=1000", "--refuse-at=90")
		step().cannotBring(contract.ExitRegistryFull, " is full: 100% of its volume of 1000 bytes are used, and from 90% on it takes no output")
		must(t, full.Process.Kill())
		full.end()
		// Without a keeper nothing is known, and nobody waits for one.
		if code, message, log := step().brings(); code != 0 {
			t.Error(code, message, log)
		}
		registry.startKeeper(htpasswd, "--limit=1000000000")
		if code, message, log := step().brings(); code != 0 {
			t.Error(code, message, log)
		}
	}
}

func TestARegistryThatIsFullWithoutALogin(t *testing.T) {
	registry := newRegistryPod(t)
	host := startRegistry(t)
	registry.startKeeper("--limit=1000")
	p := newPod(t, "http://"+host+"/a:1")
	p.pullOptions = []string{"--keeper=" + registry.keeper}
	p.cannotBring(contract.ExitRegistryFull, "from 95% on it takes no output")
}

// A full registry answers uploads with errors of its own, for as long as a step waits; its keeper may come meanwhile.
func TestAFullRegistryIsTheReasonWhyItTakesNoUploads(t *testing.T) {
	var asked atomic.Int32
	keeper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"capacity":100,"free":0,"refuseAt":95,"refuse":true}`))
	}))
	defer keeper.Close()
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer registry.Close()
	p := newPod(t, registry.URL+"/a:1")
	p.pullOptions = []string{"--keeper=" + keeper.Listener.Addr().String(), "--timeout=1"}
	p.cannotBring(contract.ExitRegistryFull, "is full")
}

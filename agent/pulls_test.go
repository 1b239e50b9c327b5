package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// tellingRegistry starts a registry that tells the keeper of pulls, as the operator's do.
func (p *registryPod) tellingRegistry(events string, environment ...string) {
	p.t.Helper()
	endpoints, err := json.Marshal([]map[string]any{{
		"name": "keeper", "url": "http://" + events + "/", "timeout": "1s", "threshold": 1, "backoff": "100ms",
		"ignoredmediatypes": []string{"application/octet-stream"},
	}})
	must(p.t, err)
	p.registry, p.log = startRegistryIn(p.t, p.data, append(append(slices.Clone(sweptRegistry), environment...), "REGISTRY_NOTIFICATIONS_ENDPOINTS="+string(endpoints))...)
}

// pulls are the pulls that the keeper knows of, by repository and digest.
func (p *registryPod) pulls() (since string, pulled map[string]string) {
	p.t.Helper()
	status, text := p.says(http.MethodGet, "/manifests", "")
	var told struct {
		Manifests []struct {
			Repository, Digest string
			Pulled             string
		}
		PullsSince string
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil || status != http.StatusOK {
		p.t.Fatalf("%d, %v: %s", status, err, text)
	}
	pulled = map[string]string{}
	for _, manifest := range told.Manifests {
		if manifest.Pulled != "" {
			pulled[manifest.Repository+"@"+manifest.Digest] = manifest.Pulled
		}
	}
	return told.PullsSince, pulled
}

func (p *registryPod) read(method, path, userAgent string) {
	p.t.Helper()
	request, err := http.NewRequest(method, "http://"+p.registry+path, nil)
	must(p.t, err)
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", imageManifest)
	answer, err := http.DefaultClient.Do(request)
	must(p.t, err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %d", method, path, answer.StatusCode)
	}
}

func (p *registryPod) putArtifact(repository, tag string) (digest string) {
	p.t.Helper()
	return p.putManifest(repository, tag, imageManifest, p.artifact(repository, tag))
}

// artifact pushes the blobs of one.
func (p *registryPod) artifact(repository, content string) map[string]any {
	p.t.Helper()
	empty, layer := []byte("{}"), []byte("the content of "+repository+":"+content)
	p.putBlob(repository, empty)
	p.putBlob(repository, layer)
	return map[string]any{
		"config": map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha(empty), "size": len(empty)},
		"layers": []any{map[string]any{"mediaType": "application/octet-stream", "digest": sha(layer), "size": len(layer)}},
	}
}

// The registry goes on without its keeper, tells it later, and what the keeper knows is there when it is killed.
func TestAKeeperKnowsOfPulls(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	byTag, byDigest := p.putArtifact("runs/a", "t"), p.putArtifact("runs/a", "by-digest")
	listed, asked := p.putArtifact("runs/a", "listed"), p.putArtifact("runs/b", "asked")
	// Nobody takes notifications by now: nobody waits for that.
	p.read(http.MethodGet, "/v2/runs/a/manifests/t", "oras/1.3.6")
	p.read(http.MethodHead, "/v2/runs/b/manifests/asked", "oras/1.3.6")
	p.read(http.MethodGet, "/v2/runs/a/manifests/listed", contract.ListingUserAgent)

	keeper := p.startKeeper("--events=" + events)
	p.read(http.MethodGet, "/v2/runs/a/manifests/"+byDigest, "oras-operator-agent")
	var since string
	var pulled map[string]string
	until(t, "the pulls", func() bool {
		since, pulled = p.pulls()
		return len(pulled) == 2
	})
	for _, digest := range []string{byTag, byDigest} {
		if at, err := time.Parse(time.RFC3339, pulled["runs/a@"+digest]); err != nil || time.Since(at).Abs() > time.Hour {
			t.Error(pulled, err)
		}
	}
	if pulled["runs/a@"+listed] != "" || pulled["runs/b@"+asked] != "" {
		t.Error(pulled)
	}

	must(t, keeper.Process.Signal(syscall.SIGKILL))
	_ = keeper.Wait()
	p.read(http.MethodGet, "/v2/runs/b/manifests/asked", "oras/1.3.6")
	p.startKeeper("--events=" + events)
	until(t, "the pull that happened without a keeper", func() bool {
		sinceThen, now := p.pulls()
		return sinceThen == since && len(now) == 3 && now["runs/a@"+byTag] == pulled["runs/a@"+byTag] && now["runs/b@"+asked] != ""
	})
}

// What is not taken is sent again, and everything behind it waits.
func TestAKeeperTakesEveryNotification(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(freeAddress(t))
	digest := p.putArtifact("runs/a", "t")
	keeper := p.startKeeper("--events=" + events)
	event := func(action, repository, digest, method string) string {
		return `{"action":"` + action + `","target":{"repository":"` + repository + `","digest":"` + digest + `"},"request":{"method":"` + method + `"}}`
	}
	for name, body := range map[string]string{
		"nothing":                     "",
		"no JSON":                     "<html>",
		"another JSON":                `[1]`,
		"no events":                   `{}`,
		"null":                        `{"events":null}`,
		"an event of nothing":         `{"events":[{}]}`,
		"a push":                      `{"events":[` + event("push", "runs/a", digest, "PUT") + `]}`,
		"no digest":                   `{"events":[` + event("pull", "runs/a", "sha256:1", "GET") + `]}`,
		"another algorithm":           `{"events":[` + event("pull", "runs/a", "sha512:"+strings.TrimPrefix(digest, "sha256:"), "GET") + `]}`,
		"a long name":                 `{"events":[` + event("pull", strings.Repeat("a", 300), digest, "GET") + `]}`,
		"a name with lines":           `{"events":[` + event("pull", `runs/a\n29999999 `+strings.TrimPrefix(digest, "sha256:")+` runs/a`, digest, "GET") + `]}`,
		"a name that leads elsewhere": `{"events":[` + event("pull", "../runs/a", digest, "GET") + `]}`,
		"too much":                    `{"events":[` + strings.Repeat(" ", 1<<20) + event("pull", "runs/a", digest, "GET") + `]}`,
	} {
		answer, err := http.Post("http://"+events, "application/vnd.docker.distribution.events.v2+json", strings.NewReader(body))
		must(t, err)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
	nothing := func() {
		if since, pulled := p.pulls(); since == "" || len(pulled) != 0 {
			t.Error(since, pulled)
		}
	}
	nothing()
	must(t, keeper.Process.Signal(syscall.SIGKILL))
	_ = keeper.Wait()
	p.startKeeper("--events=" + events)
	nothing()
	// Without an address there is no record, and nobody takes silence for one.
	q := newRegistryPod(t)
	q.startKeeper()
	if since, _ := q.pulls(); since != "" {
		t.Error(since)
	}
}

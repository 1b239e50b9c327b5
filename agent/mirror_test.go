package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/mirror"
)

// gate stands before a registry, and can be closed.
type gate struct {
	t       *testing.T
	address string
	to      *url.URL
	server  *http.Server
}

func newGate(t *testing.T, to string) *gate {
	g := &gate{t: t, address: freeAddress(t), to: &url.URL{Scheme: "http", Host: to}}
	g.open()
	t.Cleanup(g.close)
	return g
}

func (g *gate) open() {
	g.t.Helper()
	listener, err := net.Listen("tcp", g.address)
	must(g.t, err)
	g.server = &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(g.to)
		r.Out.Host = r.In.Host
	}}}
	server := g.server
	go func() { _ = server.Serve(listener) }()
}

func (g *gate) close() { _ = g.server.Close() }

type toldMirror struct {
	To                       string
	Listed                   bool
	Pending, Copied, Refused int
	Oldest, Last, Trouble    string
	Failures                 int
	Samples                  []struct{ Artifact, Error string }
}

func (p *registryPod) mirror() toldMirror {
	p.t.Helper()
	status, text := p.says(http.MethodGet, "/report?repositories=false", "")
	var told struct{ Mirror toldMirror }
	if err := json.Unmarshal([]byte(text), &told); err != nil || status != http.StatusOK {
		p.t.Fatalf("%d, %v: %s", status, err, text)
	}
	return told.Mirror
}

func (p *registryPod) untilMirrored(copied int) toldMirror {
	p.t.Helper()
	var told toldMirror
	until(p.t, fmt.Sprintf("%d tags to be mirrored", copied), func() bool {
		told = p.mirror()
		return told.Listed && told.Pending == 0 && told.Copied >= copied
	})
	return told
}

// digestAt is what a tag stands for; empty where it is not there.
func digestAt(t *testing.T, host, repository, version string) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodHead, "http://"+host+"/v2/"+repository+"/manifests/"+version, nil)
	must(t, err)
	request.Header.Set("Accept", imageManifest+", "+imageIndex)
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	_ = answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return ""
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s:%s: %d", repository, version, answer.StatusCode)
	}
	return answer.Header.Get("Docker-Content-Digest")
}

func TestAMirrorHasWhatIsPushed(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	remote, _ := startRegistryIn(t, t.TempDir(), sweptRegistry...)
	before := p.putArtifact("runs/a", "before")
	p.putArtifact("private/a", "other")
	p.startKeeper("--events="+events, "--mirror-to=http://"+remote+"/copies", "--mirror-repository=runs/**", "--mirror-repository=models")
	p.untilMirrored(1)

	one, two := p.putArtifact("runs/b", "one"), p.putArtifact("models", "two")
	untagged := p.putArtifact("runs/b", "")
	child := map[string]any{"mediaType": imageManifest, "digest": one, "size": 1}
	index := p.putManifest("runs/b", "index", imageIndex, map[string]any{"manifests": []any{child}})
	// One that was listed is counted again when the registry tells of it; the last one is told of last.
	until(t, "the last one to be mirrored", func() bool { return digestAt(t, remote, "copies/runs/b", "index") == index })
	told := p.untilMirrored(4)
	if told.To != "http://"+remote+"/copies" || told.Trouble != "" || told.Refused != 0 || told.Last == "" || told.Oldest != "" {
		t.Errorf("%+v", told)
	}
	for _, want := range []struct{ repository, version, digest string }{
		{"copies/runs/a", "before", before}, {"copies/runs/b", "one", one}, {"copies/models", "two", two},
		{"copies/runs/b", "index", index}, {"copies/private/a", "other", ""}, {"copies/runs/b", untagged, ""},
	} {
		if got := digestAt(t, remote, want.repository, want.version); got != want.digest {
			t.Errorf("%s:%s is %q, expected %q", want.repository, want.version, got, want.digest)
		}
	}

	// A tag that moves. The registry tells of it before it writes it.
	for i := range 20 {
		one = p.putManifest("runs/b", "one", imageManifest, p.artifact("runs/b", fmt.Sprint(i)))
	}
	until(t, "the tag to move", func() bool { return digestAt(t, remote, "copies/runs/b", "one") == one })
	if metrics := p.metrics(); !strings.Contains(metrics, "orascache_mirror_lag_seconds ") || !strings.Contains(metrics, "orascache_mirror_copied_total ") {
		t.Error(metrics)
	}
	// A mirror reads files: what it copies does not look used.
	if _, pulled := p.pulls(); len(pulled) != 0 {
		t.Error(pulled)
	}
}

func TestAMirrorCatchesUp(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	remote, _ := startRegistryIn(t, t.TempDir(), sweptRegistry...)
	g := newGate(t, remote)
	options := []string{"--events=" + events, "--mirror-to=http://" + g.address, "--mirror-repository=**"}
	keeper := p.startKeeper(options...)
	p.putArtifact("a", "first")
	p.untilMirrored(1)

	g.close()
	digests := map[string]string{}
	for i := range 12 {
		tag := fmt.Sprint("t", i)
		digests[tag] = p.putArtifact("a", tag)
	}
	var told toldMirror
	until(t, "the trouble", func() bool {
		told = p.mirror()
		// The first one is among them where the registry tells of it after it was found by listing.
		return told.Trouble != "" && told.Pending >= 12
	})
	if told.Oldest == "" || told.Refused != 0 || told.Failures == 0 {
		t.Errorf("%+v", told)
	}
	g.open()
	if told = p.untilMirrored(13); told.Trouble != "" {
		t.Errorf("%+v", told)
	}
	// While there is no keeper nobody is told in time; what was told before it died is not told again.
	must(t, keeper.Process.Signal(syscall.SIGKILL))
	_ = keeper.Wait()
	must(t, os.RemoveAll(filepath.Join(p.data, ".oras-operator")))
	digests["late"] = p.putArtifact("a", "late")
	p.startKeeper(options...)
	p.untilMirrored(14)
	for tag, digest := range digests {
		if got := digestAt(t, remote, "a", tag); got != digest {
			t.Errorf("%s is %q, expected %s", tag, got, digest)
		}
	}
}

// One that is refused keeps no other waiting, and is tried again.
func TestAMirrorSaysWhatIsRefused(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	auth := t.TempDir()
	file := filepath.Join(auth, "htpasswd")
	must(t, os.WriteFile(file, []byte("somebody:"+hashOf(t, "secret", 4)+"\n"), 0o600))
	remote, _ := startRegistryIn(t, t.TempDir(), append(slices.Clone(sweptRegistry), "REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=x", "REGISTRY_AUTH_HTPASSWD_PATH="+file)...)
	secret := t.TempDir()
	p.putArtifact("a", "one")
	broken := p.putArtifact("a", "broken")
	digits := strings.TrimPrefix(broken, "sha256:")
	must(t, os.Remove(filepath.Join(p.data, "docker/registry/v2/blobs/sha256", digits[:2], digits, "data")))
	p.startKeeper("--events="+events, "--mirror-to=http://"+remote, "--mirror-repository=**", "--mirror-credentials="+secret, "--plain-login-host="+remote)
	var told toldMirror
	until(t, "the refusals", func() bool {
		told = p.mirror()
		return told.Refused == 2
	})
	text := fmt.Sprint(told.Samples)
	for _, want := range []string{"a:one", "a:broken", "the Secret has no login for " + remote, "is not on the volume"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	config, err := json.Marshal(map[string]any{"auths": map[string]any{remote: map[string]string{"username": "somebody", "password": "secret"}}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(secret, ".dockerconfigjson"), config, 0o600))
	// A push is a reason to try at once.
	p.putArtifact("a", "two")
	until(t, "what is not refused any more", func() bool {
		told = p.mirror()
		return told.Copied >= 1 && told.Trouble == ""
	})
	if strings.Contains(fmt.Sprint(told), "secret\"") {
		t.Error(told)
	}
}

// The same table is that of src/retention/wildcards.ts.
func TestGlobsOfRepositories(t *testing.T) {
	for _, test := range []struct {
		glob, repository string
		is               bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a/b", false}, {"*", "a", true}, {"*", "a/b", false}, {"**", "a", true},
		{"**", "a/b/c", true}, {"a/**", "a", false}, {"a/**", "a/b", true}, {"a/**", "a/b/c", true}, {"a/*/c", "a/b/c", true},
		{"a/*/c", "a/b/b/c", false}, {"a/**/c", "a/b/b/c", true}, {"a/**/c", "a/c", false}, {"**/c", "a/b/c", true},
		{"run-*", "run-7", true}, {"*-7", "run-7", true}, {"r*n*7", "run-7", true}, {"r*n*8", "run-7", false}, {"**/a/**", "b/a/a/a", true},
	} {
		if got := mirror.Matches(test.glob, test.repository); got != test.is {
			t.Errorf("%s %s: %v", test.glob, test.repository, got)
		}
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

type toldExport struct {
	toldMirror
	Total, Done int
	Whole       bool
}

// export asks for one, as the operator does again and again.
func (p *registryPod) export(to string) toldExport {
	p.t.Helper()
	return exportBy(p.t, http.DefaultClient, "http://"+p.keeper, to)
}

func exportBy(t *testing.T, client *http.Client, keeper, to string) (told toldExport) {
	t.Helper()
	body := fmt.Sprintf(`{"to":%q,"secret":"oras-export","plainLogin":true}`, to)
	request, err := http.NewRequest(http.MethodPut, keeper+"/export", strings.NewReader(body))
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+derived("keeper"))
	answer, err := client.Do(request)
	must(t, err)
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", answer.StatusCode, err)
	}
	return told
}

func (p *registryPod) untilExported(to string) toldExport {
	p.t.Helper()
	var told toldExport
	until(p.t, "everything to be copied", func() bool {
		told = p.export(to)
		return told.Whole
	})
	return told
}

// everything pushes what registries hold: tags, an index of what has no tag, and a referrer of what has none. It returns what
// each version stands for.
func (p *registryPod) everything() map[string]string {
	p.t.Helper()
	found := map[string]string{"one": p.putArtifact("a/b", "one"), "two": p.putArtifact("a/b", "two")}
	child := p.putArtifact("a/b", "")
	manifests := []any{map[string]any{"mediaType": imageManifest, "digest": child, "size": 1}}
	found["index"] = p.putManifest("a/b", "index", imageIndex, map[string]any{"manifests": manifests})
	found[child] = child
	subject := p.putManifest("a/b", "", imageManifest, p.artifact("a/b", "subject"))
	referrer := p.artifact("a/b", "referrer")
	referrer["subject"] = map[string]any{"mediaType": imageManifest, "digest": subject, "size": 1}
	found[subject], found["signature"] = subject, p.putManifest("a/b", "signature", imageManifest, referrer)
	tag := strings.ReplaceAll(subject, ":", "-")
	referrers := []any{map[string]any{"mediaType": imageManifest, "digest": found["signature"], "size": 1}}
	found[tag] = p.putManifest("a/b", tag, imageIndex, map[string]any{"manifests": referrers})
	return found
}

func hasAll(t *testing.T, host, repository string, wanted map[string]string) {
	t.Helper()
	for version, digest := range wanted {
		if got := digestAt(t, host, repository, version); got != digest {
			t.Errorf("%s is %q, expected %s", version, got, digest)
		}
	}
}

func TestAnExportHasEverythingOfAVolume(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	wanted := p.everything()
	remote, _ := startRegistryIn(t, t.TempDir(), sweptRegistry...)
	p.startKeeper("--events=" + events)
	told := p.untilExported("http://" + remote + "/kept")
	if told.Total != 5 || told.Done != 5 || told.Refused != 0 || told.To != "http://"+remote+"/kept" {
		t.Errorf("%+v", told)
	}
	hasAll(t, remote, "kept/a/b", wanted)
	// What comes afterwards is waited for, too.
	wanted["late"] = p.putArtifact("a/b", "late")
	until(t, "the push to be noticed", func() bool { return p.export("http://"+remote+"/kept").Total == 6 })
	p.untilExported("http://" + remote + "/kept")
	hasAll(t, remote, "kept/a/b", wanted)
	if status, text := p.says(http.MethodPut, "/export", `{"to":"not a host"}`); status != http.StatusBadRequest || !strings.Contains(text, "such as ghcr.io/acme") {
		t.Error(status, text)
	}
	if status, _ := p.saysTo(http.MethodPut, "/export", `{"to":"ghcr.io"}`, "Bearer other"); status != http.StatusUnauthorized {
		t.Error("anybody may ask for an export", status)
	}
}

// As where artifacts are in S3: the registry has a password and a certificate that the keeper knows.
func TestAnExportHasEverythingOfARegistryWithoutAVolume(t *testing.T) {
	p := newTLSPod(t)
	p.registry, p.log = startRegistryIn(t, p.data, sweptRegistry...)
	wanted := p.everything()
	for number := range 3 {
		p.putArtifact(fmt.Sprint("other/", number), "t")
	}
	wants(t, p.initialize(p.options...), 0, "")
	p.startRegistry()
	remote, _ := startRegistryIn(t, t.TempDir(), sweptRegistry...)
	p.startServing()
	var told toldExport
	until(t, "everything to be copied", func() bool {
		told = exportBy(t, p.client(), "https://"+p.keeper, "http://"+remote)
		return told.Whole
	})
	if told.Total != 8 || told.Done != 8 {
		t.Errorf("%+v", told)
	}
	hasAll(t, remote, "a/b", wanted)
	for number := range 3 {
		if digestAt(t, remote, fmt.Sprint("other/", number), "t") == "" {
			t.Error(number)
		}
	}
}

func TestAnExportGoesOnAfterAnOutageAndAKilledKeeper(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	wanted := map[string]string{}
	for i := range 20 {
		tag := fmt.Sprint("t", i)
		wanted[tag] = p.putArtifact("a", tag)
	}
	auth, secret := t.TempDir(), t.TempDir()
	file := filepath.Join(auth, "htpasswd")
	must(t, os.WriteFile(file, []byte("somebody:"+hashOf(t, "secret", 4)+"\n"), 0o600))
	remote, _ := startRegistryIn(t, t.TempDir(), append(sweptRegistry[:len(sweptRegistry):len(sweptRegistry)], "REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=x", "REGISTRY_AUTH_HTPASSWD_PATH="+file)...)
	g := newGate(t, remote)
	to := "http://" + g.address
	options := []string{"--events=" + events, "--export-credentials=" + secret}
	keeper := p.startKeeper(options...)
	var told toldExport
	until(t, "the refusals", func() bool {
		told = p.export(to)
		return told.Refused > 0
	})
	if text := fmt.Sprint(told.Samples); !strings.Contains(text, "no login for "+g.address) || strings.Contains(text, "oras-env") || told.Whole {
		t.Errorf("%+v", told)
	}
	config, err := json.Marshal(map[string]any{"auths": map[string]any{g.address: map[string]string{"username": "somebody", "password": "secret"}}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(secret, ".dockerconfigjson"), config, 0o600))
	g.close()
	must(t, keeper.Process.Signal(syscall.SIGKILL))
	_ = keeper.Wait()
	p.startKeeper(options...)
	until(t, "the trouble", func() bool { return p.export(to).Trouble != "" })
	g.open()
	if told = p.untilExported(to); told.Done != 20 || told.Trouble != "" {
		t.Errorf("%+v", told)
	}
}

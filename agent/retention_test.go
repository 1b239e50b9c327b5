package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

const imageIndex = "application/vnd.oci.image.index.v1+json"

type toldManifest struct {
	Repository, Digest, Pushed, Listed, Subject string
	Tags                                        []struct{ Name, Pushed string }
	Keep                                        bool
	Children, Inputs                            []string
	Blobs                                       []struct {
		Digest string
		Size   int64
	}
}

func (m toldManifest) tagNames() []string {
	names := []string{}
	for _, tag := range m.Tags {
		names = append(names, tag.Name)
	}
	slices.Sort(names)
	return names
}

func (p *registryPod) manifests() map[string]toldManifest {
	p.t.Helper()
	status, text := p.says(http.MethodGet, "/manifests", "")
	var told struct {
		Manifests []toldManifest
		Problem   *string
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil || status != http.StatusOK || told.Problem == nil || *told.Problem != "" {
		p.t.Fatalf("%d, %v: %s", status, err, text)
	}
	found := map[string]toldManifest{}
	for _, manifest := range told.Manifests {
		found[manifest.Repository+"@"+manifest.Digest] = manifest
	}
	return found
}

// asks sends a request to the registry.
func (p *registryPod) asks(method, path, mediaType string, body []byte, want int) http.Header {
	p.t.Helper()
	request, err := http.NewRequest(method, "http://"+p.registry+path, bytes.NewReader(body))
	must(p.t, err)
	request.Header.Set("Content-Type", mediaType)
	answer, err := http.DefaultClient.Do(request)
	must(p.t, err)
	_ = answer.Body.Close()
	if answer.StatusCode != want {
		p.t.Fatalf("%s %s: %d", method, path, answer.StatusCode)
	}
	return answer.Header
}

func (p *registryPod) putBlob(repository string, content []byte) {
	p.t.Helper()
	location := p.asks(http.MethodPost, "/v2/"+repository+"/blobs/uploads/", "", nil, http.StatusAccepted).Get("Location")
	_, path, _ := strings.Cut(location, p.registry)
	p.asks(http.MethodPut, path+"&digest="+sha(content), "application/octet-stream", content, http.StatusCreated)
}

func (p *registryPod) putManifest(repository, tag, mediaType string, manifest map[string]any) string {
	p.t.Helper()
	manifest["schemaVersion"], manifest["mediaType"] = 2, mediaType
	text, err := json.Marshal(manifest)
	must(p.t, err)
	if tag == "" {
		tag = sha(text)
	}
	p.asks(http.MethodPut, "/v2/"+repository+"/manifests/"+tag, mediaType, text, http.StatusCreated)
	return sha(text)
}

func (p *registryPod) isUnchanged(m toldManifest, indexes ...string) bool {
	p.t.Helper()
	body, err := json.Marshal(map[string]any{"repository": m.Repository, "digest": m.Digest, "pushed": m.Pushed, "listed": m.Listed, "tags": m.Tags, "indexes": indexes})
	must(p.t, err)
	status, text := p.says(http.MethodPost, "/unchanged", strings.NewReplacer(`"Name"`, `"name"`, `"Pushed"`, `"pushed"`).Replace(string(body)))
	if status != http.StatusOK {
		p.t.Fatal(status, text)
	}
	return strings.Contains(text, "true")
}

func TestAKeeperTellsWhatManifestsAre(t *testing.T) {
	p := newRegistryPod(t)
	p.registry, _ = startRegistryIn(t, p.data, sweptRegistry...)
	p.startKeeper()
	empty, layer := []byte("{}"), []byte("a layer")
	descriptor := func(mediaType, digest string, size int) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": digest, "size": size}
	}
	image := func(annotations map[string]any, more ...map[string]any) map[string]any {
		manifest := map[string]any{"config": descriptor("application/vnd.oci.empty.v1+json", sha(empty), len(empty)),
			"layers": []any{descriptor("application/octet-stream", sha(layer), len(layer))}, "annotations": annotations}
		for _, fields := range more {
			for name, value := range fields {
				manifest[name] = value
			}
		}
		return manifest
	}
	for _, repository := range []string{"raw", "runs/a"} {
		p.putBlob(repository, empty)
		p.putBlob(repository, layer)
	}
	input := p.putManifest("raw", "v1", imageManifest, image(map[string]any{"n": "input"}))
	output := image(map[string]any{contract.ArtifactInputAnnotation: input, "org.example": "made of " + strings.TrimPrefix(sha(layer), "sha256:") + ".", contract.KeepAnnotation: "true"})
	made := p.putManifest("runs/a", "v1", imageManifest, output)
	p.putManifest("runs/a", "v2", imageManifest, output)
	about := p.putManifest("runs/a", "", imageManifest, image(map[string]any{contract.KeepAnnotation: "false"}, map[string]any{"subject": descriptor(imageManifest, made, 1)}))
	index := p.putManifest("runs/a", "all", imageIndex, map[string]any{"manifests": []any{descriptor(imageManifest, made, 1), descriptor(imageManifest, about, 1)}})

	told := p.manifests()
	if len(told) != 4 {
		t.Fatalf("%+v", told)
	}
	found := told["runs/a@"+made]
	if !slices.Equal(found.tagNames(), []string{"v1", "v2"}) || !found.Keep || found.Subject != "" || found.Children != nil {
		t.Errorf("%+v", found)
	}
	named := []string{input, sha(layer)}
	slices.Sort(named)
	if !slices.Equal(found.Inputs, named) || len(found.Blobs) != 3 || found.Blobs[0].Size != int64(len(layer)) || found.Blobs[2].Digest != made {
		t.Errorf("%+v", found)
	}
	if one := told["runs/a@"+about]; one.Subject != made || one.Keep || len(one.Tags) != 0 || one.Tags == nil {
		t.Errorf("%+v", one)
	}
	if one := told["runs/a@"+index]; !slices.Equal(one.Children, []string{made, about}) || len(one.Blobs) != 1 {
		t.Errorf("%+v", one)
	}

	// Another push of the same content, also by another tag, is a change.
	for _, tag := range []string{"v1", "v3"} {
		before := p.manifests()["runs/a@"+made]
		if !p.isUnchanged(before) {
			t.Error("it is as it was")
		}
		p.putManifest("runs/a", tag, imageManifest, output)
		if p.isUnchanged(before) {
			t.Errorf("it was pushed again as %s", tag)
		}
	}
	// A tag that stands for something else by now.
	before := p.manifests()["raw@"+input]
	p.putManifest("raw", "v1", imageManifest, image(map[string]any{"n": "another"}))
	if p.isUnchanged(before) {
		t.Error("its tag has moved")
	}
	p.asks(http.MethodDelete, "/v2/runs/a/manifests/v3", "", nil, http.StatusAccepted)
	if found := p.manifests()["runs/a@"+made]; !slices.Equal(found.tagNames(), []string{"v1", "v2"}) {
		t.Errorf("%+v", found)
	}
	before = p.manifests()["runs/a@"+made]
	p.asks(http.MethodDelete, "/v2/runs/a/manifests/"+made, "", nil, http.StatusAccepted)
	if _, is := p.manifests()["runs/a@"+made]; is || p.isUnchanged(before) {
		t.Error("it was deleted")
	}
	for _, repository := range []string{"../runs", "", "runs/../runs/a", "_x", "/runs/a"} {
		if before.Repository = repository; p.isUnchanged(before) {
			t.Errorf("there is no %s", repository)
		}
	}
}

func TestWhatIsNoManifestNamesAllItMay(t *testing.T) {
	p := newRegistryPod(t)
	p.startKeeper()
	tree := layout.Of(p.data)
	other := strings.Repeat("ab", 32)
	put := func(content string) string {
		digest, _ := layout.ParseDigest(strings.TrimPrefix(sha([]byte(content)), "sha256:"))
		for name, text := range map[string]string{layout.Blob(digest): content, layout.Revision("odd", digest): "sha256:" + digest.String()} {
			must(t, os.MkdirAll(filepath.Dir(tree.Path(name)), 0o700))
			must(t, os.WriteFile(tree.Path(name), []byte(text), 0o600))
		}
		return "odd@sha256:" + digest.String()
	}
	for _, content := range []string{`{"layers": "` + other + `"}`, other, `{"annotations": {"a": 1}, "x": "` + other + `"}`} {
		key := put(content)
		if one := p.manifests()[key]; !slices.Equal(one.Children, []string{"sha256:" + other}) {
			t.Errorf("%s: %+v", content, one)
		}
	}
	nothing := put("")
	if one := p.manifests()[nothing]; len(one.Children) != 0 || len(one.Blobs) != 1 {
		t.Errorf("%+v", one)
	}
	gone := put("gone")
	digest, _ := layout.ParseDigest(strings.TrimPrefix(gone, "odd@sha256:"))
	must(t, os.Remove(tree.Path(layout.Blob(digest))))
	if one, is := p.manifests()[gone]; !is || one.Blobs[0].Size != 0 {
		t.Errorf("%+v", one)
	}
}

func TestWhatIsNamedByANewManifestIsNotAsItWas(t *testing.T) {
	p := newRegistryPod(t)
	p.registry, _ = startRegistryIn(t, p.data, sweptRegistry...)
	p.startKeeper()
	empty := []byte("{}")
	p.putBlob("runs", empty)
	put := func(name string, fields map[string]any) string {
		manifest := map[string]any{"layers": []any{}, "annotations": map[string]any{"name": name},
			"config": map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha(empty), "size": len(empty)}}
		for key, value := range fields {
			manifest[key] = value
		}
		return p.putManifest("runs", "", imageManifest, manifest)
	}
	index := func(tag string, parts ...string) string {
		children := []any{}
		for _, part := range parts {
			children = append(children, map[string]any{"mediaType": imageManifest, "digest": part, "size": 1})
		}
		return p.putManifest("runs", tag, imageIndex, map[string]any{"manifests": children, "annotations": map[string]any{"tag": tag}})
	}
	parts := []string{put("0", nil), put("1", nil), put("2", nil), put("3", nil)}
	old := index("old", parts[3])
	told := func(i int) toldManifest { return p.manifests()["runs@"+parts[i]] }
	before := []toldManifest{told(0), told(1), told(2), told(3)}
	// What is new and names none of them changes nothing, nor does it when the registry deletes another one.
	p.asks(http.MethodDelete, "/v2/runs/manifests/"+put("other", nil), "", nil, http.StatusAccepted)
	p.asks(http.MethodDelete, "/v2/runs/manifests/"+old, "", nil, http.StatusAccepted)
	for i, one := range before {
		if !p.isUnchanged(one, old) {
			t.Errorf("%d is as it was", i)
		}
	}
	index("new", parts[0])
	put("about", map[string]any{"subject": map[string]any{"mediaType": imageManifest, "digest": parts[1], "size": 1}})
	put("made", map[string]any{"annotations": map[string]any{contract.ArtifactInputAnnotation: parts[2]}})
	index("old", parts[3])
	for i, one := range before {
		if one.Listed == "" || p.isUnchanged(one, old) {
			t.Errorf("%d is named by now", i)
		}
	}
	// Whoever makes a plan now knows all of it.
	if !p.isUnchanged(told(0)) {
		t.Error("it is as it was")
	}
}

func TestTheSizeOfABlobIsThatOfItsFile(t *testing.T) {
	p := newRegistryPod(t)
	p.registry, _ = startRegistryIn(t, p.data, sweptRegistry...)
	p.startKeeper()
	empty, layer := []byte("{}"), []byte("a layer")
	p.putBlob("runs", empty)
	p.putBlob("runs", layer)
	// What the registry takes as a size is more than others can count to, or none.
	for _, size := range []any{json.Number("9223372036854775807"), json.Number("9007199254740993"), 1, 0} {
		made := p.putManifest("runs", "v1", imageManifest, map[string]any{
			"config": map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha(empty), "size": len(empty)},
			"layers": []any{map[string]any{"mediaType": "application/octet-stream", "digest": sha(layer), "size": size}}})
		if one := p.manifests()["runs@"+made]; len(one.Blobs) != 3 || one.Blobs[0].Size != int64(len(layer)) || one.Blobs[1].Size != int64(len(empty)) {
			t.Errorf("%v: %+v", size, one)
		}
	}
}

func TestAKeeperKeepsAPlan(t *testing.T) {
	p := newRegistryPod(t)
	p.startKeeper()
	if status, text := p.says(http.MethodGet, "/plan", ""); status != http.StatusNotFound {
		t.Error(status, text)
	}
	for _, plan := range []string{`{"deletions":[]}`, fmt.Sprintf(`{"kept":%q}`, strings.Repeat("x", 3<<20))} {
		if status, text := p.says(http.MethodPut, "/plan", plan); status != http.StatusNoContent {
			t.Error(status, text)
		}
		if status, text := p.says(http.MethodGet, "/plan", ""); status != http.StatusOK || text != plan {
			t.Error(status, len(text))
		}
	}
	if status, text := p.says(http.MethodGet, "/sweep", ""); status != http.StatusOK || !strings.Contains(text, `"sweeping":false`) {
		t.Error(status, text)
	}
	for _, path := range []string{"/manifests", "/plan", "/sweep"} {
		if status, _ := p.saysTo(http.MethodGet, path, "", "Bearer x"); status != http.StatusUnauthorized {
			t.Error(path, status)
		}
	}
	entries, err := os.ReadDir(layout.Own(p.data))
	must(t, err)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".plan") {
			t.Errorf("%s is left", entry.Name())
		}
	}
}

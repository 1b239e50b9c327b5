package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// hostile is a registry in memory that sends whatever a test puts into it.
type hostile struct {
	*httptest.Server
	mutex     sync.Mutex
	manifests map[string][]byte // by repository
	blobs     map[string][]byte // by digest
	special   map[string]http.HandlerFunc
	seen      []string
}

func newHostile(t *testing.T) *hostile {
	h := &hostile{manifests: map[string][]byte{}, blobs: map[string][]byte{}, special: map[string]http.HandlerFunc{}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	titleKey     = "org.opencontainers.image.title"
	unpackKey    = "io.deis.oras.content.unpack"
)

func (h *hostile) serve(w http.ResponseWriter, r *http.Request) {
	h.mutex.Lock()
	h.seen = append(h.seen, r.Method+" "+r.URL.Path)
	special := h.special[r.URL.Path]
	name, digest, isBlob := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/")
	blob, hasBlob := h.blobs[digest]
	name, version, isManifest := strings.Cut(name, "/manifests/")
	manifest, hasManifest := h.manifests[name]
	if strings.HasPrefix(version, "sha256:") && version != digestOf(manifest) {
		manifest, hasManifest = h.blobs[version]
	}
	h.mutex.Unlock()
	switch {
	case special != nil:
		special(w, r)
	case isBlob && hasBlob:
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(blob)))
	case isManifest && hasManifest:
		w.Header().Set("Content-Type", typeManifest)
		if strings.Contains(string(manifest[:min(len(manifest), 200)]), typeIndex) {
			w.Header().Set("Content-Type", typeIndex)
		}
		_, _ = w.Write(manifest)
	default:
		http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`, http.StatusNotFound)
	}
}

// asked says whether somebody asked for what ends so.
func (h *hostile) asked(end string) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, line := range h.seen {
		if strings.HasSuffix(line, end) {
			return true
		}
	}
	return false
}

// put serves a manifest, and returns the reference of the input.
func (h *hostile) put(t *testing.T, manifest []byte) (reference, repository string) {
	repository = "t/" + digestOf([]byte(t.Name()))[len("sha256:"):]
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.manifests[repository] = manifest
	return h.URL + "/" + repository + ":1", repository
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// layer is a descriptor of a manifest, in which a test may put anything.
type layer map[string]any

// blob keeps content, and returns its layer; without a title it has no name.
func (h *hostile) blob(content []byte, title any) layer {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.blobs[digestOf(content)] = content
	l := layer{"mediaType": "application/octet-stream", "digest": digestOf(content), "size": len(content)}
	if title != nil {
		l["annotations"] = map[string]any{titleKey: title}
	}
	return l
}

// archive keeps content as a layer that asks to be unpacked.
func (h *hostile) archive(content []byte, title string) layer {
	l := h.blob(content, title)
	l["annotations"].(map[string]any)[unpackKey] = "true"
	return l
}

func (l layer) with(key string, value any) layer {
	changed := layer{}
	for k, v := range l {
		changed[k] = v
	}
	if changed[key] = value; value == nil {
		delete(changed, key)
	}
	return changed
}

var emptyConfig = layer{"mediaType": "application/vnd.oci.empty.v1+json", "digest": digestOf([]byte("{}")), "size": 2}

// manifestOf is that of layers, with further keys.
func manifestOf(t *testing.T, layers any, more ...any) []byte {
	t.Helper()
	m := map[string]any{"schemaVersion": 2, "mediaType": typeManifest, "artifactType": "application/x", "config": emptyConfig, "layers": layers}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	text, err := json.Marshal(m)
	must(t, err)
	return text
}

// twoWays is a manifest that programs read differently: others take the first of its keys, Go the last.
func twoWays(t *testing.T, evil, fine any) []byte {
	t.Helper()
	first, err := json.Marshal(evil)
	must(t, err)
	second, err := json.Marshal(fine)
	must(t, err)
	return []byte(`{"schemaVersion":2,"mediaType":"` + typeManifest + `","layers":` + string(first) + `,"LAYERS":` + string(second) + `}`)
}

// mostMemory is what a container may hold with a hostile input, MiB.
const mostMemory = 128

// endsSoon waits for a container that must not hang, and returns how it ended.
func endsSoon(t *testing.T, c *container) (int, string) {
	t.Helper()
	code, message := c.end()
	if len(message) > 1023 || !utf8.ValidString(message) || strings.ContainsFunc(message, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("the message is not one printable line of 1 KiB: %q", message)
	}
	return code, message
}

// taken pulls an input and runs a program with it beside a folder that nothing may touch. It returns how the container
// ended that failed, or the program, and the folder that the input was unpacked in.
func taken(t *testing.T, input string, options ...string) (code int, message, place string) {
	t.Helper()
	p := newPod(t, "")
	root := t.TempDir()
	p.work = filepath.Join(root, "work")
	must(t, os.Mkdir(p.work, 0o755))
	must(t, os.Mkdir(filepath.Join(root, "outside"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "outside/kept"), []byte("kept"), 0o644))
	t.Cleanup(func() { letBeRemoved(root) })
	p.inputs, p.pullOptions = []string{input}, options
	pull := p.preparedPull()
	pull.watchMemory()
	pull.launch()
	if !p.streams {
		code, message = endsSoon(t, pull)
	}
	if code == 0 {
		step := p.wrapped(0, []string{"echo", "ran"}, "--input-path", p.work)
		step.watchMemory()
		step.launch()
		code, message = endsSoon(t, step)
		step.stayedBelow(t, mostMemory)
		if ran := step.stdout.String(); (code == 0) != (ran == "ran\n") {
			t.Errorf("exit code %d, and the program wrote %q", code, ran)
		}
	}
	if p.streams {
		_, _ = endsSoon(t, pull)
	}
	pull.stayedBelow(t, mostMemory)
	if code != 0 && message == "" {
		t.Errorf("exit code %d without a message", code)
	}
	if code != 0 {
		if left, _ := os.ReadDir(p.work); len(left) > 0 {
			t.Errorf("a refused input left %v", left)
		}
	}
	kept, err := os.ReadFile(filepath.Join(root, "outside/kept"))
	must(t, err)
	info, err := os.Stat(filepath.Join(root, "outside/kept"))
	must(t, err)
	beside, _ := os.ReadDir(root)
	outside, _ := os.ReadDir(filepath.Join(root, "outside"))
	if string(kept) != "kept" || info.Mode() != 0o644 || linksOf(info) != 1 || len(beside) != 2 || len(outside) != 1 {
		t.Errorf("outside was touched: %q, %v, %v, %v", kept, info.Mode(), beside, outside)
	}
	return code, message, p.work
}

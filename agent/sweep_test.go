package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// What a registry of the operator is started with, as far as deleting goes: the descriptor cache of the image's own
// configuration would answer for blobs that are gone.
var sweptRegistry = []string{"REGISTRY_STORAGE_DELETE_ENABLED=true", "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=none", "REGISTRY_LOG_LEVEL=info"}

// traffic is pushers, a deleter and readers on one registry.
type traffic struct {
	t       *testing.T
	host    string
	shared  [shared][]byte
	stop    context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	kept []pushedArtifact
	// took is how long each read took since somebody last asked.
	took []time.Duration

	pushes, failed, repeated, deleted, gone, reads, unreadable atomic.Int64
	firstFailure                                               atomic.Pointer[string]
}

// shared blobs are in artifacts of several repositories; whether anything names them changes all the time.
const (
	shared       = 40
	repositories = 4
	keptAtMost   = 12
)

// pushedArtifact is one whose push succeeded and which nobody has begun to delete.
type pushedArtifact struct {
	repository, digest string
	blobs              []string
}

func newTraffic(t *testing.T, host string) *traffic {
	w := &traffic{t: t, host: host}
	for i := range w.shared {
		w.shared[i] = noiseOf(1000 + i)
	}
	return w
}

// startTraffic runs until the end of the test or its stop.
func startTraffic(t *testing.T, host string, pushers int) *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	w := newTraffic(t, host)
	w.stop = cancel
	for n := range pushers {
		w.running.Go(func() {
			for ctx.Err() == nil {
				w.push(n)
			}
		})
	}
	w.running.Go(func() {
		for ctx.Err() == nil {
			w.pushByStock()
		}
	})
	w.running.Go(func() { w.every(ctx, 2*time.Millisecond, w.deleteSome) })
	for range 2 {
		w.running.Go(func() { w.every(ctx, 5*time.Millisecond, w.read) })
	}
	t.Cleanup(w.end)
	return w
}

func (w *traffic) every(ctx context.Context, pause time.Duration, do func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for ctx.Err() == nil {
		do()
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// end waits for what is under way.
func (w *traffic) end() {
	w.stop()
	w.running.Wait()
}

func noiseOf(size int) []byte {
	content := make([]byte, size)
	_, _ = rand.Read(content)
	return content
}

func sha(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// push pushes an artifact of some shared blobs and one of its own, as a step does.
func (w *traffic) push(pusher int) { w.pushOf(pusher, noiseOf(500)) }

func (w *traffic) pushOf(pusher int, content []byte) {
	contents := [][]byte{[]byte("{}"), content, w.shared[mathrand.IntN(shared)], w.shared[mathrand.IntN(shared)]}
	name := fmt.Sprintf("steps/%d", mathrand.IntN(repositories))
	text := fmt.Sprintf("http://%s/%s:p%d-%d", w.host, name, pusher, w.pushes.Load())
	ref, err := reference.Parse(text)
	var repository *registry.Repository
	if err == nil {
		repository, err = registry.Open(ref, registry.Options{Timeout: time.Minute, Log: func(line string) {
			if strings.Contains(line, "once more") {
				w.repeated.Add(1)
			}
		}})
	}
	if err != nil {
		w.fails(text, err)
		return
	}
	defer repository.Close()
	var blobs []registry.Blob
	artifact := pushedArtifact{repository: name}
	for _, content := range contents {
		blobs = append(blobs, registry.Blob{Digest: sha(content), Size: int64(len(content)), Content: registry.Bytes(content)})
		artifact.blobs = append(artifact.blobs, sha(content))
	}
	pushed, err := repository.PushArtifact(context.Background(), blobs, imageManifest, smallManifest(contents[0], contents[1:]...))
	if err != nil {
		w.fails(text, err)
		return
	}
	artifact.digest = pushed.Digest
	w.keep(artifact)
}

const imageManifest = "application/vnd.oci.image.manifest.v1+json"

func smallManifest(config []byte, layers ...[]byte) []byte {
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	all := make([]descriptor, len(layers))
	for i, layer := range layers {
		all[i] = descriptor{"application/octet-stream", sha(layer), len(layer)}
	}
	text, _ := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": imageManifest, "layers": all,
		"config": descriptor{"application/vnd.oci.empty.v1+json", sha(config), len(config)},
	})
	return text
}

// pushByStock pushes with the oras CLI, and again where a blob went between its question and the manifest.
func (w *traffic) pushByStock() {
	folder := w.t.TempDir()
	must(w.t, os.WriteFile(filepath.Join(folder, "a"), w.shared[mathrand.IntN(shared)], 0o600))
	must(w.t, os.WriteFile(filepath.Join(folder, "b"), noiseOf(300), 0o600))
	name := fmt.Sprintf("steps/%d", mathrand.IntN(repositories))
	text := fmt.Sprintf("%s/%s:stock-%d", w.host, name, w.pushes.Load())
	for tries := 1; ; tries++ {
		out, err := stock(w.t, folder, "push", "--plain-http", "--format", "json", text, "a", "b")
		var pushed struct{ Digest string }
		if err == nil && json.Unmarshal([]byte(out), &pushed) == nil {
			artifact := pushedArtifact{repository: name, digest: pushed.Digest}
			if artifact.blobs, err = w.blobsOf(artifact); err == nil {
				w.keep(artifact)
				return
			}
		}
		if tries == 3 {
			w.fails(text, err)
			return
		}
		w.repeated.Add(1)
	}
}

func (w *traffic) fails(what string, err error) {
	w.failed.Add(1)
	text := fmt.Sprintf("%s: %v", what, err)
	w.firstFailure.CompareAndSwap(nil, &text)
}

func (w *traffic) keep(artifact pushedArtifact) {
	w.pushes.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, artifact)
}

// deleteSome deletes an artifact once there are enough: by its digest, so that its blobs are nobody's.
func (w *traffic) deleteSome() {
	w.mu.Lock()
	count := len(w.kept)
	w.mu.Unlock()
	// There is one deleter.
	if count > keptAtMost {
		w.deleteAt(mathrand.IntN(count))
	}
}

func (w *traffic) deleteAt(at int) {
	w.mu.Lock()
	artifact := w.kept[at]
	w.kept = slices.Delete(w.kept, at, at+1)
	w.mu.Unlock()
	request, _ := http.NewRequest(http.MethodDelete, w.address(artifact, "manifests", artifact.digest), nil)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Error(err)
		return
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		w.gone.Add(1)
	}
	w.deleted.Add(1)
}

func (w *traffic) address(artifact pushedArtifact, what, digest string) string {
	return fmt.Sprintf("http://%s/v2/%s/%s/%s", w.host, artifact.repository, what, digest)
}

// read reads one artifact.
func (w *traffic) read() {
	w.mu.Lock()
	if len(w.kept) == 0 {
		w.mu.Unlock()
		return
	}
	artifact := w.kept[mathrand.IntN(len(w.kept))]
	w.mu.Unlock()
	w.reads.Add(1)
	began := time.Now()
	err := w.whole(artifact)
	took := time.Since(began)
	if err != nil && w.isKept(artifact) {
		w.unreadable.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took)
}

// slowReads is what 99 of 100 reads since the last question were faster than, once there are enough of them.
func (w *traffic) slowReads() time.Duration {
	const enough = 100
	until(w.t, "reads", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.took) >= enough
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.took)
	slow := w.took[len(w.took)*99/100]
	w.took = nil
	return slow
}

func (w *traffic) isKept(artifact pushedArtifact) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.kept, func(other pushedArtifact) bool {
		return other.digest == artifact.digest && other.repository == artifact.repository
	})
}

// whole reads a manifest and all of its blobs, byte by byte.
func (w *traffic) whole(artifact pushedArtifact) error {
	if err := w.get(w.address(artifact, "manifests", artifact.digest), artifact.digest); err != nil {
		return err
	}
	for _, blob := range artifact.blobs {
		if err := w.get(w.address(artifact, "blobs", blob), blob); err != nil {
			return err
		}
	}
	return nil
}

func (w *traffic) get(address, digest string) error {
	content, err := w.content(address)
	if err == nil && sha(content) != digest {
		err = fmt.Errorf("%s has %d bytes of something else", address, len(content))
	}
	return err
}

func (w *traffic) content(address string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", imageManifest)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func (w *traffic) blobsOf(artifact pushedArtifact) ([]string, error) {
	content, err := w.content(w.address(artifact, "manifests", artifact.digest))
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	err = json.Unmarshal(content, &manifest)
	blobs := []string{manifest.Config.Digest}
	for _, layer := range manifest.Layers {
		blobs = append(blobs, layer.Digest)
	}
	return blobs, err
}

// broken are kept artifacts that cannot be read.
func (w *traffic) broken() []error {
	w.mu.Lock()
	kept := slices.Clone(w.kept)
	w.mu.Unlock()
	var found []error
	for _, artifact := range kept {
		if err := w.whole(artifact); err != nil && w.isKept(artifact) {
			found = append(found, err)
		}
	}
	return found
}

func (w *traffic) String() string {
	return fmt.Sprintf("%d pushes, of them %d repeated and %d failed, %d deleted, of them %d no longer there, %d of %d reads at a moment when it could not be read",
		w.pushes.Load(), w.repeated.Load(), w.failed.Load(), w.deleted.Load(), w.gone.Load(), w.unreadable.Load(), w.reads.Load())
}

// Why the keeper has a sweep of its own: distribution's collector looks, and deletes later what was pushed meanwhile. The
// test also proves that this traffic finds such a fault.
func TestTheRegistrysOwnCollectorBreaksArtifacts(t *testing.T) {
	if hasRaceDetector {
		t.Skip("it is about two other programs")
	}
	const atMost = 300
	data := t.TempDir()
	host, _ := startRegistryIn(t, data, sweptRegistry...)
	w := startTraffic(t, host, 3)
	for round := range atMost {
		if out, err := registryCommand(t, data, "garbage-collect", sweptRegistry...).CombinedOutput(); err != nil && !strings.Contains(string(out), "failed to") {
			t.Fatalf("%v: %s", err, out)
		}
		if len(w.broken()) == 0 {
			continue
		}
		// Not only for a moment.
		w.end()
		if broken := w.broken(); len(broken) > 0 {
			t.Logf("%d runs: %s; %d broken, such as %v", round+1, w, len(broken), broken[0])
			return
		}
		w = startTraffic(t, host, 3)
	}
	t.Fatalf("nothing was broken in %d runs: %s", atMost, w)
}

// soakFor says how long a test of minutes goes on; else it is a test of seconds.
func soakFor(t *testing.T) (time.Duration, bool) {
	text := os.Getenv("SOAK")
	if text == "" {
		return 0, false
	}
	found, err := time.ParseDuration(text)
	must(t, err)
	return found, true
}

func TestSweepsBreakNothing(t *testing.T) {
	// Blobs in the trash are there for this long: longer than a busy machine takes for one request.
	grace, passes := 3*time.Second, 0
	const enough = 40
	done := func(swept int, w *traffic) bool { return swept >= enough && w.pushes.Load() >= enough && passes >= 3 }
	if soak, is := soakFor(t); is {
		grace = 10 * time.Second
		until := time.Now().Add(soak)
		done = func(int, *traffic) bool { return time.Now().After(until) }
	}
	data := t.TempDir()
	host, _ := startRegistryIn(t, data, sweptRegistry...)
	w := startTraffic(t, host, 3)
	before := w.slowReads()
	swept, putBack, seconds := 0, 0, 0.0
	for !done(swept, w) {
		pass := sweep.Pass{Data: data, Grace: grace, Moment: 300 * time.Millisecond}
		out, err := pass.Run(t.Context())
		must(t, err)
		passes++
		swept, putBack, seconds = swept+out.Swept, putBack+out.PutBack, seconds+out.Seconds
	}
	during := w.slowReads()
	w.end()
	pass := sweep.Pass{Data: data, Grace: grace}
	_, err := pass.Run(t.Context())
	must(t, err)
	for _, err := range w.broken() {
		t.Errorf("broken: %v", err)
	}
	if gone := w.gone.Load(); gone > 0 {
		t.Errorf("%d artifacts could not be deleted", gone)
	}
	if first := w.firstFailure.Load(); first != nil {
		t.Errorf("%d pushes failed, the first: %s", w.failed.Load(), *first)
	}
	t.Logf("%d passes of %.1f s: %s; %d swept, %d put back; of 100 reads 99 are faster than %s, without a sweep %s",
		passes, seconds/float64(passes), w, swept, putBack, during, before)
}

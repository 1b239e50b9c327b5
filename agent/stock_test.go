package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// stock runs the oras CLI in a folder.
func stock(t testing.TB, folder string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.Command(testprogram.Find(t, "oras-v*", "oras"), arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := command.Output()
	return string(out), err
}

func mustStock(t *testing.T, folder string, arguments ...string) string {
	t.Helper()
	out, err := stock(t, folder, arguments...)
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("oras %v: %s", arguments, exit.Stderr)
	}
	must(t, err)
	return out
}

func plain(reference string) string { return strings.TrimPrefix(reference, "http://") }

// stockPull pulls with the oras CLI, which verifies what it unpacks, into a new folder.
func stockPull(t *testing.T, reference string) string {
	t.Helper()
	folder := t.TempDir()
	t.Cleanup(func() { letBeRemoved(folder) })
	mustStock(t, folder, "pull", "--plain-http", plain(reference))
	return folder
}

func isPushed(t *testing.T, reference string) bool {
	t.Helper()
	_, err := stock(t, t.TempDir(), "manifest", "fetch", "--descriptor", "--plain-http", plain(reference))
	return err == nil
}

func digestOfTag(t *testing.T, reference string) string {
	t.Helper()
	return strings.TrimSpace(mustStock(t, t.TempDir(), "resolve", "--plain-http", plain(reference)))
}

type pushedManifest struct {
	Annotations map[string]string
	Layers      []struct {
		MediaType   string
		Annotations map[string]string
	}
}

func manifestAt(t *testing.T, reference string) pushedManifest {
	t.Helper()
	var m pushedManifest
	must(t, json.Unmarshal([]byte(mustStock(t, t.TempDir(), "manifest", "fetch", "--plain-http", plain(reference))), &m))
	return m
}

func contentOf(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	return string(text)
}

// cache is a registry that makes names.
type cache struct {
	host string
	used atomic.Int64
}

func newCache(t *testing.T) *cache { return &cache{host: startRegistry(t)} }

// artifact is a reference that no other test uses.
func (c *cache) artifact() string {
	return fmt.Sprintf("http://%s/steps/step-%d:1", c.host, c.used.Add(1))
}

// step runs a whole step with an output, and returns its wrapped container and the container oras, which have ended.
func step(t *testing.T, output, script string, options ...string) (program, oras *container) {
	t.Helper()
	p := newPod(t, output)
	wants(t, p.pull(), 0, "")
	oras = p.push()
	program = p.program(script, options...)
	_, _ = program.end()
	_, _ = oras.end()
	return program, oras
}

// makes runs a step that succeeds.
func makes(t *testing.T, output, script string, options ...string) {
	t.Helper()
	program, oras := step(t, output, script, options...)
	wants(t, program, 0, "")
	wants(t, oras, 0, `"digest":"sha256:`)
}

// takes runs a step with inputs that succeeds, and returns the folder that they were unpacked in and what it wrote.
func takes(t *testing.T, script string, inputs ...string) (place, stdout string) {
	t.Helper()
	p := newPod(t, "")
	t.Cleanup(func() { letBeRemoved(p.work) })
	wants(t, p.pull(inputs...), 0, "")
	c := p.program(script, "--input-path", p.work)
	wants(t, c, 0, "")
	return p.work, c.stdout.String()
}

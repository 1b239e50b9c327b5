package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// fill makes the files of so many artifacts, each of a config that all have and two blobs of its own. Of every tenth the
// manifest is deleted.
func fill(t testing.TB, data string, artifacts int) {
	t.Helper()
	tree := layout.Of(data)
	write := func(name string, content []byte) {
		path := tree.Path(name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, content, 0o600))
	}
	digestOf := func(content []byte) layout.Digest {
		d, _ := layout.ParseDigest(strings.TrimPrefix(sha(content), "sha256:"))
		return d
	}
	for number := range artifacts {
		repository := fmt.Sprintf("repositories/runs/%d", number/100)
		contents := [][]byte{[]byte("{}"), fmt.Appendf(nil, "a %d", number), fmt.Appendf(nil, "b %d", number)}
		for _, content := range contents {
			d := digestOf(content)
			write(layout.Blob(d), content)
			write(filepath.Join(repository, "_layers/sha256", d.String(), "link"), []byte("sha256:"+d.String()))
		}
		manifest := smallManifest(contents[0], contents[1:]...)
		d := digestOf(manifest)
		link := []byte("sha256:" + d.String())
		write(layout.Blob(d), manifest)
		if number%10 == 0 {
			continue
		}
		write(filepath.Join(repository, "_manifests/revisions/sha256", d.String(), "link"), link)
		write(filepath.Join(repository, fmt.Sprintf("_manifests/tags/run-%d/current/link", number)), link)
	}
}

// The container of a keeper gets 32 MiB.
const keeperMiB = 24

func TestAKeeperIsSmall(t *testing.T) {
	artifacts := 1_000
	if _, is := soakFor(t); is {
		artifacts = 10_000
	}
	p := newRegistryPod(t)
	fill(t, p.data, artifacts)
	keeper := p.preparedKeeper()
	keeper.watchMemory()
	keeper.launch()
	p.untilItAnswers()
	// A pass that frees, one that finds nothing to do, and one that empties the trash.
	for pass := range 3 {
		if status, text := p.says(http.MethodPost, "/sweep", `{"grace":0}`); status != http.StatusAccepted {
			t.Fatal(status, text)
		}
		until(t, "the end of the sweep", func() bool {
			metrics := p.metrics()
			return strings.Contains(metrics, fmt.Sprintf("orascache_sweep_passes_total %d\n", pass+1))
		})
		found := p.report()
		t.Logf("%+v, %d artifacts of %d bytes", *found.LastPass, found.Artifacts, found.Bytes)
		if found.Artifacts != artifacts*9/10 || found.LastPass.Failure != "" {
			t.Errorf("%d artifacts, %+v", found.Artifacts, found.LastPass)
		}
	}
	must(t, keeper.Process.Signal(syscall.SIGTERM))
	wants(t, keeper, 0, "")
	t.Logf("it held %s kB", contentOf(t, keeper.peak))
	keeper.stayedBelow(t, keeperMiB)
}

func TestAKeeperThatMirrorsIsSmall(t *testing.T) {
	artifacts := 300
	if _, is := soakFor(t); is {
		artifacts = 3_000
	}
	p := newRegistryPod(t)
	fill(t, p.data, artifacts)
	events := freeAddress(t)
	p.tellingRegistry(events)
	remote, _ := startRegistryIn(t, t.TempDir(), sweptRegistry...)
	keeper := p.preparedKeeper("--events="+events, "--mirror-to=http://"+remote, "--mirror-repository=**")
	keeper.watchMemory()
	keeper.launch()
	p.untilItAnswers()
	for number := range artifacts {
		if number%10 != 0 {
			p.read(http.MethodGet, fmt.Sprintf("/v2/runs/%d/manifests/run-%d", number/100, number), "oras/1.3.6")
		}
	}
	told := p.untilMirrored(artifacts * 9 / 10)
	until(t, "the pulls", func() bool {
		_, pulled := p.pulls()
		return len(pulled) == artifacts*9/10
	})
	t.Logf("%+v", told)
	must(t, keeper.Process.Signal(syscall.SIGTERM))
	wants(t, keeper, 0, "")
	t.Logf("it held %s kB", contentOf(t, keeper.peak))
	keeper.stayedBelow(t, keeperMiB)
}

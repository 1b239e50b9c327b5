package main

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// bytesBelow is what the files in a folder take.
func bytesBelow(t *testing.T, folder string) (sum int64) {
	t.Helper()
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	must(t, filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	}))
	return sum
}

// Artifacts of a size as programs write them: of tiny ones the links are more than the content. What two have in common is
// there once.
func TestTheSpaceComesBackWithinTwoSchedules(t *testing.T) {
	p := newRegistryPod(t)
	host, _ := startRegistryIn(t, p.data, sweptRegistry...)
	p.startKeeper()
	p.untilItAnswers()
	w := newTraffic(t, host)
	const artifacts, kept, size = 40, 10, 256 << 10
	for range artifacts {
		w.pushOf(0, noiseOf(size))
	}
	for len(w.kept) > kept {
		w.deleteAt(0)
	}
	docker := filepath.Join(p.data, "docker")
	before := bytesBelow(t, docker)
	// What a pass takes lies in the trash until the one after the next: two schedules later (ADR 28).
	for range 3 {
		if status, text := p.says(http.MethodPost, "/sweep", `{"grace":0}`); status != http.StatusAccepted {
			t.Fatal(status, text)
		}
		until(t, "the end of the sweep", func() bool { found := p.report(); return !found.Sweeping && found.LastPass != nil })
	}
	referenced := map[string]int64{}
	for _, artifact := range w.kept {
		blobs, err := w.blobsOf(artifact)
		must(t, err)
		for _, digest := range append(blobs, artifact.digest) {
			what := "blobs"
			if digest == artifact.digest {
				what = "manifests"
			}
			content, err := w.content(w.address(artifact, what, digest))
			must(t, err)
			referenced[digest] = int64(len(content))
		}
	}
	var sum int64
	for _, bytes := range referenced {
		sum += bytes
	}
	used := bytesBelow(t, docker)
	trash := bytesBelow(t, filepath.Join(p.data, ".oras-operator", "trash"))
	t.Logf("%d bytes before, %d and %d in the trash after, %d are referenced", before, used, trash, sum)
	if sum < kept*size || float64(used+trash) > 1.05*float64(sum) {
		t.Errorf("%d bytes are used and %d in the trash, %d are referenced", used, trash, sum)
	}
}

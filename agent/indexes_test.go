package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// indexOf writes an index of artifacts with the stock client, and returns its reference.
func indexOf(t *testing.T, registry *cache, scripts ...string) string {
	t.Helper()
	reference := registry.artifact()
	repository := strings.TrimSuffix(plain(reference), ":1")
	tags := []string{"index", "create", "--plain-http", repository + ":all"}
	for i, script := range scripts {
		folder := t.TempDir()
		shell(t, folder, script)
		tag := fmt.Sprintf("part-%d", i)
		mustStock(t, folder, append([]string{"push", "--plain-http", repository + ":" + tag}, filesIn(t, folder)...)...)
		tags = append(tags, tag)
	}
	mustStock(t, t.TempDir(), append([]string{"manifest"}, tags...)...)
	return "http://" + repository + ":all"
}

func filesIn(t *testing.T, folder string) []string {
	entries, err := os.ReadDir(folder)
	must(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// An input that is an index arrives as its parts, in order, as the stock client lays it out.
func TestAnIndexIsAnInput(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	t.Run("of files and directories", func(t *testing.T) {
		t.Parallel()
		reference := indexOf(t, registry, "mkdir d-0; echo zero > d-0/f; echo same > same", "mkdir d-1; echo one > d-1/f; echo same > same", "echo two > f-2")
		folder := stockPull(t, reference)
		place, said := takes(t, "cat d-0/f d-1/f f-2 same; ls | wc -l", reference)
		if said != "zero\none\ntwo\nsame\n4\n" {
			t.Errorf("%q", said)
		}
		if one, other := contentOf(t, folder, "d-1", "f"), contentOf(t, place, "d-1", "f"); one != other {
			t.Errorf("%q, %q", one, other)
		}
	})
	t.Run("beside another input, by its digest", func(t *testing.T) {
		t.Parallel()
		reference := indexOf(t, registry, "echo zero > a", "echo one > b")
		first := registry.artifact()
		makes(t, first, "echo before > a; echo before > c", "--output-path", ".")
		if _, said := takes(t, "cat a b c", first, reference+"@"+digestOfTag(t, reference)); said != "zero\none\nbefore\n" {
			t.Errorf("%q", said)
		}
	})
	t.Run("whose parts have one name for two files", func(t *testing.T) {
		t.Parallel()
		reference := indexOf(t, registry, "mkdir d; echo zero > d/zero", "mkdir d; echo one > d/one")
		if _, err := stock(t, t.TempDir(), "pull", "--plain-http", plain(reference)); err == nil {
			t.Error("oras takes it")
		}
		wants(t, newPod(t, "").pull(reference), 184, `two files named "d"`)
	})
}

// What an index says is believed as little as what a manifest says.
func TestHostileIndexes(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	good := h.blob([]byte("hello"), "good")
	keep := func(layers ...layer) string {
		manifest := manifestOf(t, layers)
		h.blob(manifest, nil)
		return digestOf(manifest)
	}
	part := keep(good)
	index := func(children ...string) []byte {
		return []byte(`{"schemaVersion":2,"mediaType":"` + typeIndex + `","manifests":[` + strings.Join(children, ",") + `]}`)
	}
	child := func(digest string) string {
		return `{"mediaType":"` + typeManifest + `","digest":"` + digest + `","size":1}`
	}
	refuseAll(t, h, map[string]refusedManifest{
		"a part that is not there":   {index(child(part), child(digestOf([]byte("gone")))), 181, "@sha256:"},
		"a digest that is a path":    {index(child("sha256:../../../blobs")), 184, "64 hex digits"},
		"a digest that is none":      {index(child("")), 184, "64 hex digits"},
		"a part that climbs":         {index(child(part), child(keep(h.blob([]byte("x"), "../../above")))), 184, "leaves the place"},
		"itself an index":            {index(strings.Replace(child(part), typeManifest, typeIndex, 1)), 184, "other indexes"},
		"of more than 10,000":        {index(strings.Repeat(child(part)+",", 10_000) + child(part)), 184, "more than 10000"},
		"4 MiB of parts":             {index(strings.Repeat(`{},`, 1_300_000) + `{}`), 184, "more than 100000"},
		"a platform and an artifact": {index(child(part), strings.Replace(child(part), `"size"`, `"platform":{"os":"linux","architecture":"amd64"},"size"`, 1)), 184, "linux/amd64"},
	})
}

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// pushedImage is what a runtime reads of an image.
type pushedImage struct {
	ArtifactType *string `json:"artifactType"`
	Config       struct {
		MediaType, Digest string
	}
	Layers []struct {
		MediaType, Digest string
		Annotations       map[string]string
	}
}

// imageOf runs a step that pushes an image, and returns its manifest.
func imageOf(t *testing.T, reference, script string, options ...string) pushedImage {
	t.Helper()
	p := newPod(t, reference)
	wants(t, p.pull(), 0, "")
	oras := p.push("--format", "image")
	program := p.program(script, append([]string{"--format", "image"}, options...)...)
	wants(t, program, 0, "")
	wants(t, oras, 0, `"digest":"sha256:`)
	var m pushedImage
	must(t, json.Unmarshal([]byte(mustStock(t, t.TempDir(), "manifest", "fetch", "--plain-http", plain(reference))), &m))
	return m
}

func blobOf(t *testing.T, reference, digest string) []byte {
	t.Helper()
	at := plain(reference)[:len(plain(reference))-len(":1")] + "@" + digest
	return []byte(mustStock(t, t.TempDir(), "blob", "fetch", "--output", "-", "--plain-http", at))
}

// An image is what a runtime expects of one, and stock oras and steps lay out the same files as of an artifact.
func TestOutputsThatAreImages(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, c := range map[string]struct {
		script  string
		options []string
		entries []string
		reads   string
		says    string
	}{
		"a directory": {
			"mkdir -p d/e; echo one > d/one; echo two > d/e/two; chmod 750 d/e/two", []string{"--output-path", "d"},
			[]string{"d/", "d/e/", "d/e/two", "d/one"}, "cat d/one d/e/two; stat -c %a d/e/two", "one\ntwo\n750\n",
		},
		"the contents of a directory": {
			"mkdir d; echo one > d/one", []string{"--output-path", "d/."}, []string{"./", "./one"}, "cat one", "one\n",
		},
		"a file": {
			"echo one > f; chmod 755 f", []string{"--output-path", "f"}, []string{"./f"}, "cat f; stat -c %a f", "one\n755\n",
		},
		"an empty file of a long name": {
			"mkdir long; : > long/$(printf %0200d 1)", []string{"--output-path", "long/" + longName}, []string{"./" + longName}, "ls", longName + "\n",
		},
		"what the program prints": {
			"echo printed", []string{"--output-pipe", "log", "--output-path", "log"}, []string{"./log"}, "cat log", "printed\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reference := registry.artifact()
			m := imageOf(t, reference, c.script, c.options...)
			if m.ArtifactType != nil || m.Config.MediaType != "application/vnd.oci.image.config.v1+json" || len(m.Layers) != 1 {
				t.Fatalf("%+v", m)
			}
			var config struct {
				Architecture, OS string
				RootFS           struct {
					Type    string
					DiffIDs []string `json:"diff_ids"`
				}
			}
			must(t, json.Unmarshal(blobOf(t, reference, m.Config.Digest), &config))
			layer, err := gzip.NewReader(bytes.NewReader(blobOf(t, reference, m.Layers[0].Digest)))
			must(t, err)
			unpacked, err := io.ReadAll(layer)
			must(t, err)
			if config.Architecture != runtime.GOARCH || config.OS != "linux" || config.RootFS.Type != "layers" || !slices.Equal(config.RootFS.DiffIDs, []string{digestOf(unpacked)}) {
				t.Errorf("%+v, not %s", config, digestOf(unpacked))
			}
			if m.Layers[0].MediaType != "application/vnd.oci.image.layer.v1.tar+gzip" || m.Layers[0].Annotations[unpackKey] != "true" {
				t.Errorf("%+v", m.Layers[0])
			}
			if found := entriesOf(t, unpacked); !slices.Equal(found, c.entries) {
				t.Errorf("%q, not %q", found, c.entries)
			}
			// The end of the archive and nothing behind it: oras takes its digest as it reads.
			if len(unpacked)%512 != 0 || !bytes.HasSuffix(unpacked, make([]byte, 1024)) || bytes.HasSuffix(unpacked, make([]byte, 1024+512)) && name == "a file" {
				t.Errorf("%d bytes", len(unpacked))
			}
			if _, said := takes(t, c.reads, reference); said != c.says {
				t.Errorf("%q, not %q", said, c.says)
			}
			folder := stockPull(t, reference)
			shell(t, folder, c.reads)
		})
	}
}

var longName = strings.Repeat("0", 199) + "1"

func entriesOf(t *testing.T, archive []byte) (names []string) {
	t.Helper()
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		head, err := reader.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names
		}
		must(t, err)
		names = append(names, head.Name)
	}
}

// The same output is the same image, whenever it is pushed.
func TestImagesOfEqualOutputsAreEqual(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	one, other := registry.artifact(), registry.artifact()
	imageOf(t, one, "echo x > f", "--output-path", "f")
	imageOf(t, other, "sleep 1.1; echo x > f", "--output-path", "f")
	if digestOfTag(t, one) != digestOfTag(t, other) {
		t.Error("they have different digests")
	}
}

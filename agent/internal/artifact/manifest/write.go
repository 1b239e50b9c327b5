package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// Part is an output of one launcher, which becomes a layer.
type Part struct {
	// Title as pack.Output has it.
	Title     string
	Directory bool
	// Mode of a file.
	Mode os.FileMode
	// Container is the number of the wrapped container that made it, from 1.
	Container int `json:"-"`
	// Method that made the blob, and what came of it.
	Method compress.Method
	Result compress.Result
}

// Artifact is what an output's manifest tells.
type Artifact struct {
	// Repository is the last part of its name; it names an archive in zstd whose title is only ".".
	Repository string
	Parts      []Part
	// Images made it, Inputs are the digests it was made from, by their numbers; empty ones are left out.
	Images, Inputs []string
	// Architecture makes it an image of that architecture, which a kubelet can mount; empty for a plain artifact. Every part is a
	// directory in gzip then.
	Architecture string
	// Reference for messages and Code for failures.
	Reference string
	Code      int
}

// The JSON. Fields stand in the order of their names, so that the bytes are those of any program that sorts.
type (
	outConfig struct {
		Data      string `json:"data,omitempty"`
		Digest    string `json:"digest"`
		MediaType string `json:"mediaType"`
		Size      int    `json:"size"`
	}
	outLayer struct {
		Annotations map[string]string `json:"annotations"`
		Digest      string            `json:"digest"`
		MediaType   string            `json:"mediaType"`
		Size        int64             `json:"size"`
	}
	outManifest struct {
		Annotations   map[string]string `json:"annotations"`
		ArtifactType  string            `json:"artifactType,omitempty"`
		Config        outConfig         `json:"config"`
		Layers        []outLayer        `json:"layers"`
		MediaType     string            `json:"mediaType"`
		SchemaVersion int               `json:"schemaVersion"`
	}
)

// EmptyConfig is the blob that the manifest's config names (OCI image spec 1.1, "Guidance for an Empty Descriptor").
const EmptyConfig = "{}"

// Encode writes the manifest of an output. What computed the artifact is in it; when and where is not, so that the same
// computation has the same digest.
func Encode(a Artifact) ([]byte, error) {
	m := outManifest{
		Annotations:  map[string]string{createdAnnotation: "1970-01-01T00:00:00Z"},
		ArtifactType: ArtifactType,
		Config:       outConfig{Data: "e30=", Digest: EmptyDigest, MediaType: typeEmpty, Size: len(EmptyConfig)},
		Layers:       []outLayer{},
		MediaType:    TypeManifest, SchemaVersion: 2,
	}
	if a.Architecture != "" {
		// Runtimes take what has a type of its own for no image.
		config := a.Config()
		m.ArtifactType, m.Config = "", outConfig{Digest: DigestOf(config), MediaType: typeImageConfig, Size: len(config)}
	}
	number(m.Annotations, ImageAnnotation, a.Images)
	number(m.Annotations, InputAnnotation, a.Inputs)
	makers := map[string]int{} // by title
	for _, part := range a.Parts {
		layer := a.layer(part)
		title := layer.Annotations[titleAnnotation]
		if !utf8.ValidString(title) {
			return nil, failure.New(a.Code, "push to %s: the output's name %q is not UTF-8, which a manifest cannot hold; give it another name", a.Reference, title)
		}
		if other, isTaken := makers[title]; isTaken {
			return nil, failure.New(a.Code, "push to %s: the wrapped containers %d and %d both made an output named %s; give one of them an output path of another name; nothing was pushed",
				a.Reference, other, part.Container, names.Printable(title))
		}
		makers[title] = part.Container
		m.Layers = append(m.Layers, layer)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		return nil, err
	}
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(raw) > MostBytes {
		return nil, failure.New(a.Code, "push to %s: its manifest would have %d bytes, more than the %d that registries take", a.Reference, len(raw), MostBytes)
	}
	return raw, nil
}

// Config is the blob that the manifest's config names: that of an image says which layers it has when they are unpacked
// (OCI image spec 1.1, "Image Configuration"), and nothing of when it was made.
func (a Artifact) Config() []byte {
	if a.Architecture == "" {
		return []byte(EmptyConfig)
	}
	layers := make([]string, len(a.Parts))
	for i, part := range a.Parts {
		layers[i] = part.Result.Content.Digest
	}
	config, _ := json.Marshal(map[string]any{
		"architecture": a.Architecture, "os": "linux", "config": struct{}{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": layers},
	})
	return config
}

// DigestOf returns the digest of a blob.
func DigestOf(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (a Artifact) layer(part Part) outLayer {
	layer := outLayer{
		Annotations: map[string]string{titleAnnotation: part.Title},
		Digest:      part.Result.Blob.Digest, Size: part.Result.Blob.Size, MediaType: typeTar, // as oras push names files
	}
	switch {
	case !part.Directory:
		if mode := part.Mode.Perm(); mode != 0o644 {
			layer.Annotations[ModeAnnotation] = fmt.Sprintf("%04o", mode)
		}
	case part.Method == compress.Zstd:
		title := part.Title
		if title == "." {
			title = a.Repository[strings.LastIndexByte(a.Repository, '/')+1:]
		}
		layer.MediaType = typeTarZstd
		layer.Annotations[titleAnnotation] = title + zstdSuffix
		layer.Annotations[UnpackAnnotation] = "true"
	default:
		layer.MediaType = typeTarGzip
		layer.Annotations[unpackAnnotation] = "true"
		layer.Annotations[contentAnnotation] = part.Result.Content.Digest
	}
	return layer
}

// number adds values under key, key_1, key_2.
func number(annotations map[string]string, key string, values []string) {
	for i, value := range values {
		if value == "" {
			continue
		}
		numbered := key
		if i > 0 {
			numbered += "_" + strconv.Itoa(i)
		}
		annotations[numbered] = value
	}
}

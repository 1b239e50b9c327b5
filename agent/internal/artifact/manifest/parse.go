package manifest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// MostBytes is the largest manifest that registries take (distribution spec, "Pushing Manifests").
const MostBytes = 4 << 20

// longestTitle is in bytes; paths of Linux are no longer.
const longestTitle = 4096

// Source says where a manifest is from.
type Source struct {
	// Reference of the artifact as its author wrote it, for messages.
	Reference string
	// MediaType is what the registry says that it is (Content-Type); it may be empty.
	MediaType string
	// Code is the exit code of the failures that are returned.
	Code int
}

// Layer is a file or directory of an input.
type Layer struct {
	// Digest is "sha256:" and 64 lower-case hex digits, Size the bytes of the blob.
	Digest string
	Size   int64
	// Title is the path below the target, cleaned; "" is the target itself and stands for the contents of a directory.
	Title string
	// Archive says that the blob is a tar, compressed with gzip or zstd, to be unpacked.
	Archive bool
	// Guessed says that only the media type tells so, as oras-py writes it: worth a line in the log.
	Guessed bool
	// Mode of a file.
	Mode os.FileMode

	zstd bool
}

// PackedName is the name of an archive that is not unpacked. Repository names the one whose title is only ".".
func (l Layer) PackedName(repository string) string {
	title := l.Title
	if title == "" {
		title = repository[strings.LastIndexByte(repository, '/')+1:]
	}
	if l.zstd {
		return title + zstdSuffix
	}
	return title + ".tar.gz"
}

const zstdSuffix = ".tar.zst"

// Manifest is what an input consists of.
type Manifest struct {
	ArtifactType string
	// Layers are those with a name, in order; others are not fetched, and neither is a subject.
	Layers []Layer
	// Bytes is the sum of their sizes.
	Bytes int64
	// Parts are the digests of the manifests of an index, in order. It has no layers of its own: see Join.
	Parts []string
}

// mostParts of an index: the operator writes no more (output-index).
const mostParts = 10_000

// MostPartBytes is how large the manifests of an index may be together: all are held in memory.
const MostPartBytes = 32 << 20

// descriptor and document are the JSON, with numbers as they are written.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        json.RawMessage   `json:"size"`
	Annotations map[string]string `json:"annotations"`
	Platform    *struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	} `json:"platform"`
}

type document struct {
	SchemaVersion json.RawMessage   `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *descriptor       `json:"config"`
	Subject       *descriptor       `json:"subject"`
	Layers        []descriptor      `json:"layers"`
	Manifests     []descriptor      `json:"manifests"`
	Blobs         json.RawMessage   `json:"blobs"`
	Annotations   map[string]string `json:"annotations"`
}

// parser makes the failures of one manifest.
type parser struct{ source Source }

func (p parser) refuse(format string, args ...any) error {
	return failure.New(p.source.Code, "input %s: %s", p.source.Reference, fmt.Sprintf(format, args...))
}

// Parse reads the manifest of an input. Every failure says what it is instead, and what to do.
func Parse(raw []byte, source Source) (*Manifest, error) {
	p := parser{source}
	if len(raw) > MostBytes {
		return nil, p.refuse("its manifest has %d bytes, more than the %d that registries take", len(raw), MostBytes)
	}
	if err := checkKeys(raw); err != nil {
		return nil, p.refuse("its manifest is refused: %s", err)
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, p.refuse("its manifest is not that of an artifact: %s", words(err))
	}
	isIndex, err := p.checkKind(&d)
	if err != nil {
		return nil, err
	}
	if err := p.checkOthers(&d); err != nil {
		return nil, err
	}
	m := &Manifest{ArtifactType: d.ArtifactType}
	if isIndex {
		m.Parts, err = p.parts(&d)
		return m, err
	}
	for i := range d.Layers {
		layer, named, err := p.layer(&d, &d.Layers[i])
		if err != nil {
			return nil, err
		}
		if !named {
			continue
		}
		if layer.Size > math.MaxInt64-m.Bytes {
			return nil, p.refuse("its layers are larger than any disk")
		}
		m.Bytes += layer.Size
		m.Layers = append(m.Layers, layer)
	}
	if len(m.Layers) == 0 {
		return nil, p.nothing(&d)
	}
	return m, p.checkTitles(m)
}

// Join makes one artifact of the parts of an index. Like oras, it refuses two files of one name that are not the same.
func Join(index *Manifest, parts []*Manifest, source Source) (*Manifest, error) {
	p := parser{source}
	all := &Manifest{ArtifactType: index.ArtifactType}
	for i, part := range parts {
		if len(part.Parts) > 0 {
			return nil, p.refuse("part %d of its index is an index again", i)
		}
		if part.Bytes > math.MaxInt64-all.Bytes {
			return nil, p.refuse("its layers are larger than any disk")
		}
		all.Bytes += part.Bytes
		all.Layers = append(all.Layers, part.Layers...)
	}
	return all, p.checkTitles(all)
}

func words(err error) string {
	return names.Printable(strings.TrimPrefix(err.Error(), "json: "))
}

var (
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	sizePattern   = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)
	modePattern   = regexp.MustCompile(`^0[0-7]{3}$`)
	// anyDigestPattern is that of any algorithm (image spec 1.1, "Digests").
	anyDigestPattern = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$`)
)

// checkOthers refuses a manifest whose config or subject has a digest that is none. Neither is fetched; who wrote such a
// manifest means harm, or a program that does.
func (p parser) checkOthers(d *document) error {
	for _, other := range []struct {
		name string
		at   *descriptor
	}{{"config", d.Config}, {"subject", d.Subject}} {
		if other.at != nil && !anyDigestPattern.MatchString(other.at.Digest) {
			return p.refuse("its manifest is refused: its %s has the digest %q, which is none", other.name, names.Printable(other.at.Digest))
		}
	}
	return nil
}

// layer checks a layer and tells whether it has a name.
func (p parser) layer(d *document, l *descriptor) (Layer, bool, error) {
	shown := names.Printable(l.Annotations[titleAnnotation])
	if !digestPattern.MatchString(l.Digest) {
		return Layer{}, false, p.refuse("its manifest is refused: the layer %q has the digest %q, which is not sha256: and 64 hex digits", shown, names.Printable(l.Digest))
	}
	if !sizePattern.Match(l.Size) {
		return Layer{}, false, p.refuse("its manifest is refused: the layer %q has the size %q, which is not a number of bytes", shown, names.Printable(string(l.Size)))
	}
	size, err := strconv.ParseInt(string(l.Size), 10, 64)
	if err != nil {
		return Layer{}, false, p.refuse("its manifest is refused: the layer %q has the size %s", shown, l.Size)
	}
	title := l.Annotations[titleAnnotation]
	if title == "" { // to oras, no name
		return Layer{}, false, nil
	}
	out := Layer{Digest: l.Digest, Size: size, Mode: 0o644}
	switch mark, marked := l.Annotations[unpackAnnotation]; {
	case mark == "true":
		out.Archive = true
	case l.Annotations[UnpackAnnotation] == "true":
		out.Archive, out.zstd = true, true
		title = strings.TrimSuffix(title, zstdSuffix)
	case !marked && isDirectoryOfOrasPy(d, l):
		out.Archive, out.Guessed = true, true
	}
	if out.Title, err = names.Clean(title, longestTitle); err != nil {
		return Layer{}, false, p.refuse("the file name %q leaves the place it is unpacked in: %s", shown, err)
	}
	if !out.Archive && (out.Title == "" || strings.HasSuffix(title, "/") || strings.HasSuffix(title, "/.")) {
		return Layer{}, false, p.refuse("the file name %q is that of a directory", shown)
	}
	if mode := l.Annotations[ModeAnnotation]; modePattern.MatchString(mode) {
		bits, _ := strconv.ParseUint(mode, 8, 32) // the pattern is octal
		out.Mode = os.FileMode(bits)
	}
	return out, true, nil
}

// isDirectoryOfOrasPy knows a directory that oras-py pushed: it marks them by media type alone. A file that is an archive
// already is one to its user, and stays one.
func isDirectoryOfOrasPy(d *document, l *descriptor) bool {
	if l.MediaType != typeTarGzip || d.Config == nil || d.Config.MediaType != typeUnknownConfig {
		return false
	}
	title := strings.ToLower(l.Annotations[titleAnnotation])
	for _, suffix := range []string{".tar", ".gz", ".tgz", ".zip"} {
		if strings.HasSuffix(title, suffix) {
			return false
		}
	}
	return true
}

// checkTitles refuses what cannot be unpacked side by side.
func (p parser) checkTitles(m *Manifest) error {
	files := map[string]string{}
	kept := m.Layers[:0]
	for _, l := range m.Layers {
		if digest, ok := files[l.Title]; ok {
			if digest != l.Digest || l.Archive {
				return p.refuse("it has two files named %q; which is meant cannot be known", names.Printable(l.Title))
			}
			continue
		}
		files[l.Title] = l.Digest
		kept = append(kept, l)
	}
	m.Layers = kept
	archives := map[string]bool{}
	for _, l := range kept {
		archives[l.Title] = l.Archive
	}
	for _, l := range kept {
		for above, _ := names.Split(l.Title); above != ""; above, _ = names.Split(above) {
			if archive, ok := archives[above]; ok && !archive {
				return p.refuse("it has a file %q and another below it, %q", names.Printable(above), names.Printable(l.Title))
			}
		}
	}
	return nil
}

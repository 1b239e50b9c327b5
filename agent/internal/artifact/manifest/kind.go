package manifest

import (
	"fmt"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// checkKind refuses what is no artifact, in words. It says whether it is an index of several.
func (p parser) checkKind(d *document) (isIndex bool, err error) {
	said := p.source.MediaType
	if i := strings.IndexByte(said, ';'); i >= 0 {
		said = said[:i]
	}
	said = strings.TrimSpace(said)
	if said != "" && d.MediaType != "" && said != d.MediaType {
		return false, p.refuse("its manifest says that it is %s, but the registry says %s", names.Printable(d.MediaType), names.Printable(said))
	}
	kind := d.MediaType
	if kind == "" {
		kind = said
	}
	if d.Layers != nil && d.Manifests != nil {
		return false, p.refuse("its manifest has layers and manifests, which programs understand differently")
	}
	switch {
	case kind == TypeIndex || kind == typeDockerList || d.Manifests != nil:
		isIndex = true
	case kind == typeArtifact || d.Blobs != nil:
		return false, p.refuse("it is of the kind %s, which was withdrawn from OCI; push it again with a current client", typeArtifact)
	case kind == TypeManifest || kind == typeDockerManifest || kind == "":
	case kind == "application/json" || kind == "application/octet-stream" || kind == "text/plain":
		// What registries say that do not know.
	default:
		return false, p.refuse("it is of the kind %s, not an artifact", names.Printable(kind))
	}
	if string(d.SchemaVersion) != "2" {
		return false, p.refuse("its manifest has the schema version %q, not 2; push it again with a current client", names.Printable(string(d.SchemaVersion)))
	}
	return isIndex, nil
}

// parts are the digests of the manifests of an index, all of which are the artifact.
func (p parser) parts(d *document) ([]string, error) {
	if len(d.Manifests) == 0 {
		return nil, p.refuse("it is an index, not an artifact, and lists none; name the artifact itself")
	}
	if len(d.Manifests) > mostParts {
		return nil, p.refuse("it is an index of %d artifacts, more than %d", len(d.Manifests), mostParts)
	}
	parts := make([]string, len(d.Manifests))
	for i, m := range d.Manifests {
		if !digestPattern.MatchString(m.Digest) {
			return nil, p.refuse("its index is refused: part %d has the digest %q, which is not sha256: and 64 hex digits", i, names.Printable(m.Digest))
		}
		if m.Platform != nil || m.MediaType != TypeManifest {
			return nil, p.refuse("it is an index of an image's platforms, or of other indexes, not of artifacts; name one of them by its digest: %s", listed(d.Manifests))
		}
		parts[i] = m.Digest
	}
	return parts, nil
}

// listed names some of what an index lists, so that one can be chosen.
func listed(manifests []descriptor) string {
	const most = 5
	var list []string
	for _, m := range manifests {
		if len(list) == most {
			list = append(list, fmt.Sprintf("and %d more", len(manifests)-most))
			break
		}
		if !digestPattern.MatchString(m.Digest) {
			continue
		}
		text := m.Digest
		if m.Platform != nil && m.Platform.OS != "" {
			text += " for " + names.Printable(m.Platform.OS+"/"+m.Platform.Architecture)
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// nothing says why there is nothing to unpack.
func (p parser) nothing(d *document) error {
	const remedy = "none of its layers has a file name (annotation " + titleAnnotation + "); push the file with oras push"
	config := ""
	if d.Config != nil {
		config = d.Config.MediaType
	}
	empty := true
	cosign := false
	for _, l := range d.Layers {
		empty = empty && l.MediaType == typeEmpty
		cosign = cosign || l.MediaType == typeCosign
	}
	switch {
	case config == typeHelmConfig:
		return p.refuse("it is a helm chart: %s, or fetch it in the program with helm pull", remedy)
	case config == typeFluxConfig:
		return p.refuse("it is a source of flux: %s, or fetch it in the program with flux pull", remedy)
	case cosign:
		return p.refuse("it is a signature of cosign: %s", remedy)
	case empty:
		return p.refuse("it is empty: it has no files, only annotations")
	case config == typeImageConfig || config == typeDockerConfig || d.MediaType == typeDockerManifest:
		return p.refuse("it is a container image, not an artifact: %s, or run the image as a container of the step", remedy)
	}
	return p.refuse("there is nothing to unpack: %s", remedy)
}

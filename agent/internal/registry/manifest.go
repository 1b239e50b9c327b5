package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// maxManifest in bytes: registries need not take larger ones (distribution specification, "Pushing Manifests").
const maxManifest = 4 << 20

// Manifest is what a tag or digest stands for.
type Manifest struct {
	// Digest of Bytes: what is asked for from now on.
	Digest string
	// MediaType that the registry gave, without parameters.
	MediaType string
	Bytes     []byte
}

// accepted are the media types of whatever an author can name by mistake too, so that it can be said what it is.
var accepted = []string{
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.artifact.manifest.v1+json",
	"*/*;q=0.1",
}

// Manifest resolves the reference, once: the manifest's bytes as they are, its digest made from them and compared with
// the one that was asked for or that the registry named. A 404 tells which tags there are.
func (r *Repository) Manifest(ctx context.Context) (Manifest, error) {
	found, err := r.manifestOf(ctx, r.ref)
	if e := As(err); e != nil && e.Kind == NotFound {
		r.explainNotFound(ctx, e)
	}
	return found, err
}

// Part reads another manifest of the repository, such as one that its index lists.
func (r *Repository) Part(ctx context.Context, digest string) (Manifest, error) {
	part := r.ref
	part.Tag, part.Digest = "", digest
	return r.manifestOf(ctx, part)
}

func (r *Repository) manifestOf(ctx context.Context, ref reference.Reference) (Manifest, error) {
	var found Manifest
	err := r.retry(ctx, ref.Name(), func(ctx context.Context) error {
		resp, err := r.do(ctx, request{method: http.MethodGet, url: r.at("/manifests/" + ref.Version()), header: http.Header{"Accept": {strings.Join(accepted, ", ")}}})
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		found, err = r.readManifest(ctx, resp, ref.Digest)
		return err
	})
	return found, err
}

// readManifest compares it with the digest that was asked for, if any.
func (r *Repository) readManifest(ctx context.Context, resp *http.Response, asked string) (Manifest, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType == "text/html" {
		return Manifest{}, invalid("the registry answered with a web page, not a manifest; a login page or a proxy may be in between")
	}
	body, err := readBounded(resp, maxManifest)
	if err != nil {
		return Manifest{}, r.bodyError(ctx, err)
	}
	digest := digestOf(body)
	named := resp.Header.Get("Docker-Content-Digest")
	if asked != "" {
		named = asked
	}
	if reference.IsDigest(named) && named != digest {
		return Manifest{}, invalid("the manifest that the registry sent is not %s but %s", named, digest)
	}
	return Manifest{Digest: digest, MediaType: Clean(mediaType, 120), Bytes: body}, nil
}

// replacedWithin is how long it is asked what a tag stood for before: it is good to know, no more.
const replacedWithin = 15 * time.Second

// DigestOfTag returns what the tag stands for now, or nothing where there is none or it cannot be known.
func (r *Repository) DigestOfTag(ctx context.Context) string {
	digest := ""
	if r.ref.Tag == "" {
		return ""
	}
	_ = within(ctx, min(replacedWithin, r.o.Timeout), func(ctx context.Context) error {
		header, err := r.headManifest(ctx, r.ref.Tag)
		digest = header.Get("Docker-Content-Digest")
		return err
	})
	if !reference.IsDigest(digest) {
		return ""
	}
	return digest
}

// HasManifest says whether the registry has the manifest. It costs less than the manifest itself, also where registries
// count pulls; of another refusal than 404 the words are missing: ask for the manifest then.
func (r *Repository) HasManifest(ctx context.Context) (bool, error) {
	err := r.retry(ctx, r.ref.Name(), func(ctx context.Context) error {
		_, err := r.headManifest(ctx, r.ref.Version())
		return err
	})
	if e := As(err); e != nil && e.Kind == NotFound {
		return false, nil
	}
	return err == nil, err
}

func (r *Repository) headManifest(ctx context.Context, version string) (http.Header, error) {
	resp, err := r.do(ctx, request{method: http.MethodHead, url: r.at("/manifests/" + version), header: http.Header{"Accept": {strings.Join(accepted, ", ")}}})
	if err != nil {
		return nil, err
	}
	return resp.Header, resp.Body.Close()
}

// tooLongError: an answer that is longer than it can be.
type tooLongError struct{ most int64 }

func (e tooLongError) Error() string { return fmt.Sprintf("longer than %d bytes", e.most) }

// readBounded reads a whole answer.
func readBounded(resp *http.Response, most int64) ([]byte, error) {
	if resp.ContentLength > most {
		return nil, tooLongError{most}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(body)) > most {
		return nil, tooLongError{most}
	}
	return body, err
}

// bodyError is fromNetwork for what breaks after the status.
func (r *Repository) bodyError(ctx context.Context, err error) error {
	if long, ok := err.(tooLongError); ok {
		return invalid("what the registry sent is longer than a manifest can be, %d MiB", long.most>>20)
	}
	if ended := r.ended(ctx); ended != nil {
		return ended
	}
	return fromNetwork(err, r.ref.Host)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

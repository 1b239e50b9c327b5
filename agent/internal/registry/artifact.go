package registry

import (
	"context"
	"net/http"
	"strings"
)

// Pushed is what a push did.
type Pushed struct {
	// Digest of the manifest.
	Digest string
	// Replaced is the digest that the tag stood for before, empty when there was none, it was the same, or it cannot be known.
	Replaced string
}

// PushArtifact pushes blobs, then the manifest under the reference's tag: whoever sees the tag sees the whole artifact.
// Blobs that a garbage collection took in between are pushed again.
func (r *Repository) PushArtifact(ctx context.Context, blobs []Blob, mediaType string, manifest []byte) (Pushed, error) {
	for again := 1; ; again++ {
		pushed, err := r.pushOnce(ctx, blobs, mediaType, manifest)
		e := As(err)
		if e == nil || e.Code != "MANIFEST_BLOB_UNKNOWN" && e.Code != "BLOB_UNKNOWN" || again > pushesAgain {
			return pushed, err
		}
		r.o.Log(r.ref.Name() + ": " + e.Reason + "; pushing it once more")
	}
}

// pushesAgain is how often blobs may vanish under one push: a collection may take one after the other.
const pushesAgain = 3

func (r *Repository) pushOnce(ctx context.Context, blobs []Blob, mediaType string, manifest []byte) (Pushed, error) {
	for _, blob := range blobs {
		if err := r.PushBlob(ctx, blob); err != nil {
			return Pushed{}, err
		}
	}
	return r.PushManifest(ctx, mediaType, manifest)
}

// PushManifest puts a manifest, whose blobs are all there, under the reference's tag.
func (r *Repository) PushManifest(ctx context.Context, mediaType string, manifest []byte) (Pushed, error) {
	if len(manifest) > maxManifest {
		return Pushed{}, invalid("the manifest has %d bytes; registries take %d MiB", len(manifest), maxManifest>>20)
	}
	digest := digestOf(manifest)
	pushed := Pushed{Digest: digest, Replaced: r.DigestOfTag(ctx)}
	if pushed.Replaced == digest {
		pushed.Replaced = ""
	}
	header := http.Header{"Content-Type": {mediaType}}
	tries := 0
	err := r.retry(ctx, r.ref.Name(), func(ctx context.Context) error {
		tries++
		resp, err := r.do(ctx, request{method: http.MethodPut, url: r.at("/manifests/" + r.ref.Version()), header: header, body: Bytes(manifest), size: int64(len(manifest))})
		if err != nil {
			return err
		}
		named := resp.Header.Get("Docker-Content-Digest")
		_ = resp.Body.Close()
		if resp.StatusCode >= 300 {
			return invalid("the registry answered %d to the manifest, not 201", resp.StatusCode)
		}
		if named != "" && named != digest {
			return invalid("the registry stored %s, not the manifest that was pushed, %s", Clean(named, 100), digest)
		}
		return nil
	})
	e := As(err)
	if e == nil {
		return pushed, err
	}
	// The answer to an earlier try may have been lost; where tags cannot be replaced, the next one is refused.
	if tries > 1 && !e.passes && r.DigestOfTag(ctx) == digest {
		return pushed, nil
	}
	if e.Kind == Invalid && e.Hint == "" && isImmutable(e) {
		e.Hint = "tags cannot be replaced in this repository: write another tag, for example with $(POD_UID)"
	}
	return pushed, err
}

// isImmutable knows the words of Harbor (412), Amazon's (400) and others for a tag that cannot be replaced.
func isImmutable(e *Error) bool {
	text := strings.ToLower(e.Code + " " + e.Reason)
	return e.Status == http.StatusPreconditionFailed || strings.Contains(text, "immutable") || strings.Contains(text, "already exists")
}

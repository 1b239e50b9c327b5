package bucket

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

const (
	// registryKeys is where distribution keeps everything, below its root directory: see the package layout.
	registryKeys   = "docker/registry/v2/"
	blobKeys       = registryKeys + "blobs/"
	repositoryKeys = registryKeys + "repositories/"
)

// look is what one listing told. A listing of S3 has what was there when it began; what came meanwhile may be missing.
type look struct {
	// blobs is nil where the listing was of the repositories alone.
	blobs     map[layout.Digest]Object
	layers    []link
	revisions []link
	tags      []tag
	// others are layers by another name than the digest of the content, which a manifest may use in its place.
	others []string
}

// link says that a repository has a blob or a manifest.
type link struct {
	repository string
	digest     layout.Digest
	modified   time.Time
}

type tag struct {
	repository, name string
	modified         time.Time
}

// lookAt lists what is below some keys.
func lookAt(ctx context.Context, c *Client, keys string) (*look, error) {
	found := &look{blobs: map[layout.Digest]Object{}}
	// Each of the repositories is kept once.
	last := ""
	err := c.List(ctx, keys, func(object Object) error {
		if name, is := strings.CutPrefix(object.Key, blobKeys); is {
			found.blob(name, object)
			return nil
		}
		name, is := strings.CutPrefix(object.Key, repositoryKeys)
		if !is {
			return nil
		}
		repository, below, is := cutRepository(name)
		if !is {
			return nil
		}
		if repository != last {
			last = strings.Clone(repository)
		}
		found.below(last, below, object)
		return nil
	})
	return found, err
}

// cutRepository: no part of a repository's name begins with an underscore.
func cutRepository(name string) (repository, below string, is bool) {
	at := strings.Index(name, "/_")
	if at < 0 {
		return "", "", false
	}
	return name[:at], name[at+1:], true
}

func (l *look) blob(name string, object Object) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "sha256" || parts[3] != "data" {
		return
	}
	if d, is := layout.ParseDigest(parts[2]); is {
		object.Key = "" // It follows from the digest.
		l.blobs[d] = object
	}
}

func (l *look) below(repository, below string, object Object) {
	parts := strings.Split(below, "/")
	if parts[len(parts)-1] != "link" {
		return
	}
	switch {
	case len(parts) == 4 && parts[0] == "_layers":
		if d, is := layout.ParseDigest(parts[2]); is && parts[1] == "sha256" {
			l.layers = append(l.layers, link{repository, d, object.Modified})
		} else {
			l.others = append(l.others, object.Key)
		}
	case len(parts) == 5 && parts[1] == "revisions":
		// One of another algorithm stands for a manifest under another name; the registry of today writes none.
		if d, is := layout.ParseDigest(parts[3]); is && parts[2] == "sha256" {
			l.revisions = append(l.revisions, link{repository, d, object.Modified})
		} else {
			l.others = append(l.others, object.Key)
		}
	case len(parts) == 5 && parts[1] == "tags" && parts[3] == "current":
		l.tags = append(l.tags, tag{repository, strings.Clone(parts[2]), object.Modified})
	}
}

func blobKey(d layout.Digest) string { return registryKeys + layout.Blob(d) }

func (l link) layerKey() string {
	return repositoryKeys + l.repository + "/_layers/sha256/" + l.digest.String() + "/link"
}

func (l link) revisionKey() string {
	return registryKeys + layout.Revision(l.repository, l.digest)
}

func (t tag) key() string { return registryKeys + layout.Tag(t.repository, t.name) }

// isOther is a digest of another algorithm than sha256.
var isOther = regexp.MustCompile(`^[a-z0-9+._-]+:[0-9a-fA-F]+$`)

// linkTo is the digest that a link holds; false where that is of another algorithm. What is no digest is an error: a tag that is
// taken for none makes an artifact one that nobody needs.
func (c *Client) linkTo(ctx context.Context, key string) (layout.Digest, bool, error) {
	content, err := c.Get(ctx, key)
	if err != nil {
		return layout.Digest{}, false, err
	}
	digits, isSHA256 := strings.CutPrefix(string(content), "sha256:")
	d, is := layout.ParseDigest(digits)
	if isSHA256 && is || !isSHA256 && isOther.Match(content) {
		return d, isSHA256, nil
	}
	return layout.Digest{}, false, fmt.Errorf("%s holds no digest; if it does not either when you read it, delete it", c.full(key))
}

// content reads a manifest, of which nothing may be missing: what it does not name is deleted.
func (c *Client) content(ctx context.Context, key string, d layout.Digest) ([]byte, error) {
	content, err := c.Get(ctx, key)
	if err == nil && layout.Digest(sha256.Sum256(content)) != d {
		return nil, fmt.Errorf("the content of %s is not that of its digest; if it is not either when you read it, push it again", c.full(key))
	}
	return content, err
}

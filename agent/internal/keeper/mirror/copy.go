package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

const (
	imageManifest = "application/vnd.oci.image.manifest.v1+json"
	imageIndex    = "application/vnd.oci.image.index.v1+json"
	// deepest is how deep indexes of indexes go, which nobody nests.
	deepest = 8
)

// named is what a manifest says of what it consists of.
type named struct {
	MediaType string      `json:"mediaType"`
	Config    *descriptor `json:"config"`
	// Subject is what a referrer is about.
	Subject   *descriptor  `json:"subject"`
	Layers    []descriptor `json:"layers"`
	Manifests []descriptor `json:"manifests"`
}

type descriptor struct {
	Digest string `json:"digest"`
	// URLs are where a layer is that registries do not have.
	URLs []string `json:"urls"`
}

// copying is one artifact on its way to the remote registry.
type copying struct {
	source  Source
	from    string
	to      reference.Reference
	options registry.Options
	// seen are the manifests that it consists of, as far as they are copied: indexes may name one again and again, and indexes
	// of such indexes had it copied a million times.
	seen map[layout.Digest]bool
}

// open opens the remote repository, with the Secret as it is by now.
func (m *Mirror) open(repository, tag string) (copying, *registry.Repository, error) {
	to := reference.Reference{Host: m.To.Host, PlainHTTP: m.To.PlainHTTP, Repository: repository, Tag: tag}
	if m.To.Prefix != "" {
		to.Repository = m.To.Prefix + "/" + repository
	}
	c := copying{source: m.From, from: repository, to: to, options: m.Registry, seen: map[layout.Digest]bool{}}
	c.options.Use = credentials.Push
	if m.Secret != "" {
		secret, err := credentials.Read(m.Secret, m.To.Host)
		if err != nil {
			return c, nil, err
		}
		c.options.Secret = secret
	}
	remote, err := registry.Open(to, c.options)
	return c, remote, err
}

// manifest copies a manifest after what it consists of: whoever sees it sees all of it.
func (c copying) manifest(ctx context.Context, remote *registry.Repository, d layout.Digest, depth int) error {
	text, err := c.source.Manifest(ctx, c.from, d)
	if err != nil {
		return c.broken("the manifest", d, err)
	}
	return c.text(ctx, remote, text, depth)
}

func (c copying) text(ctx context.Context, remote *registry.Repository, text []byte, depth int) error {
	var its named
	if err := json.Unmarshal(text, &its); err != nil {
		return fmt.Errorf("its manifest cannot be read: %w", err)
	}
	if depth > deepest {
		return errors.New("its indexes name each other more than 8 deep")
	}
	others := its.Manifests
	if its.Subject != nil {
		others = append(others, *its.Subject)
	}
	for _, child := range others {
		if err := c.child(ctx, child, depth); err != nil {
			return err
		}
	}
	blobs, err := c.blobs(ctx, its)
	if err != nil {
		return err
	}
	_, err = remote.PushArtifact(ctx, blobs, its.mediaType(), text)
	return err
}

// child copies a manifest of an index, or what a referrer is about. Some were never pushed, as those of other platforms.
func (c copying) child(ctx context.Context, child descriptor, depth int) error {
	d, is := digestOf(child.Digest)
	if !is {
		return fmt.Errorf("it names %s, which is no SHA-256", registry.Clean(child.Digest, 100))
	}
	if c.seen[d] {
		return nil
	}
	c.seen[d] = true
	text, err := c.source.Manifest(ctx, c.from, d)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return c.broken("the manifest", d, err)
	}
	to := c.to
	to.Tag, to.Digest = "", child.Digest
	remote, err := registry.Open(to, c.options)
	if err != nil {
		return err
	}
	defer remote.Close()
	return c.text(ctx, remote, text, depth+1)
}

func (c copying) blobs(ctx context.Context, its named) ([]registry.Blob, error) {
	all := its.Layers
	if its.Config != nil {
		all = append(all, *its.Config)
	}
	var blobs []registry.Blob
	for _, one := range all {
		d, is := digestOf(one.Digest)
		if !is {
			return nil, fmt.Errorf("it names %s, which is no SHA-256", registry.Clean(one.Digest, 100))
		}
		blob, err := c.source.Blob(ctx, c.from, d)
		if errors.Is(err, fs.ErrNotExist) && len(one.URLs) > 0 {
			continue
		}
		if err != nil {
			return nil, c.broken("the blob", d, err)
		}
		blobs = append(blobs, blob)
	}
	return blobs, nil
}

// broken says what is not there. It wraps none of the errors that say that a tag is gone: that is looked at before.
func (c copying) broken(what string, d layout.Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s sha256:%s is not %s", what, d, c.source.Place())
	}
	return fmt.Errorf("%s sha256:%s cannot be read: %w", what, d, err)
}

// mediaType is what the registry says of a manifest that does not say it itself.
func (n named) mediaType() string {
	switch {
	case n.MediaType != "":
		return n.MediaType
	case n.Manifests != nil:
		return imageIndex
	default:
		return imageManifest
	}
}

func digestOf(text string) (layout.Digest, bool) {
	digits, is := strings.CutPrefix(text, "sha256:")
	d, parsed := layout.ParseDigest(digits)
	return d, is && parsed
}

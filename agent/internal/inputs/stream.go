package inputs

import (
	"context"
	"math"
	"os"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// Stream sends inputs to launchers, without a copy on the volume.
type Stream struct {
	Source
	// Digests is the file that keeps what the tags stood for. A later life of the container oras goes on with them: every
	// attempt of a step reads the same.
	Digests string

	manifests []*manifest.Manifest
}

// Resolve finds out what there is to send. What it returns is a Failure for the author, or the end of ctx.
func (s *Stream) Resolve(ctx context.Context) error {
	if s.manifests != nil {
		return nil
	}
	pinned, err := ReadDigests(s.Digests)
	if err != nil {
		return s.broken(err)
	}
	references := make([]reference.Reference, len(s.References))
	for i, ref := range s.References {
		if references[i] = ref; len(pinned) == len(s.References) {
			references[i].Digest = pinned[i]
		}
	}
	from := s.Source
	from.References = references
	if len(pinned) == len(s.References) {
		// They were there already.
		from.Waiting = Waiting{}
	}
	found, err := from.resolve(ctx, math.MaxInt64)
	if err != nil {
		return err
	}
	digests := make([]string, len(found))
	manifests := make([]*manifest.Manifest, len(found))
	for i, one := range found {
		one.repository.Close()
		references[i].Digest, digests[i], manifests[i] = one.digest, one.digest, one.manifest
	}
	if err := writeJSON(s.Digests, digests); err != nil {
		return s.broken(err)
	}
	s.References, s.manifests = references, manifests
	return nil
}

// Send sends everything that Resolve has found, in order. The error is a Failure for the author, the end of ctx, or that
// of the connection. Several may be sent at once.
func (s *Stream) Send(ctx context.Context, to *protocol.Writer) error {
	for i := range s.manifests {
		if err := s.sendInput(ctx, i, to); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stream) sendInput(ctx context.Context, number int, to *protocol.Writer) error {
	ref := s.References[number]
	// Opened for each attempt: logins may have changed since the one before.
	repository, err := registry.Open(ref, s.Registry)
	if err != nil {
		return s.failed(ref, err)
	}
	defer repository.Close()
	begun := time.Now()
	for _, l := range s.manifests[number].Layers {
		if err := s.sendLayer(ctx, repository, s.layerOf(number, l, ref.Repository), to); err != nil {
			return err
		}
	}
	s.Say("input %d: sent in %s", number+1, failure.Took(time.Since(begun)))
	return nil
}

// sendLayer says that a blob is whole only when its digest is right.
func (s *Stream) sendLayer(ctx context.Context, repository *registry.Repository, layer Layer, to *protocol.Writer) error {
	blob, err := repository.OpenBlob(ctx, layer.Digest, layer.Size)
	if err != nil {
		return s.failed(repository.Reference(), err)
	}
	defer blob.Close()
	content, err := to.Content(protocol.Input, layer.content())
	if err != nil {
		return err
	}
	if _, err := blob.WriteTo(content); err != nil {
		if blob.Err() != nil && ctx.Err() == nil {
			return s.failed(repository.Reference(), err)
		}
		return err
	}
	return content.Close()
}

// content is how a layer is announced, layerFrom what that means.
func (l Layer) content() protocol.Content {
	return protocol.Content{Title: l.Title, Directory: l.Archive, Mode: uint32(l.Mode.Perm()), Size: l.Size, Digest: l.Digest}
}

func layerFrom(c protocol.Content) Layer {
	return Layer{Digest: c.Digest, Size: c.Size, Title: c.Title, Archive: c.Directory, Mode: os.FileMode(c.Mode).Perm()}
}

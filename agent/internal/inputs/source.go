package inputs

import (
	"context"
	"math"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// Source is where inputs come from.
type Source struct {
	// References in the order in which they are unpacked, each with its registry.
	References []reference.Reference
	// Waiting says what happens to those that are not there.
	Waiting Waiting
	// Unpack says that archives are unpacked later; else they are files.
	Unpack bool
	// InvalidCode and SetupCode are exit codes of the documented table.
	InvalidCode, SetupCode int
	// Registry says how to speak to registries.
	Registry registry.Options
	// Say takes a line for the log.
	Say func(format string, args ...any)
}

type resolved struct {
	repository *registry.Repository
	digest     string
	manifest   *manifest.Manifest
}

// resolve asks for every manifest before a blob is fetched: what is missing is told at once unless it is waited for, and so
// is more than room bytes of blobs. After a wait all are asked for again: it may have lasted for days.
func (s Source) resolve(ctx context.Context, room int64) ([]resolved, error) {
	wait := wait{Source: s}
	for {
		all, missing, err := s.look(ctx, room)
		if err != nil {
			return nil, err
		}
		if len(missing) == 0 {
			return all, wait.end()
		}
		for _, one := range all {
			one.repository.Close()
		}
		if err := wait.begin(ctx); err != nil {
			return nil, err
		}
		if wait.isOver() {
			return nil, wait.neverCame(missing)
		}
		if err := wait.until(ctx, missing); err != nil {
			return nil, err
		}
	}
}

// look asks for every manifest, and returns those of the inputs that are there, and the inputs that are waited for.
func (s Source) look(ctx context.Context, room int64) (all []resolved, missing []absent, err error) {
	var sum int64
	counted := map[string]bool{}
	for i, ref := range s.References {
		repository, err := registry.Open(ref, s.Registry)
		if err != nil {
			return nil, nil, s.failed(ref, err)
		}
		raw, err := repository.Manifest(ctx)
		if found := registry.As(err); found != nil && found.Kind == registry.NotFound && s.isAwaited(i) {
			missing = append(missing, absent{i, repository, err})
			continue
		}
		if err != nil {
			return nil, nil, s.failed(ref, err)
		}
		described := manifest.Source{Reference: ref.Name(), MediaType: raw.MediaType, Code: s.InvalidCode}
		parsed, err := s.parse(ctx, repository, raw, described)
		if err != nil {
			return nil, nil, err
		}
		s.Say("input %d: %s, %s, %d bytes", i+1, ref.Name(), raw.Digest, parsed.Bytes)
		for _, layer := range parsed.Layers {
			if !counted[layer.Digest] {
				counted[layer.Digest] = true
				sum += min(layer.Size, math.MaxInt64-sum)
			}
		}
		if sum > room {
			return nil, nil, failure.New(s.InvalidCode, "input %s: with it the inputs have %d bytes; beside the operator's program the volume of the step has room for %d (%s)", ref.Name(), sum, max(room, 0), contract.ShareSizeLimitAnnotation)
		}
		all = append(all, resolved{repository, raw.Digest, parsed})
	}
	return all, missing, nil
}

// parse reads the manifest of an input, with those of its parts if it is an index.
func (s Source) parse(ctx context.Context, repository *registry.Repository, raw registry.Manifest, described manifest.Source) (*manifest.Manifest, error) {
	parsed, err := manifest.Parse(raw.Bytes, described)
	if err != nil || len(parsed.Parts) == 0 {
		return parsed, err
	}
	parts := make([]*manifest.Manifest, len(parsed.Parts))
	known := map[string]*manifest.Manifest{}
	size := 0
	for i, digest := range parsed.Parts {
		if parts[i] = known[digest]; parts[i] != nil {
			continue
		}
		ref := repository.Reference()
		ref.Tag, ref.Digest = "", digest
		raw, err := repository.Part(ctx, digest)
		if err != nil {
			return nil, s.failed(ref, err)
		}
		if size += len(raw.Bytes); size > manifest.MostPartBytes {
			return nil, failure.New(described.Code, "input %s: the manifests of its index have more than %d MiB", described.Reference, manifest.MostPartBytes>>20)
		}
		of := manifest.Source{Reference: ref.Name(), MediaType: raw.MediaType, Code: described.Code}
		if parts[i], err = manifest.Parse(raw.Bytes, of); err != nil {
			return nil, err
		}
		known[digest] = parts[i]
	}
	return manifest.Join(parsed, parts, described)
}

func (s Source) isAwaited(number int) bool {
	return number < len(s.Waiting.For) && s.Waiting.For[number]
}

// layerOf says how a layer of an input is unpacked: archives stay archives where nothing is to be unpacked.
func (s Source) layerOf(number int, l manifest.Layer, repository string) Layer {
	if l.Guessed && s.Unpack {
		s.Say("input %d: %s is unpacked: by its media type it is a directory that oras-py pushed", number+1, names.Printable(l.Title))
	}
	layer := Layer{Digest: l.Digest, Size: l.Size, Title: l.Title, Archive: l.Archive && s.Unpack, Mode: l.Mode}
	if l.Archive && !s.Unpack {
		layer.Title = l.PackedName(repository)
	}
	return layer
}

func (s Source) failed(ref reference.Reference, err error) error {
	return registry.InputCodes().Failure("pull of "+ref.Name(), err)
}

func (s Source) broken(err error) error {
	return failure.Wrap(err, s.SetupCode, "the volume of the step cannot be written: %s", err)
}

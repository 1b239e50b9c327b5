package inputs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// Pull says what to pull, and where to.
type Pull struct {
	Source
	// Folders are where each wrapped container finds its inputs, on one filesystem.
	Folders []string
	// Room is how many bytes of blobs the share takes.
	Room int64
}

// Run pulls everything, verified. What it returns is a Failure for the author, or the end of ctx.
func (p Pull) Run(ctx context.Context) ([]Input, error) {
	for _, folder := range p.Folders {
		// A container that is started again begins again.
		if err := os.RemoveAll(folder); err != nil {
			return nil, p.broken(err)
		}
		// The launcher, of whatever user, removes what it has unpacked.
		if err := makeOpen(folder); err != nil {
			return nil, p.broken(err)
		}
	}
	found, err := p.resolve(ctx, p.Room)
	if err != nil {
		return nil, err
	}
	inputs := make([]Input, len(found))
	fetched := map[string]string{}
	for i, resolved := range found {
		if inputs[i], err = p.fetch(ctx, i, resolved, fetched); err != nil {
			return nil, err
		}
	}
	for _, folder := range p.Folders {
		if err := writeList(folder, inputs); err != nil {
			return nil, p.broken(err)
		}
	}
	return inputs, nil
}

// fetch brings the blobs of an input. Those that were fetched before, by their digests, are linked to.
func (p Pull) fetch(ctx context.Context, number int, from resolved, fetched map[string]string) (Input, error) {
	defer from.repository.Close()
	ref := from.repository.Reference()
	input := Input{Reference: ref.Name(), Digest: from.digest}
	begun := time.Now()
	for i, layer := range from.manifest.Layers {
		blob := fmt.Sprintf("%d-%d", number, i)
		if there, ok := fetched[layer.Digest]; !ok || p.linkBlob(there, blob) != nil {
			if err := p.fetchBlob(ctx, from.repository, layer, blob); err != nil {
				return input, err
			}
			fetched[layer.Digest] = blob
		}
		found := p.layerOf(number, layer, ref.Repository)
		found.Blob = blob
		input.Layers = append(input.Layers, found)
	}
	p.Say("input %d: pulled in %s", number+1, failure.Took(time.Since(begun)))
	return input, nil
}

// linkBlob gives a blob another name in every folder. The error is that of the first link: a file can have no more.
func (p Pull) linkBlob(from, to string) error {
	for i, folder := range p.Folders {
		if err := os.Link(filepath.Join(folder, from), filepath.Join(folder, to)); err != nil {
			for _, linked := range p.Folders[:i] {
				_ = os.Remove(filepath.Join(linked, to))
			}
			return err
		}
	}
	return nil
}

// fetchBlob writes a blob into the first folder and links it into the others.
func (p Pull) fetchBlob(ctx context.Context, repository *registry.Repository, layer manifest.Layer, name string) error {
	path := filepath.Join(p.Folders[0], name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return p.broken(err)
	}
	defer file.Close()
	// The launcher, of whatever user, reads it, whatever the umask here. Where no other attempt needs it, it gives back what
	// it has read, for which it has to open it for writing (fallocate(2)); else it has the folder mounted read-only. What
	// several launchers read none of them may change.
	mode := os.FileMode(0o644)
	if len(p.Folders) == 1 {
		mode = 0o666
	}
	if err := file.Chmod(mode); err != nil {
		return p.broken(err)
	}
	blob, err := repository.OpenBlob(ctx, layer.Digest, layer.Size)
	if err != nil {
		return p.failed(repository.Reference(), err)
	}
	defer blob.Close()
	if _, err := blob.WriteTo(file); err != nil {
		if blob.Err() != nil {
			return p.failed(repository.Reference(), err)
		}
		return p.broken(err)
	}
	if err := file.Close(); err != nil {
		return p.broken(err)
	}
	for _, folder := range p.Folders[1:] {
		if err := os.Link(path, filepath.Join(folder, name)); err != nil {
			return p.broken(err)
		}
	}
	return nil
}

// makeOpen makes a folder that every user may write, whatever the umask.
func makeOpen(path string) error {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	return os.Chmod(path, 0o777)
}

package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// Source is the registry whose artifacts are copied. What is not there is an error that is fs.ErrNotExist.
type Source interface {
	// Tags visits the tags of the repositories that are wanted, with when they were pushed, if that is known.
	Tags(ctx context.Context, wanted func(repository string) bool, visit func(repository, tag string, d layout.Digest, pushed time.Time)) error
	// Target is what a tag stands for.
	Target(ctx context.Context, repository, tag string) (layout.Digest, error)
	// Manifest is the text of a manifest of a repository.
	Manifest(ctx context.Context, repository string, d layout.Digest) ([]byte, error)
	// Blob is a config or a layer of a repository.
	Blob(ctx context.Context, repository string, d layout.Digest) (registry.Blob, error)
	// Place is where artifacts are, in words.
	Place() string
}

// Files is a registry by the root directory of its files: reading them takes no login, and is no pull.
type Files string

// Place is the volume.
func (f Files) Place() string { return "on the volume" }

func (f Files) tree() layout.Tree { return layout.Of(string(f)) }

// Tags reads the files of the tags.
func (f Files) Tags(ctx context.Context, wanted func(string) bool, visit func(string, string, layout.Digest, time.Time)) error {
	tree := f.tree()
	return tree.Repositories(func(repository string) error {
		if err := ctx.Err(); err != nil || !wanted(repository) {
			return err
		}
		return usage.Tags(tree, repository, func(tag usage.Tag) error {
			if d, is := digestOf(tag.Digest); is {
				visit(repository, tag.Name, d, tag.Pushed)
			}
			return nil
		})
	})
}

// Target reads the file of a tag.
func (f Files) Target(_ context.Context, repository, tag string) (layout.Digest, error) {
	d, is, err := f.tree().Target(layout.Tag(repository, tag))
	if err == nil && !is {
		err = fs.ErrNotExist
	}
	return d, err
}

// Manifest reads the file of a manifest that the repository has a link to.
func (f Files) Manifest(_ context.Context, repository string, d layout.Digest) ([]byte, error) {
	if _, err := os.Lstat(f.tree().Path(layout.Revision(repository, d))); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(f.tree().Path(layout.Blob(d)))
	if errors.Is(err, fs.ErrNotExist) {
		// The registry could not serve it either.
		return nil, fmt.Errorf("the manifest sha256:%s is not %s", d, f.Place())
	}
	return text, err
}

// Blob is a file of the volume.
func (f Files) Blob(_ context.Context, _ string, d layout.Digest) (registry.Blob, error) {
	path := f.tree().Path(layout.Blob(d))
	info, err := os.Stat(path)
	if err != nil {
		return registry.Blob{}, err
	}
	return registry.Blob{Digest: "sha256:" + d.String(), Size: info.Size(), Content: registry.File(path)}, nil
}

// ignoreGone: others delete beside us.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

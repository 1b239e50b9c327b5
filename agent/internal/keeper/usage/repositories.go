package usage

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// Repository is what a repository holds.
type Repository struct {
	Name string `json:"name"`
	// Bytes are those of its blobs and manifests; others may have the same.
	Bytes int64 `json:"bytes"`
	Tags  []Tag `json:"tags"`
}

// Tag is one of its tags.
type Tag struct {
	Name   string    `json:"name"`
	Digest string    `json:"digest"`
	Pushed time.Time `json:"pushed"`
}

// Repositories visits every repository that has something.
func Repositories(data string, visit func(Repository) error) error {
	tree := layout.Of(data)
	return tree.Repositories(func(name string) error {
		repository := Repository{Name: name, Tags: []Tag{}}
		size := func(link layout.Link) error {
			d, is := layout.ParseDigest(link.Digits)
			if _, err := os.Lstat(tree.Path(link.Name)); err != nil || !is {
				return ignoreGone(err)
			}
			info, err := os.Lstat(tree.Path(layout.Blob(d)))
			if err != nil {
				return ignoreGone(err)
			}
			repository.Bytes += info.Size()
			return nil
		}
		if err := errors.Join(tree.Layers(name, size), tree.Revisions(name, size), repository.readTags(tree)); err != nil {
			return err
		}
		if repository.Bytes == 0 && len(repository.Tags) == 0 {
			return nil
		}
		return visit(repository)
	})
}

func (r *Repository) readTags(tree layout.Tree) error {
	return Tags(tree, r.Name, func(tag Tag) error {
		r.Tags = append(r.Tags, tag)
		return nil
	})
}

// Tags visits the tags of a repository.
func Tags(tree layout.Tree, repository string, visit func(Tag) error) error {
	return tree.Tags(repository, func(name, _ string) error {
		tag, err := ReadTag(tree, repository, name)
		if err != nil || tag == nil {
			return err
		}
		return visit(*tag)
	})
}

// ReadTag reads a tag; nil where there is none, or none that was written whole.
func ReadTag(tree layout.Tree, repository, tag string) (*Tag, error) {
	name := layout.Tag(repository, tag)
	info, err := os.Lstat(tree.Path(name))
	if err != nil {
		return nil, ignoreGone(err)
	}
	d, is, err := tree.Target(name)
	if err != nil || !is {
		return nil, ignoreGone(err)
	}
	return &Tag{Name: tag, Digest: "sha256:" + d.String(), Pushed: info.ModTime().UTC()}, nil
}

// Stored is how many bytes all blobs have.
func Stored(data string) (int64, error) {
	tree := layout.Of(data)
	total := int64(0)
	err := tree.Blobs(func(_ layout.Digest, name string) error {
		info, err := os.Lstat(tree.Path(name))
		if err != nil {
			return ignoreGone(err)
		}
		total += info.Size()
		return nil
	})
	return total, err
}

// ignoreGone: others delete beside us.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

package sweep

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// chunk is how much of a manifest is read at a time.
const chunk = 32 << 10

// mark finds out what is named and linked.
//
// A manifest counts as long as its repository has it, tagged or not: that the registry's API deletes. An index that is
// kept keeps the manifests that it names, but what they name only while the repository has them, too: without its link
// nobody gets such a manifest.
func (p *Pass) mark(ctx context.Context, c census, tidy bool) error {
	buffer := make([]byte, chunk)
	p.out.Broken = 0
	return p.tree.Repositories(func(repository string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.tree.Revisions(repository, func(link layout.Link) error { return p.markManifest(c, link, buffer, tidy) }); err != nil {
			return err
		}
		return p.tree.Layers(repository, func(link layout.Link) error { return p.markLayer(c, link, tidy) })
	})
}

// markYoung marks what manifests name that a repository has got lately.
func (p *Pass) markYoung(repository string, c census) error {
	buffer := make([]byte, chunk)
	return p.tree.Revisions(repository, func(link layout.Link) error {
		info, err := os.Lstat(p.tree.Path(link.Name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && p.old(info) {
			return nil
		}
		if err != nil {
			return err
		}
		return p.markManifest(c, link, buffer, false)
	})
}

func (p *Pass) markManifest(c census, link layout.Link, buffer []byte, tidy bool) error {
	d, is, err := p.tree.Target(link.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return p.vacant(link, tidy)
	}
	if err != nil {
		return err
	}
	if !is {
		// A link that was never written whole; its folder says what was meant.
		if d, is = layout.ParseDigest(link.Digits); !is {
			return nil
		}
	}
	c.see(d, named|linked)
	manifest, err := p.open(d)
	if errors.Is(err, fs.ErrNotExist) {
		p.out.Broken++
		return nil
	}
	if err != nil {
		return err
	}
	defer manifest.Close()
	return NamesIn(manifest, buffer, func(d layout.Digest) { c.see(d, named) })
}

// open opens a manifest, which may be in the trash until it is put back.
func (p *Pass) open(d layout.Digest) (*os.File, error) {
	name := layout.Blob(d)
	file, err := os.Open(p.tree.Path(name))
	for _, generation := range p.trash.generations {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		file, err = os.Open(generation.taken.Path(name))
	}
	return file, err
}

func (p *Pass) markLayer(c census, link layout.Link, tidy bool) error {
	if link.Algorithm != "sha256" {
		// Another name of a blob, which manifests use in place of its digest.
		d, is, err := p.tree.Target(link.Name)
		if is {
			c.see(d, linked|young)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	d, is := layout.ParseDigest(link.Digits)
	if !is || !c.has(d) && !tidy {
		return nil
	}
	info, err := os.Lstat(p.tree.Path(link.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return p.vacant(link, tidy)
	}
	if err != nil {
		return err
	}
	known := linked
	if !p.old(info) {
		known |= young
	}
	c.see(d, known)
	return nil
}

func (p *Pass) vacant(link layout.Link, tidy bool) error {
	if !tidy {
		return nil
	}
	return p.tidy(link.Name)
}

package bucket

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
)

// Visit visits every manifest, one at a time. Of pulls nothing is known. The operator's own repository is left out: it holds
// the mark of the folder.
func Visit(ctx context.Context, c *Client, visit func(manifests.Manifest) error) error {
	seen, err := lookAt(ctx, c, registryKeys)
	if err != nil {
		return err
	}
	tags, err := tagsOf(ctx, c, seen)
	if err != nil {
		return err
	}
	grown := map[string]time.Time{}
	for _, revision := range seen.revisions {
		if revision.modified.After(grown[revision.repository]) {
			grown[revision.repository] = revision.modified
		}
	}
	size := func(digest string) int64 {
		d, _ := layout.ParseDigest(strings.TrimPrefix(digest, "sha256:"))
		return seen.blobs[d].Size
	}
	var mu sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for _, revision := range seen.revisions {
		if revision.repository == contract.StateRepository {
			continue
		}
		work.Go(func() error {
			// What has lost its content is there for the registry, and named by nobody.
			content, err := c.content(ctx, blobKey(revision.digest), revision.digest)
			if ignoreGone(err) != nil {
				return err
			}
			manifest := manifests.Of(revision.repository, revision.digest, revision.modified, content, size)
			manifest.Listed = grown[revision.repository]
			manifest.Tags = append([]manifests.Tag{}, tags[revision.repository][revision.digest]...)
			mu.Lock()
			defer mu.Unlock()
			return visit(manifest)
		})
	}
	return work.Wait()
}

func tagsOf(ctx context.Context, c *Client, seen *look) (map[string]map[layout.Digest][]manifests.Tag, error) {
	found := map[string]map[layout.Digest][]manifests.Tag{}
	targets := make([]layout.Digest, len(seen.tags))
	are := make([]bool, len(seen.tags))
	err := inParallel(ctx, len(seen.tags), func(ctx context.Context, i int) (err error) {
		targets[i], are[i], err = c.linkTo(ctx, seen.tags[i].key())
		return ignoreGone(err)
	})
	for i, tag := range seen.tags {
		if !are[i] {
			continue
		}
		if found[tag.repository] == nil {
			found[tag.repository] = map[layout.Digest][]manifests.Tag{}
		}
		of := found[tag.repository]
		of[targets[i]] = append(of[targets[i]], manifests.Tag{Name: tag.name, Pushed: tag.modified})
	}
	return found, err
}

// clockTick is more than what times of objects are rounded by.
const clockTick = 2 * time.Second

// IsAsItWas says whether nobody has pushed a manifest, or what consists of it or is about it, or moved one of the tags, since
// they were told.
func IsAsItWas(ctx context.Context, c *Client, planned manifests.Planned) (bool, error) {
	d, is := layout.ParseDigest(strings.TrimPrefix(planned.Digest, "sha256:"))
	if !is || !manifests.IsName(planned.Repository) || planned.Repository == contract.StateRepository {
		return false, nil
	}
	if !planned.Pushed.IsZero() {
		seen, err := lookAt(ctx, c, registryKeys+layout.Manifests(planned.Repository)+"/")
		if err != nil {
			return false, err
		}
		if is, err := isLeftAlone(ctx, c, seen, d, planned); err != nil || !is {
			return false, err
		}
	}
	for _, planned := range planned.Tags {
		if !manifests.IsName(planned.Name) || strings.Contains(planned.Name, "/") {
			return false, nil
		}
	}
	for _, each := range planned.Tags {
		key := tag{repository: planned.Repository, name: each.Name}.key()
		seen, err := lookAt(ctx, c, key)
		if err != nil || len(seen.tags) != 1 || !seen.tags[0].modified.Equal(each.Pushed) {
			return false, err
		}
		if target, is, err := c.linkTo(ctx, key); err != nil || !is || target != d {
			return false, ignoreGone(err)
		}
	}
	return true, nil
}

// isLeftAlone: no push of the manifest, none of an index that it was part of, and none of another manifest that names it.
func isLeftAlone(ctx context.Context, c *Client, seen *look, d layout.Digest, planned manifests.Planned) (bool, error) {
	isThere := false
	var since []link
	for _, revision := range seen.revisions {
		digest := "sha256:" + revision.digest.String()
		for _, index := range planned.Indexes {
			if index == digest {
				return false, nil
			}
		}
		switch {
		case revision.digest == d:
			if isThere = revision.modified.Equal(planned.Pushed); !isThere {
				return false, nil
			}
		case !revision.modified.Before(planned.Listed.Add(-clockTick)):
			since = append(since, revision)
		}
	}
	if !isThere {
		return false, nil
	}
	for _, revision := range since {
		content, err := c.content(ctx, blobKey(revision.digest), revision.digest)
		if isGone(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		other := manifests.Of(planned.Repository, revision.digest, revision.modified, content, func(string) int64 { return 0 })
		if other.Names("sha256:" + d.String()) {
			return false, nil
		}
	}
	return true, nil
}

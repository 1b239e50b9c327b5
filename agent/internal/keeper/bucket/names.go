package bucket

import (
	"bytes"
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
)

// atOnce is how many requests are under way: each waits for the network, and takes next to nothing here.
const atOnce = 8

// needs is what repositories need of the blobs.
type needs struct {
	// named: a manifest that a repository has names it, or it is such a manifest.
	named map[layout.Digest]bool
	// linked: a repository has it.
	linked map[layout.Digest]bool
	// broken are manifests whose content is nowhere.
	broken int
}

func (n needs) has(d layout.Digest) bool { return n.named[d] || n.linked[d] }

// reader reads each manifest once: its digest says that it is the same the next time.
type reader struct {
	client *Client
	// trashed is where a blob is that was taken, if it was.
	trashed func(layout.Digest) (string, bool)

	mu    sync.Mutex
	known map[layout.Digest][]layout.Digest
}

// needsOf reads what the manifests of a look name.
func (r *reader) needsOf(ctx context.Context, seen *look) (needs, error) {
	found := needs{named: map[layout.Digest]bool{}, linked: map[layout.Digest]bool{}}
	for _, layer := range seen.layers {
		found.linked[layer.digest] = true
	}
	var mu sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for _, key := range seen.others {
		work.Go(func() error {
			d, is, err := r.client.linkTo(ctx, key)
			mu.Lock()
			defer mu.Unlock()
			if is {
				// Whatever names it does so by another name.
				found.named[d], found.linked[d] = true, true
			}
			return ignoreGone(err)
		})
	}
	for _, revision := range seen.revisions {
		work.Go(func() error {
			names, err := r.namesIn(ctx, revision.digest)
			mu.Lock()
			defer mu.Unlock()
			found.named[revision.digest], found.linked[revision.digest] = true, true
			if isGone(err) {
				found.broken++
				return nil
			}
			for _, d := range names {
				found.named[d] = true
			}
			return err
		})
	}
	return found, work.Wait()
}

func (r *reader) namesIn(ctx context.Context, d layout.Digest) ([]layout.Digest, error) {
	r.mu.Lock()
	names, is := r.known[d]
	r.mu.Unlock()
	if is {
		return names, nil
	}
	content, err := r.client.content(ctx, blobKey(d), d)
	if key, is := r.trashed(d); is && isGone(err) {
		content, err = r.client.content(ctx, key, d)
	}
	if err != nil {
		return nil, err
	}
	names = []layout.Digest{}
	if err := sweep.NamesIn(bytes.NewReader(content), make([]byte, 4<<10), func(d layout.Digest) { names = append(names, d) }); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[d] = names
	return names, nil
}

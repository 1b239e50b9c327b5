package server

import (
	"context"
	"io"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
)

// storage is where artifacts are, as far as a keeper sweeps it and retention plans for it.
type storage interface {
	// pass prepares one that frees what nothing names; what the storage cannot do is an error.
	pass(grace time.Duration, dryRun bool) (sweeper, error)
	// manifests tells since when pulls are known, nil where they are not, and how to visit all.
	manifests(ctx context.Context) (pullsSince *time.Time, visitAll visitor)
	// unchanged says whether nobody has pushed, moved or pulled what is to be deleted.
	unchanged(ctx context.Context, planned manifests.Planned) (bool, error)
	// plan is what retention planned last; fs.ErrNotExist where it has planned nothing.
	plan(ctx context.Context) (io.ReadCloser, error)
	putPlan(ctx context.Context, plan io.Reader) error
}

// visitor visits every manifest, one at a time.
type visitor func(visit func(manifests.Manifest) error) error

// storage is nil where the keeper looks after none.
func (k *Keeper) storage() storage {
	switch {
	case k.Volume != nil:
		return onVolume{k}
	case k.Bucket != nil:
		return inBucket{k.Bucket}
	}
	return nil
}

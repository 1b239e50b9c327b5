package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/bucket"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
)

// inBucket is a folder of a bucket. Pulls are not known there.
type inBucket struct{ folder *bucket.Folder }

func (b inBucket) pass(grace time.Duration, dryRun bool) (sweeper, error) {
	if dryRun {
		return nil, errors.New("a sweep of a bucket cannot only look")
	}
	return ownPass{b.folder, bucket.Pass{Client: b.folder.Client, Grace: grace, Moment: bucket.Moment}}, nil
}

// ownPass is a pass in a folder that has to be the cache's.
type ownPass struct {
	folder *bucket.Folder
	pass   bucket.Pass
}

func (p ownPass) Run(ctx context.Context) (sweep.Outcome, error) {
	if err := p.folder.Check(ctx); err != nil {
		return sweep.Outcome{Began: time.Now().UTC()}, err
	}
	return p.pass.Run(ctx)
}

func (b inBucket) manifests(ctx context.Context) (*time.Time, visitor) {
	return nil, func(visit func(manifests.Manifest) error) error { return bucket.Visit(ctx, b.folder.Client, visit) }
}

func (b inBucket) unchanged(ctx context.Context, planned manifests.Planned) (bool, error) {
	if err := b.folder.Check(ctx); err != nil {
		return false, err
	}
	return bucket.IsAsItWas(ctx, b.folder.Client, planned)
}

func (b inBucket) plan(ctx context.Context) (io.ReadCloser, error) {
	plan, err := b.folder.Plan(ctx)
	return io.NopCloser(bytes.NewReader(plan)), err
}

// longestPlanOfBucket is held in memory, unlike one that is written to a volume.
const longestPlanOfBucket = 8 << 20

func (b inBucket) putPlan(ctx context.Context, plan io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(plan, longestPlanOfBucket+1))
	if err != nil {
		return err
	}
	if len(content) > longestPlanOfBucket {
		return fmt.Errorf("it has more than %d bytes", longestPlanOfBucket)
	}
	return b.folder.PutPlan(ctx, content)
}

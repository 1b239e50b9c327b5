package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
)

// onVolume is a volume of the Pod.
type onVolume struct{ k *Keeper }

func (v onVolume) pass(grace time.Duration, dryRun bool) (sweeper, error) {
	return &sweep.Pass{Data: v.k.Volume.Data, Grace: grace, Moment: sweep.Moment, DryRun: dryRun}, nil
}

func (v onVolume) manifests(context.Context) (*time.Time, visitor) {
	pulled, known, err := v.k.pulled()
	if err != nil {
		// Without since, everything stays that a pull would keep.
		v.k.Say("pulls cannot be read: %s", err)
	}
	return known, func(visit func(manifests.Manifest) error) error {
		return manifests.Visit(v.k.Volume.Data, func(manifest manifests.Manifest) error {
			manifest.Pulled = pulled(manifest.Repository, manifest.Digest)
			return visit(manifest)
		})
	}
}

func (v onVolume) unchanged(_ context.Context, planned manifests.Planned) (bool, error) {
	pulled, _, err := v.k.pulled()
	if err != nil {
		return false, fmt.Errorf("pulls cannot be read: %w", err)
	}
	if last := pulled(planned.Repository, planned.Digest); last != nil && !last.Equal(planned.Pulled) {
		return false, nil
	}
	is, err := manifests.IsAsItWas(v.k.Volume.Data, planned)
	if err != nil {
		return false, fmt.Errorf("the volume cannot be read: %w", err)
	}
	return is, nil
}

func (v onVolume) plan(context.Context) (io.ReadCloser, error) { return os.Open(v.k.planFile()) }

// putPlan: it may be larger than what the keeper has of memory.
func (v onVolume) putPlan(_ context.Context, plan io.Reader) error {
	return replace(v.k.planFile(), plan)
}

// pulled tells when manifests were pulled last, and since when that is known.
func (k *Keeper) pulled() (of func(repository, digest string) *time.Time, since *time.Time, err error) {
	nothing := func(string, string) *time.Time { return nil }
	if k.Pulls == nil {
		return nothing, nil, nil
	}
	known, err := k.Pulls.Known()
	if err != nil {
		return nothing, nil, err
	}
	begin := known.Since()
	return func(repository, digest string) *time.Time {
		d, _ := layout.ParseDigest(strings.TrimPrefix(digest, "sha256:"))
		last, is := known.Last(repository, d)
		if !is {
			return nil
		}
		return &last
	}, &begin, nil
}

func (k *Keeper) planFile() string { return filepath.Join(layout.Own(k.Volume.Data), "plan") }

// RemoveUnfinished removes plans that keepers before this one were killed over: each may have 64 MiB of the volume.
func (k *Keeper) RemoveUnfinished() error {
	found, err := filepath.Glob(besidePattern(k.planFile()))
	for _, path := range found {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// besidePattern is the name of a file that is not whole yet.
func besidePattern(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"*")
}

// replace writes a file whole.
func replace(path string, content io.Reader) error {
	beside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(besidePattern(path)))
	if err != nil {
		return err
	}
	_, err = io.Copy(beside, content)
	if err = errors.Join(err, beside.Close()); err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		_ = os.Remove(beside.Name())
	}
	return err
}

func (k *Keeper) room(w http.ResponseWriter, _ *http.Request) {
	space, err := k.Volume.Space()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the volume cannot be read: "+err.Error())
		return
	}
	answer(w, http.StatusOK, struct {
		usage.Space
		RefuseAt int  `json:"refuseAt"`
		Refuse   bool `json:"refuse"`
	}{space, k.RefuseAt, space.IsFull(k.RefuseAt)})
}

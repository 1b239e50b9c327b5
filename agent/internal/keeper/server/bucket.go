package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/bucket"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
)

// handleBucket answers what a keeper with a volume does, of a folder of a bucket. There is no room to ask for, and pulls are
// not known.
func (k *Keeper) handleBucket(ctx context.Context, mux *http.ServeMux) {
	mux.HandleFunc("POST /sweep", k.operator(func(w http.ResponseWriter, r *http.Request) { k.sweep(ctx, w, r, k.bucketPass) }))
	mux.HandleFunc("GET /sweep", k.operator(k.lastSweep))
	mux.HandleFunc("GET /manifests", k.reader(k.manifestsInBucket))
	mux.HandleFunc("POST /unchanged", k.operator(k.unchangedInBucket))
	mux.HandleFunc("GET /plan", k.operator(k.getPlanOfBucket))
	mux.HandleFunc("PUT /plan", k.operator(k.putPlanOfBucket))
	mux.HandleFunc("POST /empty", k.operator(func(w http.ResponseWriter, _ *http.Request) { k.empty(ctx, w) }))
	mux.HandleFunc("GET /empty", k.operator(k.emptied))
}

func (k *Keeper) bucketPass(grace time.Duration, dryRun bool) (sweeper, error) {
	if dryRun {
		return nil, errors.New("a sweep of a bucket cannot only look")
	}
	return ownPass{k.Bucket, bucket.Pass{Client: k.Bucket.Client, Grace: grace, Moment: bucket.Moment}}, nil
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

func (k *Keeper) manifestsInBucket(w http.ResponseWriter, r *http.Request) {
	writeManifests(w, nil, func(visit func(manifests.Manifest) error) error {
		return bucket.Visit(r.Context(), k.Bucket.Client, visit)
	})
}

// unchangedInBucket is asked just before a deletion.
func (k *Keeper) unchangedInBucket(w http.ResponseWriter, r *http.Request) {
	var asked manifests.Planned
	if !read(w, r, &asked) {
		return
	}
	is := false
	err := k.Bucket.Check(r.Context())
	if err == nil {
		is, err = bucket.IsAsItWas(r.Context(), k.Bucket.Client, asked)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]bool{"unchanged": is})
}

// longestPlanOfBucket is held in memory, unlike one that is written to a volume.
const longestPlanOfBucket = 8 << 20

func (k *Keeper) putPlanOfBucket(w http.ResponseWriter, r *http.Request) {
	plan, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestPlanOfBucket))
	if err == nil {
		err = k.Bucket.PutPlan(r.Context(), plan)
	}
	if err != nil {
		refuse(w, http.StatusInsufficientStorage, "the plan cannot be written: "+err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (k *Keeper) getPlanOfBucket(w http.ResponseWriter, r *http.Request) {
	plan, err := k.Bucket.Plan(r.Context())
	if errors.Is(err, fs.ErrNotExist) {
		refuse(w, http.StatusNotFound, "nothing has been planned yet")
		return
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the plan cannot be read: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(plan)
}

// emptying is how far the folder is emptied.
type emptying struct {
	Emptying bool   `json:"emptying"`
	Done     bool   `json:"done"`
	Deleted  int    `json:"deleted"`
	Failure  string `json:"failure,omitempty"`
}

// empty begins to delete all that is in the folder. It may take longer than a request.
func (k *Keeper) empty(ctx context.Context, w http.ResponseWriter) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running {
		refuse(w, http.StatusConflict, "the folder is being swept or emptied already")
		return
	}
	k.running, k.emptying = true, emptying{Emptying: true}
	k.sweeps.Go(func() {
		deleted, err := k.Bucket.Empty(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.running, k.emptying = false, emptying{Done: err == nil, Deleted: deleted}
		if err != nil {
			k.emptying.Failure = err.Error()
			k.Say("the folder of the bucket could not be emptied: %s", err)
		}
	})
	w.WriteHeader(http.StatusAccepted)
}

func (k *Keeper) emptied(w http.ResponseWriter, _ *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	answer(w, http.StatusOK, k.emptying)
}

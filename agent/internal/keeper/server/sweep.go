package server

import (
	"context"
	"net/http"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
)

// A grace of years is a mistake, and a sum with it must not overflow.
const longestGrace = 10 * 365 * 24 * time.Hour

func (k *Keeper) sweep(ctx context.Context, w http.ResponseWriter, r *http.Request, s storage) {
	var asked struct {
		Grace  *float64 `json:"grace"`
		DryRun bool     `json:"dryRun"`
	}
	if !read(w, r, &asked) {
		return
	}
	if asked.Grace == nil || !(*asked.Grace >= 0 && *asked.Grace <= longestGrace.Seconds()) {
		refuse(w, http.StatusBadRequest, "grace is the age in seconds below which nothing is taken, at least 0")
		return
	}
	sweeps, err := s.pass(time.Duration(*asked.Grace*float64(time.Second)), asked.DryRun)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if !k.Sweep(ctx, sweeps) {
		refuse(w, http.StatusConflict, sweep.ErrRuns.Error())
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// lastSweep is a short answer: a report looks at every file.
func (k *Keeper) lastSweep(w http.ResponseWriter, _ *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"sweeping": k.running, "lastPass": k.last})
}

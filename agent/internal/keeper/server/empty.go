package server

import (
	"context"
	"net/http"
)

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
	before := k.emptying.Failure
	k.running, k.emptying = true, emptying{Emptying: true}
	k.sweeps.Go(func() {
		deleted, err := k.Bucket.Empty(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.measured.isOld = true
		k.running, k.emptying = false, emptying{Done: err == nil, Deleted: deleted}
		if err != nil {
			k.emptying.Failure = err.Error()
		}
		// It is asked for again and again.
		if k.emptying.Failure != before && err != nil {
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

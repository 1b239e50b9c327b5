package server

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
)

// longestPlan is more than a plan for a hundred thousand artifacts has.
const longestPlan = 64 << 20

// manifests is written as it is found, each on a line of its own: a registry may have tens of thousands, and the operator reads
// one line at a time. With pullsSince it says since when pulls are known, if they are.
func (k *Keeper) manifests(w http.ResponseWriter, r *http.Request, s storage) {
	since, visitAll := s.manifests(r.Context())
	writeManifests(w, since, visitAll)
}

func writeManifests(w http.ResponseWriter, pullsSince *time.Time, visitAll func(visit func(manifests.Manifest) error) error) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	_, _ = io.WriteString(w, `{"manifests":[`)
	separator := ""
	err := visitAll(func(manifest manifests.Manifest) error {
		if _, err := io.WriteString(w, separator); err != nil {
			return err
		}
		separator = ","
		return encoder.Encode(manifest)
	})
	rest := struct {
		PullsSince *time.Time `json:"pullsSince,omitempty"`
		Problem    string     `json:"problem"`
	}{PullsSince: pullsSince}
	if err != nil {
		rest.Problem = err.Error()
	}
	text, _ := json.Marshal(rest)
	_, _ = io.WriteString(w, "],"+strings.TrimPrefix(string(text), "{")+"\n")
}

// unchanged is asked just before a deletion: a push of the same content has the same digest.
func unchanged(w http.ResponseWriter, r *http.Request, s storage) {
	var asked manifests.Planned
	if !read(w, r, &asked) {
		return
	}
	is, err := s.unchanged(r.Context(), asked)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]bool{"unchanged": is})
}

// putPlan keeps a plan without looking into it.
func putPlan(w http.ResponseWriter, r *http.Request, s storage) {
	if err := s.putPlan(r.Context(), r.Body); err != nil {
		refuse(w, http.StatusInsufficientStorage, "the plan cannot be written: "+err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func getPlan(w http.ResponseWriter, r *http.Request, s storage) {
	plan, err := s.plan(r.Context())
	if errors.Is(err, fs.ErrNotExist) {
		refuse(w, http.StatusNotFound, "nothing has been planned yet")
		return
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the plan cannot be read: "+err.Error())
		return
	}
	defer plan.Close()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.Copy(w, plan)
}

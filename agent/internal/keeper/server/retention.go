package server

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
)

// longestPlan is more than a plan for a hundred thousand artifacts has.
const longestPlan = 64 << 20

// manifests is written as it is found, each on a line of its own: a registry may have tens of thousands, and the operator reads
// one line at a time. With pullsSince it says since when pulls are known, if they are.
func (k *Keeper) manifests(w http.ResponseWriter, _ *http.Request) {
	pulled, known, err := k.pulled()
	if err != nil {
		// Without since, everything stays that a pull would keep.
		k.Say("pulls cannot be read: %s", err)
	}
	writeManifests(w, known, func(visit func(manifests.Manifest) error) error {
		return manifests.Visit(k.Volume.Data, func(manifest manifests.Manifest) error {
			manifest.Pulled = pulled(manifest.Repository, manifest.Digest)
			return visit(manifest)
		})
	})
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

// unchanged is asked just before a deletion: a push of the same content has the same digest.
func (k *Keeper) unchanged(w http.ResponseWriter, r *http.Request) {
	var asked manifests.Planned
	if !read(w, r, &asked) {
		return
	}
	pulled, _, err := k.pulled()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "pulls cannot be read: "+err.Error())
		return
	}
	if last := pulled(asked.Repository, asked.Digest); last != nil && !last.Equal(asked.Pulled) {
		answer(w, http.StatusOK, map[string]bool{"unchanged": false})
		return
	}
	is, err := manifests.IsAsItWas(k.Volume.Data, asked)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the volume cannot be read: "+err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]bool{"unchanged": is})
}

// lastSweep is a short answer: a report looks at every file.
func (k *Keeper) lastSweep(w http.ResponseWriter, _ *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"sweeping": k.running, "lastPass": k.last})
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

// putPlan keeps a plan without looking into it: it may be larger than what the keeper has of memory.
func (k *Keeper) putPlan(w http.ResponseWriter, r *http.Request) {
	if err := replace(k.planFile(), r.Body); err != nil {
		refuse(w, http.StatusInsufficientStorage, "the plan cannot be written: "+err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
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

func (k *Keeper) getPlan(w http.ResponseWriter, r *http.Request) {
	plan, err := os.Open(k.planFile())
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

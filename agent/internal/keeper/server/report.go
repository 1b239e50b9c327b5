package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/mirror"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
)

// report says what there is, of a volume, of a folder of a bucket, or of neither.
func (k *Keeper) report(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case k.Volume != nil:
		k.reportVolume(w, r)
	case k.Bucket != nil:
		k.reportBucket(ctx, w, r)
	default:
		k.mu.Lock()
		defer k.mu.Unlock()
		_ = json.NewEncoder(w).Encode(k.served())
	}
}

// reportVolume is written as it is found: a registry may have tens of thousands of tags.
func (k *Keeper) reportVolume(w http.ResponseWriter, r *http.Request) {
	brief := r.URL.Query().Get("repositories") == "false"
	memo := memoOf(r)
	encoder := json.NewEncoder(w)
	_, _ = io.WriteString(w, `{"repositories":[`)
	artifacts, separator := 0, ""
	problem := ""
	err := usage.Repositories(k.Volume.Data, func(repository usage.Repository) error {
		for _, tag := range repository.Tags {
			if layout.IsArtifact(tag.Name) && repository.Name != memo {
				artifacts++
			}
		}
		if brief {
			return nil
		}
		_, _ = io.WriteString(w, separator)
		separator = ","
		return encoder.Encode(repository)
	})
	mark, notMarked := usage.Marked(k.Volume.Data, k.Cache)
	space, notMeasured := k.Volume.Space()
	bytes, notSummed := usage.Stored(k.Volume.Data)
	if err := errors.Join(err, notMarked, notMeasured, notSummed); err != nil {
		problem = err.Error()
	}
	notWritable := usage.NotWritable(k.Volume.Data)
	var mirrored *mirror.Status
	if k.Mirror != nil {
		status := k.Mirror.Status()
		mirrored = &status
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	rest, _ := json.Marshal(struct {
		usage.Space
		// Artifacts are tags but for those of what is said of artifacts and of what is remembered of steps, Bytes those of all blobs.
		Artifacts int        `json:"artifacts"`
		Bytes     int64      `json:"bytes"`
		Mark      usage.Mark `json:"mark"`
		// Problem says what cannot be read on the volume, NotWritable which folder cannot be written.
		Problem     string `json:"problem,omitempty"`
		NotWritable string `json:"notWritable,omitempty"`

		served

		Sweeping bool           `json:"sweeping"`
		LastPass *Last          `json:"lastPass,omitempty"`
		Mirror   *mirror.Status `json:"mirror,omitempty"`
	}{space, artifacts, bytes, mark, problem, notWritable, k.served(), k.running, k.last, mirrored})
	_, _ = io.WriteString(w, "],"+strings.TrimPrefix(string(rest), "{")+"\n")
}

// memoOf is the repository of what is remembered of steps, which holds no artifacts: the operator names it with each question, so
// that no Pod has to be replaced where it is another one.
func memoOf(r *http.Request) string {
	return r.URL.Query().Get("memo")
}

// served is what a report says of users and certificate.
type served struct {
	Users         []string         `json:"users"`
	UsersProblems []access.Problem `json:"usersProblems"`
	// UsersMore is how many problems are not among these.
	UsersMore int `json:"usersMore,omitempty"`
	// UsersFailure says why the users file is not as it should be.
	UsersFailure string         `json:"usersFailure,omitempty"`
	Certificate  *serving.State `json:"certificate,omitempty"`
}

// served needs the lock.
func (k *Keeper) served() served {
	found := served{Users: orNone(k.users), UsersProblems: orNone(k.problems.First), UsersMore: k.problems.More, UsersFailure: k.wrong}
	if k.Certificate != nil {
		state := k.serving
		found.Certificate = &state
	}
	return found
}

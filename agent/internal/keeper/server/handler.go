package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/mirror"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
)

const (
	// longestBody is more than any request has.
	longestBody = 4 << 10
	// mostUsers are generations that one rotation after the other leaves.
	mostUsers = 16
	// A grace of years is a mistake, and a sum with it must not overflow.
	longestGrace = 10 * 365 * 24 * time.Hour
)

// Handler answers on the port that the operator, steps and the kubelet ask.
//
//	GET  /report   operator  what there is: see report; without its repositories with ?repositories=false
//	POST /sweep    operator  {"grace": seconds, "dryRun": false}; 202, or 409 while a pass runs; /report has what came of it
//	PUT  /users    operator  ["oras-1", "oras-2"]: the operator's users from now on; answers {"users", "problems"}
//	GET  /sweep    operator  {"sweeping", "lastPass"}, of the report
//	GET  /manifests  operator, users  what retention plans with, and people are shown: see retention.go
//	POST /unchanged, GET and PUT /plan   operator   what else retention needs: see retention.go
//	PUT  /export   operator  {"to": "ghcr.io/acme", "secret": name, "plainLogin": false}: copies everything there, or goes on; answers mirror.Status
//	POST /empty    operator  of a folder of a bucket: deletes all of it; 202, or 409 while it does
//	GET  /empty    operator  how that went: {"emptying", "done", "deleted", "failure"}
//	GET  /room     users     {"capacity", "used", "free"} in bytes, {"refuseAt"} in percent, {"refuse": whether a step is not to begin}
//	GET  /live     anybody   of a registry with TLS: 503 while it does not answer, or shows another certificate than it should by now; else 200
//	GET  /healthz  anybody   200
func (k *Keeper) Handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /report", k.operator(k.report))
	mux.HandleFunc("PUT /users", k.operator(k.putUsers))
	mux.HandleFunc("PUT /export", k.operator(func(w http.ResponseWriter, r *http.Request) { k.putExport(ctx, w, r) }))
	mux.HandleFunc("GET /live", k.live)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	if k.Volume != nil {
		mux.HandleFunc("POST /sweep", k.operator(func(w http.ResponseWriter, r *http.Request) { k.sweep(ctx, w, r, k.volumePass) }))
		mux.HandleFunc("GET /sweep", k.operator(k.lastSweep))
		mux.HandleFunc("GET /manifests", k.reader(k.manifests))
		mux.HandleFunc("POST /unchanged", k.operator(k.unchanged))
		mux.HandleFunc("GET /plan", k.operator(k.getPlan))
		mux.HandleFunc("PUT /plan", k.operator(k.putPlan))
		mux.HandleFunc("GET /room", k.user(k.room))
	}
	if k.Bucket != nil {
		k.handleBucket(ctx, mux)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		longest := int64(longestBody)
		if r.URL.Path == "/plan" || r.URL.Path == "/unchanged" {
			longest = longestPlan
		}
		r.Body = http.MaxBytesReader(w, r.Body, longest)
		mux.ServeHTTP(w, r)
	})
}

// operator lets the operator in, by its token.
func (k *Keeper) operator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !is || !k.Key.IsToken(token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="keeper"`)
			refuse(w, http.StatusUnauthorized, "this is for the operator, by its token")
			return
		}
		next(w, r)
	}
}

// hashes of others' passwords may cost seconds each; few are computed at a time.
var hashing = make(chan struct{}, 2)

// user lets users of the registry in.
func (k *Keeper) user(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if k.File != nil {
			user, password, is := r.BasicAuth()
			if !is || !k.allows(r.Context(), user, password) {
				w.Header().Set("WWW-Authenticate", `Basic realm="keeper"`)
				refuse(w, http.StatusUnauthorized, "this is for users of the registry, by their password")
				return
			}
		}
		next(w, r)
	}
}

// reader lets the operator in, and users, who may list and pull everything anyway.
func (k *Keeper) reader(next http.HandlerFunc) http.HandlerFunc {
	operator, user := k.operator(next), k.user(next)
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			operator(w, r)
		} else {
			user(w, r)
		}
	}
}

func (k *Keeper) allows(ctx context.Context, user, password string) bool {
	if !access.IsOperators(user) {
		select {
		case hashing <- struct{}{}:
			defer func() { <-hashing }()
		case <-ctx.Done():
			return false
		}
	}
	return k.File.Allows(user, password)
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

func (k *Keeper) live(w http.ResponseWriter, r *http.Request) {
	if err := k.Certificate.Check(r.Context()); err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (k *Keeper) putUsers(w http.ResponseWriter, r *http.Request) {
	if k.File == nil {
		refuse(w, http.StatusConflict, "this registry has no users: everybody may do everything")
		return
	}
	var users []string
	if !read(w, r, &users) {
		return
	}
	if len(users) == 0 || len(users) > mostUsers || slices.ContainsFunc(users, func(user string) bool { return !access.IsOperators(user) }) {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("1 to %d users are expected, oras-1, oras-2 and so on", mostUsers))
		return
	}
	slices.Sort(users)
	if err := k.SetUsers(slices.Compact(users)); err != nil {
		refuse(w, http.StatusInternalServerError, "the registry's users cannot be written: "+err.Error())
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"users": k.users, "problems": orNone(k.problems.First)})
}

// passOf makes a pass; what a storage cannot do is an error.
type passOf func(grace time.Duration, dryRun bool) (sweeper, error)

func (k *Keeper) volumePass(grace time.Duration, dryRun bool) (sweeper, error) {
	return &sweep.Pass{Data: k.Volume.Data, Grace: grace, Moment: sweep.Moment, DryRun: dryRun}, nil
}

func (k *Keeper) sweep(ctx context.Context, w http.ResponseWriter, r *http.Request, pass passOf) {
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
	sweeps, err := pass(time.Duration(*asked.Grace*float64(time.Second)), asked.DryRun)
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

// report is written as it is found: a registry may have tens of thousands of tags.
func (k *Keeper) report(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if k.Volume == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		_ = json.NewEncoder(w).Encode(k.served())
		return
	}
	brief := r.URL.Query().Get("repositories") == "false"
	encoder := json.NewEncoder(w)
	_, _ = io.WriteString(w, `{"repositories":[`)
	artifacts, separator := 0, ""
	problem := ""
	err := usage.Repositories(k.Volume.Data, func(repository usage.Repository) error {
		artifacts += len(repository.Tags)
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
		// Artifacts are tags, Bytes those of all blobs.
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

// orNone: an empty list is not null in JSON.
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

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// read reads a body of JSON.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil && decoder.More() {
		err = errors.New("something follows it")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the body is not the JSON that is expected: "+err.Error())
	}
	return err == nil
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
)

const (
	// longestBody is more than any request has.
	longestBody = 4 << 10
	// mostUsers are generations that one rotation after the other leaves.
	mostUsers = 16
)

// Handler answers on the port that the operator, steps and the kubelet ask.
//
//	GET  /report   operator  what there is: see report; without its repositories with ?repositories=false
//	POST /sweep    operator  {"grace": seconds, "dryRun": false}; 202, or 409 while a pass runs; /report has what came of it
//	PUT  /users    operator  ["oras-1", "oras-2"]: the operator's users from now on; answers {"users", "problems"}
//	GET  /sweep    operator  {"sweeping", "lastPass"}, of the report
//	GET  /manifests  operator, users  what retention plans with, and people are shown: see manifests
//	POST /unchanged, GET and PUT /plan   operator   what else retention needs: see storage
//	PUT  /export   operator  {"to": "ghcr.io/acme", "secret": name, "plainLogin": false}: copies everything there, or goes on; answers mirror.Status
//	POST /empty    operator  of a folder of a bucket: deletes all of it; 202, or 409 while it does
//	GET  /empty    operator  how that went: {"emptying", "done", "deleted", "failure"}
//	GET  /pushes   operator  where the registry tells of pushes: a line of JSON for each, as they come, and never an end; see Pushes
//	GET  /room     users     {"capacity", "used", "free"} in bytes, {"refuseAt"} in percent, {"refuse": whether a step is not to begin}
//	GET  /live     anybody   of a registry with TLS: 503 while it does not answer, or shows another certificate than it should by now; else 200
//	GET  /healthz  anybody   200
func (k *Keeper) Handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /report", k.operator(func(w http.ResponseWriter, r *http.Request) { k.report(ctx, w, r) }))
	mux.HandleFunc("PUT /users", k.operator(k.putUsers))
	mux.HandleFunc("PUT /export", k.operator(func(w http.ResponseWriter, r *http.Request) { k.putExport(ctx, w, r) }))
	mux.HandleFunc("GET /live", k.live)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	if s := k.storage(); s != nil {
		mux.HandleFunc("POST /sweep", k.operator(func(w http.ResponseWriter, r *http.Request) { k.sweep(ctx, w, r, s) }))
		mux.HandleFunc("GET /sweep", k.operator(k.lastSweep))
		mux.HandleFunc("GET /manifests", k.reader(func(w http.ResponseWriter, r *http.Request) { k.manifests(w, r, s) }))
		mux.HandleFunc("POST /unchanged", k.operator(func(w http.ResponseWriter, r *http.Request) { unchanged(w, r, s) }))
		mux.HandleFunc("GET /plan", k.operator(func(w http.ResponseWriter, r *http.Request) { getPlan(w, r, s) }))
		mux.HandleFunc("PUT /plan", k.operator(func(w http.ResponseWriter, r *http.Request) { putPlan(w, r, s) }))
	}
	if k.Pushes != nil {
		mux.HandleFunc("GET /pushes", k.operator(func(w http.ResponseWriter, r *http.Request) { k.Pushes.answer(ctx, w, r) }))
	}
	if k.Volume != nil {
		mux.HandleFunc("GET /room", k.user(k.room))
	}
	if k.Bucket != nil {
		mux.HandleFunc("POST /empty", k.operator(func(w http.ResponseWriter, _ *http.Request) { k.empty(ctx, w) }))
		mux.HandleFunc("GET /empty", k.operator(k.emptied))
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

// orNone: an empty list is not null in JSON.
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

package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
)

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

package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// mostUses of a token: it runs out in the middle of what is done.
const mostUses = 8

// token is what /token gave for a scope.
type token struct {
	scopes []string
	uses   int
}

// giveToken asks for name and password, which are the same for everybody.
func (s *strict) giveToken(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if name != "somebody" || password != "secret" || r.URL.Query().Get("service") != "strict" {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := random()
	scopes := []string{}
	for _, each := range r.URL.Query()["scope"] {
		scopes = append(scopes, strings.Fields(each)...)
	}
	s.tokens[text] = &token{scopes: scopes}
	w.Header().Set("Content-Type", "application/json")
	// The other name of the field, and no word of when it ends: a minute, by the specification of tokens.
	_, _ = fmt.Fprintf(w, `{"access_token": %q}`, text)
}

// authorized answers with a challenge where no token allows what is asked. The challenge's values need no quotes.
func (s *strict) authorized(w http.ResponseWriter, r *http.Request, name string) bool {
	scope, action := "registry:catalog:*", "*"
	if name != "" {
		action = map[string]string{"GET": "pull", "HEAD": "pull", "DELETE": "delete"}[r.Method]
		if action == "" || strings.Contains(r.URL.Path, "/uploads/") {
			action = "push"
		}
		scope = "repository:" + name + ":" + map[string]string{"pull": "pull", "push": "pull,push", "delete": "delete"}[action]
	}
	given := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if given != nil && given.uses < mostUses && slices.ContainsFunc(given.scopes, func(has string) bool { return allows(has, scope, action) }) {
		given.uses++
		return true
	}
	proto := r.Header.Get("X-Forwarded-Proto")
	if proto == "" {
		proto = "http"
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s://%s/token" ,  service=strict,scope="%s"`, proto, r.Host, scope))
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
	return false
}

var scopeForm = regexp.MustCompile(`^(.*):([^:]*)$`)

func allows(has, scope, action string) bool {
	of, wanted := scopeForm.FindStringSubmatch(has), scopeForm.FindStringSubmatch(scope)
	return of != nil && of[1] == wanted[1] && slices.Contains(strings.Split(of[2], ","), action)
}

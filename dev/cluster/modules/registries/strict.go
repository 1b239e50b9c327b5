package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// strict is a registry that uses every freedom of the distribution specification 1.1, and refuses every request that the
// specification does not allow. It asks for tokens that are good for a few requests to one repository.
type strict struct {
	mu     sync.Mutex
	repos  map[string]*repo
	tokens map[string]*token
	// told are the kinds of requests that have been answered with 429 once.
	told map[string]bool
}

type repo struct {
	blobs     map[string][]byte
	manifests map[string]manifest
	tags      map[string]string
	uploads   map[string]*upload
}

type manifest struct {
	mediaType string
	bytes     []byte
}

func newStrict() http.Handler {
	return &strict{repos: map[string]*repo{}, tokens: map[string]*token{}, told: map[string]bool{}}
}

var path = regexp.MustCompile(`^/v2/([a-z0-9]+(?:[._/-][a-z0-9]+)*)/(blobs/uploads|blobs|manifests|tags)/(.*)$`)

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		s.giveToken(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/store/") {
		s.store(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // Its client gave up.
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := path.FindStringSubmatch(r.URL.Path)
	name := ""
	if parts != nil {
		name = parts[1]
	}
	if !s.authorized(w, r, name) {
		return
	}
	if r.URL.Path == "/v2/_catalog" {
		names := []string{}
		for name := range s.repos {
			names = append(names, name)
		}
		page(w, r, "repositories", names)
		return
	}
	if parts == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if s.busy(w, r, parts[2]) {
		return
	}
	if s.repos[name] == nil {
		if r.Method != http.MethodPost {
			refuse(w, http.StatusNotFound, "NAME_UNKNOWN")
			return
		}
		s.repos[name] = &repo{map[string][]byte{}, map[string]manifest{}, map[string]string{}, map[string]*upload{}}
	}
	in := s.repos[name]
	switch parts[2] {
	case "tags":
		tags := []string{}
		for tag := range in.tags {
			tags = append(tags, tag)
		}
		page(w, r, "tags", tags)
	case "manifests":
		in.serveManifest(w, r, parts[3], body)
	case "blobs":
		in.serveBlob(w, r, name, parts[3])
	default:
		in.serveUpload(w, r, parts[3], body)
	}
}

// busy refuses the first request of some kinds.
func (s *strict) busy(w http.ResponseWriter, r *http.Request, what string) bool {
	kind := r.Method + " " + what
	if s.told[kind] || r.URL.Query().Has("mount") || !slices.Contains([]string{"POST blobs/uploads", "GET manifests", "PUT manifests"}, kind) {
		return false
	}
	s.told[kind] = true
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS")
	return true
}

// pageSize is less than anybody asks for.
const pageSize = 2

// page answers with a part of a list. Where the rest is, the last of several links says, without quotes, relative.
func page(w http.ResponseWriter, r *http.Request, field string, all []string) {
	slices.Sort(all)
	last := r.URL.Query().Get("last")
	rest := slices.DeleteFunc(all, func(one string) bool { return one <= last })
	if len(rest) > pageSize {
		rest = rest[:pageSize]
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		w.Header().Set("Link", fmt.Sprintf("<%s>; rel=first, <%s?n=%d&last=%s>; rel=next", name, name, pageSize, rest[pageSize-1]))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"name": "x", field: rest})
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code}}})
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func random() string { return strings.ToLower(rand.Text()) }

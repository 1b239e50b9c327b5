package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Larger than what is made before it is sent.
const makesLarge = "mkdir -p d; head -c 20000000 /dev/urandom > d/x; "

// requests remembers the requests for blobs, and what becomes of them.
type requests struct {
	mutex sync.Mutex
	seen  []string
}

func (r *requests) add(request *http.Request) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if strings.Contains(request.URL.Path, "/blobs/uploads/") {
		what := request.Method
		if request.ContentLength > 1_000_000 {
			what += " with the blob"
		}
		r.seen = append(r.seen, what)
	}
}

func (r *requests) count(what string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	n := 0
	for _, line := range r.seen {
		if line == what {
			n++
		}
	}
	return n
}

func TestALargeOutputIsSentWhileItIsMadeAndOnce(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	for _, output := range []string{"d", "d/x", "."} {
		seen := &requests{}
		url := between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			seen.add(r)
			forward.ServeHTTP(w, r)
		})
		artifact := fmt.Sprintf("%s/ahead/once:%d", url, len(output))
		makes(t, artifact, makesLarge, "--output-path", output)
		if seen.count("PATCH") != 1 || seen.count("PUT with the blob") != 0 {
			t.Errorf("%s: %v", output, seen.seen)
		}
		stockPull(t, artifact)
	}
}

// Nothing depends on it: what could not be sent ahead, however that came, is pushed from the volume.
func TestAnOutputThatCouldNotBeSentAheadIsPushed(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	refuse := func(status int, code string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"not so"}]}`, code)
		}
	}
	for name, c := range map[string]struct {
		method string
		answer func(http.ResponseWriter, *http.Request, http.Handler)
	}{
		"not known how":        {http.MethodPatch, refuse(405, "UNSUPPORTED")},
		"too large":            {http.MethodPatch, refuse(413, "SIZE_INVALID")},
		"not allowed any more": {http.MethodPatch, refuse(401, "UNAUTHORIZED")},
		"out of order":         {http.MethodPatch, refuse(503, "UNAVAILABLE")},
		"broken off": {http.MethodPatch, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = io.CopyN(io.Discard, r.Body, 1_000_000)
			panic(http.ErrAbortHandler)
		}},
		"session forgotten": {http.MethodPut, refuse(404, "BLOB_UPLOAD_UNKNOWN")},
		"bytes lost":        {http.MethodPut, refuse(400, "DIGEST_INVALID")},
		"no session":        {http.MethodPost, refuse(503, "UNAVAILABLE")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			// The proof that the output may be pushed comes first.
			var begun atomic.Bool
			url := between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
				first := false
				if begun.Load() && r.Method == c.method {
					once.Do(func() { first = true })
				}
				if first {
					c.answer(w, r, forward)
					return
				}
				forward.ServeHTTP(w, r)
			})
			p := newPod(t, url+"/ahead/"+strings.ReplaceAll(name, " ", "-")+":1")
			wants(t, p.pull(), 0, "")
			begun.Store(true)
			oras := p.push()
			wants(t, p.program(makesLarge, "--output-path", "d"), 0, "")
			wants(t, oras, 0, `"digest":"sha256:`)
			if contentOf(t, stockPull(t, p.output), "d/x") != contentOf(t, p.work, "d/x") {
				t.Error("something else arrived")
			}
		})
	}
}

// What is sent ahead becomes a blob only when the output is whole.
func TestAnOutputThatEndsEarlyIsNoBlob(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	seen := &requests{}
	url := between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		seen.add(r)
		forward.ServeHTTP(w, r)
	})
	program, oras := step(t, url+"/ahead/early:1", makesLarge+"ln -s /etc/passwd d/y", "--output-path", "d")
	wants(t, program, 189, "links leave it")
	wants(t, oras, 0, "nothing pushed")
	if seen.count("PUT") != 0 {
		t.Error(seen.seen)
	}
}

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// fault is what a registry does wrong; false where it does right.
type fault func(w http.ResponseWriter, r *http.Request) bool

// answers is a fault: a refusal with words of the registry's own.
func answers(method, part string, status int) fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.Contains(r.URL.Path, part) {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"errors":[{"code":"MADE_UP","message":"the words of the registry"}]}`))
		return true
	}
}

func faulty(t *testing.T, host string, wrong fault) string {
	t.Helper()
	return between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if !wrong(w, r) {
			forward.ServeHTTP(w, r)
		}
	})
}

// What is found out before the program runs: the registry's code and words reach the author (art-09, art-10).
func TestRefusedUploadsAreKnownBeforeTheProgram(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	for name, c := range map[string]struct{ status, code int }{
		"denied": {403, 182}, "no login": {401, 182}, "art-10, no repository": {404, 182}, "not allowed": {405, 182}, "too large": {413, 182}, "anything else": {400, 182}, "broken for good": {500, 183},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, faulty(t, host, answers(http.MethodPost, "/blobs/uploads/", c.status))+"/refused:1")
			p.pullOptions = []string{"--timeout=3"}
			code, message, _ := p.brings()
			if code != c.code || !strings.Contains(message, "MADE_UP") || !strings.Contains(message, "the words of the registry") || !strings.HasPrefix(message, "push to ") {
				t.Errorf("exit code %d, %q", code, message)
			}
		})
	}
}

// What fails oras alone: the program has run. Nothing is tagged.
func TestRefusedPushes(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	for name, c := range map[string]struct {
		wrong fault
		says  string
	}{
		"a manifest that is denied":         {answers(http.MethodPut, "/manifests/", 403), "403 MADE_UP"},
		"art-13, a tag that is immutable":   {answers(http.MethodPut, "/manifests/", 412), "412 MADE_UP"},
		"art-13, as ECR says it":            {answers(http.MethodPut, "/manifests/", 400), "400 MADE_UP"},
		"a blob that is denied":             {answers(http.MethodPut, "/blobs/", 401), "401 MADE_UP"},
		"art-09, a quota":                   {answers(http.MethodPut, "/blobs/", 403), "403 MADE_UP"},
		"art-15, a blob that is too large":  {answers(http.MethodPut, "/blobs/", 413), "413 MADE_UP"},
		"a manifest and a registry in need": {answers(http.MethodPut, "/manifests/", 500), "500 MADE_UP"},
		"a blob and a registry in need":     {answers(http.MethodPut, "/blobs/", 503), "503 MADE_UP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := "/refused/" + digestOf([]byte(name))[7:20] + ":1"
			p := newPod(t, faulty(t, host, c.wrong)+repository)
			wants(t, p.pull(), 0, "")
			oras := p.push("--timeout", "3")
			wants(t, p.program("echo x > x", "--output-path", "x"), 0, "")
			code, message := oras.end()
			if code != 190 || !strings.Contains(message, c.says) || !strings.Contains(message, "the words of the registry") {
				t.Errorf("exit code %d, %q", code, message)
			}
			if isPushed(t, "http://"+host+repository) {
				t.Error("it is tagged")
			}
		})
	}
}

// What passes is waited for: art-11, art-14 and a registry that is busy.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	for name, c := range map[string]struct {
		wrong fault
		times int32
	}{
		"art-11, a token that expires":      {answers(http.MethodPut, "/blobs/", 401), 1},
		"art-14, a rate limit of manifests": {answers(http.MethodPut, "/manifests/", 429), 2},
		"a rate limit of uploads":           {answers(http.MethodPost, "/blobs/", 429), 2},
		"busy":                              {answers(http.MethodPut, "/", 503), 3},
		"a gateway":                         {answers(http.MethodPut, "/manifests/", 502), 3},
		"an upload that is forgotten":       {answers(http.MethodPut, "/blobs/uploads", 404), 1},
		"a connection that breaks": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut {
				return false
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
			return true
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var happened atomic.Int32
			url := faulty(t, host, func(w http.ResponseWriter, r *http.Request) bool {
				if happened.Load() >= c.times || r.URL.Query().Has("proof") {
					return false
				}
				if r.Method == http.MethodPut && strings.Contains(name, "forgotten") {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusNotFound)
					_, _ = w.Write([]byte(`{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"m"}]}`))
					happened.Add(1)
					return true
				}
				if !c.wrong(w, r) {
					return false
				}
				happened.Add(1)
				return true
			})
			p := newPod(t, url+"/passes/"+digestOf([]byte(name))[7:20]+":1")
			// The proof of the push meets faults too.
			p.pullOptions = []string{"--timeout=60"}
			wants(t, p.pull(), 0, "")
			happened.Store(0)
			oras := p.push("--timeout=60")
			wants(t, p.program("echo x > x", "--output-path", "x"), 0, "")
			wants(t, oras, 0, `"digest"`)
			if happened.Load() != c.times {
				t.Errorf("the fault happened %d times", happened.Load())
			}
		})
	}
}

// changing is a fault of blobs that are fetched.
func changing(host string, change func(w http.ResponseWriter, content []byte)) fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		answer, err := http.Get((&url.URL{Scheme: "http", Host: host, Path: r.URL.Path}).String())
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		if err != nil {
			return false
		}
		change(w, content)
		return true
	}
}

func TestBlobsThatAreSpoiledOnTheWay(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	input := "/spoiled/x:1"
	makes(t, "http://"+host+input, "head -c 100000 /dev/urandom > x", "--output-path", "x")
	for name, c := range map[string]struct {
		change func(w http.ResponseWriter, content []byte)
		code   int
		says   string
	}{
		"reversed": {func(w http.ResponseWriter, content []byte) {
			slices.Reverse(content)
			_, _ = w.Write(content)
		}, 184, "is not it"},
		"cut short": {func(w http.ResponseWriter, content []byte) { _, _ = w.Write(content[:5000]) }, 184, "5000 bytes in the registry"},
		"broken off": {func(w http.ResponseWriter, content []byte) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(content[:5000])
			panic(http.ErrAbortHandler)
		}, 183, "closed the connection"},
		"a page": {func(w http.ResponseWriter, _ []byte) { _, _ = w.Write([]byte("<html>log in</html>")) }, 184, "in the registry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Always from the front, and never further: nothing of it makes progress.
			url := faulty(t, host, changing(host, c.change))
			p := newPod(t, "")
			p.pullOptions = []string{"--timeout=3"}
			code, message, _ := p.brings(url + input)
			if code != c.code || !strings.Contains(message, c.says) {
				t.Errorf("exit code %d, %q", code, message)
			}
			if !p.streams {
				wants(t, p.program("echo ran", "--input-path", t.TempDir()), 186, "cannot be read")
			}
		})
	}
}

func TestABusyRegistryDelaysAPull(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	makes(t, "http://"+host+"/busy/x:1", "echo x > x", "--output-path", "x")
	var left atomic.Int32
	left.Store(4)
	busy := answers(http.MethodGet, "/", 503)
	url := faulty(t, host, func(w http.ResponseWriter, r *http.Request) bool { return left.Add(-1) >= 0 && busy(w, r) })
	p := newPod(t, "")
	p.pullOptions = []string{"--timeout=60"}
	if code, message, log := p.brings(url + "/busy/x:1"); code != 0 || !strings.Contains(log, "503 MADE_UP") {
		t.Errorf("exit code %d, %q, says %s", code, message, log)
	}
}

// A registry that comes up after the step.
func TestARegistryThatComesLate(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	makes(t, "http://"+host+"/late/x:1", "echo x > x", "--output-path", "x")
	var up atomic.Bool
	url := between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if !up.Load() {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	})
	p := newPod(t, url+"/late/y:1")
	p.pullOptions = []string{"--timeout=60"}
	pull := p.pull(url + "/late/x:1")
	if p.streams {
		pull = p.push()
	}
	pull.says("trying again")
	up.Store(true)
	if p.streams {
		wants(t, p.program("cat x > y", "--input-path", p.work, "--output-path", "y"), 0, "")
	}
	wants(t, pull, 0, "")
}

// art-07: what `oras attach` makes is pulled alone, whether its subject is there or not.
func TestAttachedArtifacts(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	report := h.blob([]byte("report"), "report.txt")
	big := h.blob(bytes.Repeat([]byte("x"), 1<<20), "big")
	subject := manifestOf(t, []layer{big})
	for name, there := range map[string]bool{"subject there": true, "subject gone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, repository := h.put(t, manifestOf(t, []layer{report}, "subject", layer{"mediaType": typeManifest, "digest": digestOf(subject), "size": len(subject)}))
			if there {
				h.special["/v2/"+repository+"/manifests/"+digestOf(subject)] = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(subject) }
			}
			code, message, place := taken(t, input)
			if code != 0 || contentOf(t, place, "report.txt") != "report" {
				t.Errorf("exit code %d, %q", code, message)
			}
			if h.asked(digestOf(subject)) || h.asked(big["digest"].(string)) {
				t.Error("the subject was fetched")
			}
		})
	}
}

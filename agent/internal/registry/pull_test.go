package registry

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
)

func TestHabitsOfPull(t *testing.T) {
	content := noise(100_000)
	for name, c := range map[string]struct {
		habit habit
		want  string
		code  int
		gets  int
	}{
		"none": {nil, "", 0, 1},
		"rate, then not there (art-14)": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/manifests/") && f.times("hub") <= 2 {
				w.Header().Set("Retry-After", "5")
				refuse(w, 429, "TOOMANYREQUESTS", "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading")
				return true
			}
			if strings.Contains(r.URL.Path, "/manifests/") {
				refuse(w, 404, "MANIFEST_UNKNOWN", "manifest unknown")
				return true
			}
			return false
		}, "404 MANIFEST_UNKNOWN: manifest unknown", 181, 0},
		"rate for ever": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			w.Header().Set("Retry-After", "100000")
			refuse(w, 429, "TOOMANYREQUESTS", "You have reached your pull rate limit.")
			return true
		}, "the registry did not succeed within 5m; last: the registry answered 429 TOOMANYREQUESTS: You have reached your pull rate limit.", 183, 0},
		"a web page": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("<html>Please log in</html>"))
			return true
		}, "answered with a web page, not a manifest", 184, 0},
		"the blob is gone": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				refuse(w, 404, "BLOB_UNKNOWN", "blob unknown to registry")
				return true
			}
			return false
		}, "404 BLOB_UNKNOWN: blob unknown to registry; the manifest is there, a part of it is not", 181, 1},
		"a wrong digest is final": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				b := bytes.Clone(content)
				b[10] ^= 1
				_, _ = w.Write(b)
				return true
			}
			return false
		}, "is not it: its digest is sha256:", 184, 1},
		"longer than its size": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w.Header().Set("Content-Length", "100001")
				_, _ = w.Write(append(bytes.Clone(content), 'x'))
				return true
			}
			return false
		}, "100001 bytes in the registry, 100000 in the manifest", 184, 1},
		"longer, not saying so": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				_, _ = w.Write(content)
				w.(http.Flusher).Flush()
				_, _ = w.Write([]byte("x"))
				return true
			}
			return false
		}, "is longer than the manifest says, 100000 bytes", 184, 1},
		"shorter": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w.Header().Set("Content-Length", "99999")
				_, _ = w.Write(content[1:])
				return true
			}
			return false
		}, "99999 bytes in the registry", 184, 1},
		"shorter, not saying so": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				_, _ = w.Write(content[1:])
				return true
			}
			return false
		}, "99999 bytes in the registry", 184, 2},
		"breaks, goes on with ranges":                       {breaking(content, 3, true), "", 0, 4},
		"breaks, without ranges":                            {breaking(content, 3, false), "", 0, 4},
		"breaks at the same place for ever, without ranges": {breaking(content, 1<<30, false), "closed the connection before its answer was whole", 183, -1},
		"sends another range": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", "bytes 0-99999/100000")
				w.WriteHeader(http.StatusPartialContent)
				return true
			}
			return breaking(content, 1, false)(f, w, r, nil)
		}, `from byte 50000 and sent "0-99999/100000"`, 184, 2},
		"refuses ranges": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return breaking(content, 1, false)(f, w, r, nil)
		}, "", 0, 3},
		"refuses ranges as something that it cannot read": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Header.Get("Range") != "" {
				refuse(w, 400, "UNSUPPORTED", "no ranges")
				return true
			}
			return breaking(content, 2, false)(f, w, r, nil)
		}, "", 0, 4},
		"knows no ranges without an end": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.HasSuffix(r.Header.Get("Range"), "-") {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return breaking(content, 3, true)(f, w, r, nil)
		}, "", 0, 4},
		"another manifest than its digest": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
				w.Header().Set("Docker-Content-Digest", digestOf([]byte("else")))
				_, _ = w.Write([]byte("{}"))
				return true
			}
			return false
		}, "the manifest that the registry sent is not sha256:", 184, 0},
		"a manifest of 5 MB (sec-04)": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			for range 5 {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
				w.(http.Flusher).Flush()
			}
			return true
		}, "longer than a manifest can be, 4 MiB", 184, 0},
		"a manifest that says it has a terabyte": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			w.Header().Set("Content-Length", "1000000000000")
			return true
		}, "longer than a manifest can be", 184, 0},
		"a manifest that is cut": {func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if strings.Contains(r.URL.Path, "/manifests/") && f.times("cut") == 1 {
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte("{"))
				w.(http.Flusher).Flush()
				hangUp(w)
				return true
			}
			return false
		}, "", 0, 1},
		"redirects for ever": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			http.Redirect(w, r, r.URL.Path+"?a=secret-signature", http.StatusTemporaryRedirect)
			return true
		}, "redirects more than 5 times", 184, 0},
		"a redirect to nowhere": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			http.Redirect(w, r, "http://127.0.0.1:1/bucket?X-Amz-Signature=secret-signature", http.StatusTemporaryRedirect)
			return true
		}, "127.0.0.1:1", 183, 0},
		"words that control a terminal": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			refuse(w, 400, "NAME_INVALID\x1b[2J", "\x1b[31mred\x07 \u202egnp.exe\u2028 https://u:secret-signature@s3.example/b?sig=secret-signature\nnext"+strings.Repeat("long ", 3000))
			return true
		}, "400 NAME_INVALID[2J: [31mred gnp.exe https://s3.example/b nextlong", 184, 0},
		"not JSON": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			w.WriteHeader(400)
			_, _ = w.Write([]byte("bad luck"))
			return true
		}, "answered 400 bad luck", 184, 0},
		"an endless refusal": {func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			w.WriteHeader(400)
			for {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
					return true
				}
			}
		}, "answered 400 xxx", 184, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.habit)
			blobs, manifest := artifact(content)
			f.blobs[blobs[0].Digest], f.tags["v1"] = content, manifest
			r, seen := open(t, place(t, f.host(), "q/x:v1"), func(o *Options) { o.Use = credentials.Pull })
			_, err := r.Manifest(context.Background())
			if err == nil {
				var got []byte
				got, err = readBlob(r, blobs[0].Digest, blobs[0].Size)
				if err == nil && !bytes.Equal(got, content) {
					t.Error("other bytes, no error")
				}
			}
			if gets := f.requests("^GET /v2/q/x/blobs/"); c.gets >= 0 && gets != c.gets {
				t.Errorf("%d requests of the blob, want %d", gets, c.gets)
			}
			if c.want == "" {
				if err != nil {
					t.Error(err, seen.all())
				}
				return
			}
			failed := InputCodes().Failure("pull of q/x:v1", err)
			if failed.Code != c.code || !strings.Contains(failed.Message, c.want) {
				t.Errorf("%d %s\nwant %d %s", failed.Code, failed, c.code, c.want)
			}
			if len(failed.Message) >= 1024 || strings.ContainsFunc(failed.Message+strings.Join(seen.lines, ""), unicode.IsControl) {
				t.Errorf("%d bytes: %q", len(failed.Message), failed.Message)
			}
			if strings.Contains(failed.Message+seen.all(), "secret-signature") {
				t.Error(failed, seen.all())
			}
		})
	}
}

// breaking hangs up in the middle of the blob, or of what of it is asked for, so many times.
func breaking(content []byte, times int, ranges bool) habit {
	return func(f *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || f.times("break") > times {
			if !ranges {
				r.Header.Del("Range")
			}
			return false
		}
		rest := content
		if ranges {
			if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
				first, _, _ := strings.Cut(text, "-")
				start, err := strconv.Atoi(first)
				if err != nil {
					return false
				}
				rest = content[start:]
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(content)-1, len(content)))
				w.Header().Set("Content-Length", strconv.Itoa(len(rest)))
				w.WriteHeader(http.StatusPartialContent)
			}
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(rest)))
		_, _ = w.Write(rest[:len(rest)/2])
		w.(http.Flusher).Flush()
		hangUp(w)
		return true
	}
}

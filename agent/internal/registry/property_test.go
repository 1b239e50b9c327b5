package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// mishap is what befalls one answer to the request of a blob.
type mishap struct {
	// after so many bytes of the answer it happens.
	after int
	// kind: 0 hang up, 1 a byte is wrong, 2 a status instead of an answer, 3 ranges are not known.
	kind, status int
}

// Whatever happens on the way: the blob comes whole and right, or there is an error; never other bytes, never more.
func TestBlobWhateverHappens(t *testing.T) {
	var mu sync.Mutex
	var content []byte
	var mishaps []mishap
	f := newFake(t, func(_ *fake, w http.ResponseWriter, r *http.Request, _ []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		m := mishap{after: 1 << 30}
		if len(mishaps) > 0 {
			m, mishaps = mishaps[0], mishaps[1:]
		}
		if m.kind == 2 {
			w.WriteHeader(m.status)
			return true
		}
		rest := content
		text, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
		if start, err := strconv.Atoi(text); err == nil && m.kind != 3 && start < len(content) {
			rest = content[start:]
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(content)-1, len(content)))
			w.Header().Set("Content-Length", strconv.Itoa(len(rest)))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", strconv.Itoa(len(rest)))
		}
		if m.after >= len(rest) {
			_, _ = w.Write(rest)
			return true
		}
		if m.kind == 1 {
			rest = bytes.Clone(rest)
			rest[m.after] ^= 1
			_, _ = w.Write(rest)
			return true
		}
		_, _ = w.Write(rest[:m.after])
		w.(http.Flusher).Flush()
		hangUp(w)
		return true
	})
	ref := place(t, f.host(), "a:b")
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 20_000).Draw(t, "size")
		drawn := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) mishap {
			return mishap{
				after: rapid.IntRange(0, 20_000).Draw(t, "after"), kind: rapid.IntRange(0, 3).Draw(t, "kind"),
				status: rapid.SampledFrom([]int{500, 503, 429, 408, 404, 403, 416}).Draw(t, "status"),
			}
		}), 0, 6).Draw(t, "mishaps")
		mu.Lock()
		content, mishaps = noise(size), drawn
		mu.Unlock()
		r, err := Open(ref, Options{clock: virtual(), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		stream, err := r.OpenBlob(context.Background(), digestOf(content), int64(size))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stream.Close() }()
		got, err := io.ReadAll(io.LimitReader(stream, int64(size)+1))
		final := false
		for _, m := range drawn {
			final = final || m.kind == 1 || m.kind == 2 && m.status >= 400 && m.status < 500
		}
		switch {
		case err == nil && !bytes.Equal(got, content):
			t.Fatalf("%d bytes of %d, or wrong ones, and no error", len(got), size)
		case err != nil && !final:
			t.Fatal(err)
		case len(got) > size:
			t.Fatal("more than its size")
		}
	})
}

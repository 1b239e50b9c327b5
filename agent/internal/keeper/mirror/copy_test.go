package mirror

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// kept are manifests; each look at one counts.
type kept struct {
	Source
	texts map[layout.Digest]string
	looks int
}

func (k *kept) Manifest(_ context.Context, _ string, d layout.Digest) ([]byte, error) {
	k.looks++
	if text, is := k.texts[d]; is {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func (k *kept) put(text string) layout.Digest {
	d := layout.Digest(sha256.Sum256([]byte(text)))
	k.texts[d] = text
	return d
}

// TestWhatIndexesNameAgainIsCopiedOnce: each of these indexes names the one below five times.
func TestWhatIndexesNameAgainIsCopiedOnce(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusCreated)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(remote.Close)
	source := &kept{texts: map[layout.Digest]string{}}
	top := source.put(`{"mediaType":"` + imageIndex + `","manifests":[]}`)
	for range deepest - 2 {
		one := fmt.Sprintf(`{"mediaType":"%s","digest":"sha256:%s"}`, imageIndex, top)
		top = source.put(fmt.Sprintf(`{"mediaType":"%s","manifests":[%s]}`, imageIndex, strings.Repeat(one+",", 4)+one))
	}
	m := newMirror(t)
	m.From = source
	m.To = reference.Registry{Host: strings.TrimPrefix(remote.URL, "http://"), PlainHTTP: true}
	c, to, err := m.open("a", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(to.Close)
	if err := c.manifest(t.Context(), to, top, 0); err != nil {
		t.Fatal(err)
	}
	if source.looks != len(source.texts) {
		t.Errorf("%d looks at %d manifests", source.looks, len(source.texts))
	}
}

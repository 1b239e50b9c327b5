package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

const (
	// longestText is that of a manifest, and of a page of a list.
	longestText = 4 << 20
	pageSize    = 500
	// accepted are all kinds of manifests: the registry hides what is not asked for.
	accepted = imageManifest + ", " + imageIndex + ", application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.artifact.manifest.v1+json"
)

// Served is a registry in the same Pod whose files the keeper does not see, as those of object storage.
type Served struct {
	// URL is where it listens, without a slash at its end.
	URL string
	// Login is shown to it; nil where everybody may read.
	Login func() (user, password string)
	// Transport trusts it, and whoever it redirects to.
	Transport http.RoundTripper
}

// Place is the registry.
func (s *Served) Place() string { return "in the registry" }

// Tags asks for the repositories and their tags, and what each stands for.
func (s *Served) Tags(ctx context.Context, wanted func(string) bool, visit func(string, string, layout.Digest, time.Time)) error {
	return s.pages(ctx, "/v2/_catalog", func(repository string) error {
		if !wanted(repository) {
			return nil
		}
		err := s.pages(ctx, "/v2/"+repository+"/tags/list", func(tag string) error {
			d, err := s.Target(ctx, repository, tag)
			if err == nil {
				visit(repository, tag, d, time.Time{})
			}
			return ignoreGone(err)
		})
		// One whose manifests were all deleted is in the catalog.
		return ignoreGone(err)
	})
}

// Target asks what a tag stands for.
func (s *Served) Target(ctx context.Context, repository, tag string) (layout.Digest, error) {
	answer, err := s.ask(ctx, http.MethodHead, "/v2/"+repository+"/manifests/"+tag)
	if err != nil {
		return layout.Digest{}, err
	}
	_ = answer.Body.Close()
	d, is := digestOf(answer.Header.Get("Docker-Content-Digest"))
	if !is {
		return d, fmt.Errorf("the registry does not say what %s:%s stands for", repository, tag)
	}
	return d, nil
}

// Manifest asks for a manifest.
func (s *Served) Manifest(ctx context.Context, repository string, d layout.Digest) ([]byte, error) {
	answer, err := s.ask(ctx, http.MethodGet, "/v2/"+repository+"/manifests/sha256:"+d.String())
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(io.LimitReader(answer.Body, longestText))
}

// Blob asks how long a blob is; its content is asked for when it is pushed.
func (s *Served) Blob(ctx context.Context, repository string, d layout.Digest) (registry.Blob, error) {
	path := "/v2/" + repository + "/blobs/sha256:" + d.String()
	answer, err := s.ask(ctx, http.MethodHead, path)
	if err != nil {
		return registry.Blob{}, err
	}
	_ = answer.Body.Close()
	if answer.ContentLength < 0 {
		return registry.Blob{}, fmt.Errorf("the registry does not say how long the blob sha256:%s is", d)
	}
	open := func() (io.ReadCloser, error) {
		answer, err := s.ask(ctx, http.MethodGet, path)
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}
	return registry.Blob{Digest: "sha256:" + d.String(), Size: answer.ContentLength, Content: registry.Opened(open)}, nil
}

func (s *Served) ask(ctx context.Context, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accepted)
	// Else each manifest looked used.
	request.Header.Set("User-Agent", contract.ListingUserAgent)
	if s.Login != nil {
		request.SetBasicAuth(s.Login())
	}
	answer, err := (&http.Client{Transport: s.Transport}).Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s %s: %w", method, path, fs.ErrNotExist)
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	return nil, fmt.Errorf("the registry answered %s %s with %d: %s", method, path, answer.StatusCode, registry.Clean(string(text), 200))
}

// pages visits the names of a list, page after page.
func (s *Served) pages(ctx context.Context, path string, visit func(name string) error) error {
	last := ""
	for {
		query := url.Values{"n": {fmt.Sprint(pageSize)}}
		if last != "" {
			query.Set("last", last)
		}
		names, more, err := s.page(ctx, path+"?"+query.Encode())
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := visit(name); err != nil {
				return err
			}
			last = name
		}
		if !more || len(names) == 0 {
			return nil
		}
	}
}

func (s *Served) page(ctx context.Context, path string) (names []string, more bool, err error) {
	answer, err := s.ask(ctx, http.MethodGet, path)
	if err != nil {
		return nil, false, err
	}
	defer answer.Body.Close()
	var page struct{ Repositories, Tags []string }
	if err := json.NewDecoder(io.LimitReader(answer.Body, longestText)).Decode(&page); err != nil {
		return nil, false, fmt.Errorf("the registry's answer to %s cannot be read: %w", path, err)
	}
	return append(page.Repositories, page.Tags...), strings.Contains(answer.Header.Get("Link"), "next"), nil
}

package registry

import (
	"context"
	"net/http"
	"net/url"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// Blob is what is to be pushed.
type Blob struct {
	// Digest is `sha256:…` of Content, Size its length in bytes.
	Digest  string
	Size    int64
	Content Content
}

// ProvePush proves that the repository takes uploads, so that nobody computes for hours to be refused at the end: an
// upload is begun and given up; nothing is stored.
func (r *Repository) ProvePush(ctx context.Context) error {
	return r.retry(ctx, r.ref.Name(), func(ctx context.Context) error {
		at, err := r.begin(ctx)
		if err == nil {
			r.abandon(ctx, at)
		}
		return err
	})
}

// HasBlob asks whether the repository has a blob. That it may not be asked is no answer: false.
func (r *Repository) HasBlob(ctx context.Context, digest string) (bool, error) {
	has := false
	err := r.retry(ctx, r.ref.Name(), func(ctx context.Context) error {
		found, err := r.hasBlob(ctx, digest)
		has = found
		return err
	})
	return has, err
}

func (r *Repository) hasBlob(ctx context.Context, digest string) (bool, error) {
	resp, err := r.do(ctx, request{method: http.MethodHead, url: r.at("/blobs/" + digest)})
	if err == nil {
		return resp.StatusCode == http.StatusOK, resp.Body.Close()
	}
	// An object store may refuse a HEAD where the redirect is signed for a GET.
	if e := As(err); e != nil && (e.elsewhere || !e.passes && e.Kind != Local) {
		return false, nil
	}
	return false, err
}

// newSessions is how often an upload begins anew at once.
const newSessions = 2

// PushBlob uploads a blob in one piece, unless it is there. It is tried again, from its beginning, for as long as the
// options say, not counted the time in which bytes move; a session that was lost and a token that ran out are replaced at once.
func (r *Repository) PushBlob(ctx context.Context, blob Blob) error {
	if !reference.IsDigest(blob.Digest) || blob.Size < 0 {
		return invalid("%s of %d bytes is not a blob", Clean(blob.Digest, 100), blob.Size)
	}
	p := &patience{o: r.o, what: r.ref.Name() + ", blob " + shortDigest(blob.Digest)}
	sessions, send := 0, r.complete
	for {
		err := r.tryPush(ctx, p, blob, send)
		if err == nil {
			return nil
		}
		e := As(err)
		if e != nil && e.session && sessions < newSessions {
			sessions++
			if e.Status == http.StatusUnauthorized && sessions == newSessions {
				send = r.completeInPieces
			}
			r.o.Log(p.what + ": " + e.Reason + "; uploading it again")
			continue
		}
		if e != nil && e.session && e.Status == http.StatusNotFound {
			e.Kind, e.passes = Unavailable, true // Replicas that do not share their sessions; a restart.
		}
		if err := p.wait(ctx, err); err != nil {
			return err
		}
	}
}

// tryPush asks first whether the blob is there, which it is too when an answer was lost.
func (r *Repository) tryPush(ctx context.Context, p *patience, blob Blob, send func(context.Context, *url.URL, Blob) error) error {
	var at *url.URL
	err := within(ctx, min(p.left(), longestTry), func(ctx context.Context) error {
		has, err := r.hasBlob(ctx, blob.Digest)
		if err == nil && !has {
			at, err = r.begin(ctx)
		}
		return err
	})
	if err != nil || at == nil {
		return err
	}
	// While bytes move no patience is used up: the connection sees when they do not.
	began := r.o.clock.now()
	err = send(ctx, at, blob)
	p.excuse(r.o.clock.now().Sub(began))
	return err
}

// Mount lets a blob of another repository of the same registry be part of this one without an upload. False: it has to
// be pushed. It never fails: the push says what is wrong.
func (r *Repository) Mount(ctx context.Context, digest string, from reference.Reference) bool {
	if from.APIHost() != r.ref.APIHost() || from.Repository == r.ref.Repository || !reference.IsDigest(digest) {
		return false
	}
	mounted := false
	_ = within(ctx, min(replacedWithin, r.o.Timeout), func(ctx context.Context) error {
		query := url.Values{"mount": {digest}, "from": {from.Repository}}
		resp, err := r.do(ctx, request{method: http.MethodPost, url: r.at("/blobs/uploads/?" + query.Encode()), from: from.Repository})
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		mounted = resp.StatusCode == http.StatusCreated
		if resp.StatusCode == http.StatusAccepted {
			if at, err := r.location(resp); err == nil {
				r.abandon(ctx, at)
			}
		}
		return nil
	})
	return mounted
}

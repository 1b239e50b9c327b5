package registry

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
)

// Upload is a blob that is sent while it is made, when its digest and size are not known yet: POST, one PATCH, PUT. It is
// tried once, without waiting for what may pass. Whoever uses it keeps a copy on disk and pushes that with PushBlob when
// anything here fails.
type Upload struct {
	r      *Repository
	sent   chan struct{}
	next   *url.URL
	failed error
	cancel context.CancelCauseFunc
	over   atomic.Bool
}

// StartUpload sends what from has, up to its end, while the caller goes on, and closes it. An error of from, or the end of
// ctx, breaks the upload off. Commit or Cancel has to be called.
//
// Close has to end a Read that waits.
func (r *Repository) StartUpload(ctx context.Context, from io.ReadCloser) *Upload {
	ctx, cancel := context.WithCancelCause(ctx)
	u := &Upload{r: r, sent: make(chan struct{}), cancel: cancel}
	// At the end of ctx net/http waits for the goroutine that writes the body, which may wait in from.Read
	// (mapRoundTripError in net/http/transport.go).
	stop := context.AfterFunc(ctx, func() { _ = from.Close() })
	go func() {
		defer close(u.sent)
		defer func() {
			stop()
			_ = from.Close()
		}()
		u.failed = u.send(ctx, from)
	}()
	return u
}

func (u *Upload) send(ctx context.Context, from io.ReadCloser) error {
	err := within(ctx, min(u.r.o.Timeout, longestTry), func(ctx context.Context) (err error) {
		u.next, err = u.r.begin(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return u.patch(ctx, u.next, from)
}

// patch sends what there is up to its end, as chunks of unknown number (RFC 9112, 7.1), as docker push does.
func (u *Upload) patch(ctx context.Context, at *url.URL, from io.ReadCloser) error {
	client, _, err := u.r.session(ctx)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	req, err := u.r.build(ctx, request{method: http.MethodPatch, url: at.String(), header: header})
	if err != nil {
		return err
	}
	req.Body, req.ContentLength = from, -1
	resp, err := client.Do(req)
	if err != nil {
		return u.r.bodyError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		return fromRefusal(readRefusal(resp, u.r.o.clock.now()), u.r.ref.APIHost())
	}
	next, err := u.r.location(resp)
	if err == nil {
		u.next = next
	}
	return err
}

// Commit waits until everything is sent, and ends the upload: what was sent is the blob of this digest. An error means
// that it has to be pushed anew.
func (u *Upload) Commit(ctx context.Context, digest string) error {
	u.over.Store(true)
	defer u.cancel(context.Canceled)
	select {
	case <-u.sent:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if u.failed != nil {
		return u.failed
	}
	return u.r.complete(ctx, u.next, Blob{Digest: digest})
}

// Cancel gives the upload up. After Commit, or a second time, it does nothing.
func (u *Upload) Cancel(ctx context.Context) {
	if u.over.Swap(true) {
		return
	}
	u.cancel(context.Canceled)
	<-u.sent
	if u.next != nil {
		u.r.abandon(ctx, u.next)
	}
}

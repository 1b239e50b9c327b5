package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// Upload is a blob that is sent while it is made, when its digest and size are not known yet: POST, one PATCH, PUT. It
// cannot be repeated. Whoever uses it keeps a copy on disk and pushes that with PushBlob when anything here fails.
// Write, Commit and Cancel are for one goroutine.
type Upload struct {
	r      *Repository
	pipe   *io.PipeWriter
	sent   chan struct{}
	next   *url.URL
	failed error
	cancel context.CancelCauseFunc
	over   bool
}

// StartUpload begins a session and returns when the registry waits for bytes. It makes one try. The goroutine that
// sends ends with Commit or Cancel, one of which has to be called; it ends with ctx too.
func (r *Repository) StartUpload(ctx context.Context) (*Upload, error) {
	var at *url.URL
	err := within(ctx, min(r.o.Timeout, longestTry), func(ctx context.Context) (err error) {
		at, err = r.begin(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	read, write := io.Pipe()
	u := &Upload{r: r, pipe: write, sent: make(chan struct{}), next: at, cancel: cancel}
	go func() {
		defer close(u.sent)
		u.failed = u.patch(ctx, at, read)
		// A writer that still writes learns of it.
		_ = read.CloseWithError(errors.Join(u.failed, io.ErrClosedPipe))
	}()
	return u, nil
}

// patch sends what is written until the pipe's end, as chunks of unknown number (RFC 9112, 7.1), as docker push does.
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
	u.next, err = u.r.location(resp)
	return err
}

// Write sends bytes. After an error the upload is lost; Cancel it.
func (u *Upload) Write(p []byte) (int, error) { return u.pipe.Write(p) }

// Commit ends the upload: what was written is the blob of this digest. An error means that it has to be pushed anew.
func (u *Upload) Commit(ctx context.Context, digest string) error {
	if u.over {
		return errors.New("the upload is over")
	}
	u.over = true
	_ = u.pipe.Close()
	<-u.sent
	defer u.cancel(context.Canceled)
	if u.failed != nil {
		return u.failed
	}
	return u.r.complete(ctx, u.next, Blob{Digest: digest})
}

// Cancel gives the upload up. After Commit, or a second time, it does nothing.
func (u *Upload) Cancel(ctx context.Context) {
	if u.over {
		return
	}
	u.over = true
	u.cancel(context.Canceled)
	_ = u.pipe.CloseWithError(context.Canceled)
	<-u.sent
	u.r.abandon(ctx, u.next)
}

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// connect asks for what is still missing.
func (b *BlobReader) connect() error {
	ctx, cancel := context.WithCancelCause(b.ctx)
	b.cancel = cancel
	limit := max(b.patience.left(), time.Second)
	timer := time.AfterFunc(limit, func() { cancel(noAnswerError{limit}) })
	resp, err := b.ask(ctx)
	timer.Stop() // From here on the connection sees when nothing moves.
	if err != nil {
		if e := As(err); e != nil && e.Kind == NotFound {
			e.Hint = "the manifest is there, a part of it is not: the step that makes it has to push it again"
		}
		return err
	}
	b.body = resp.Body
	if resp.StatusCode == http.StatusPartialContent {
		return b.checkRange(resp)
	}
	// A registry without ranges begins anew.
	if resp.ContentLength >= 0 && resp.ContentLength != b.size {
		return invalid("the blob %s has %d bytes in the registry, %d in the manifest", b.digest, resp.ContentLength, b.size)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, b.offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return b.r.bodyError(ctx, err)
	}
	return nil
}

// ask for what is missing, or for all of it where the registry refuses that: no registry has to know ranges. With both
// ends it is a form that those know too that do not know the other ones.
func (b *BlobReader) ask(ctx context.Context) (*http.Response, error) {
	header := http.Header{}
	if b.offset > 0 && !b.noRange {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", b.offset, b.size-1))
	}
	resp, err := b.r.do(ctx, request{method: http.MethodGet, url: b.r.at("/blobs/" + b.digest), header: header})
	if e := As(err); e != nil && e.Kind == Invalid && e.Status != 0 && len(header) > 0 {
		b.noRange = true
		return b.ask(ctx)
	}
	return resp, err
}

// checkRange: `bytes 5-9/10`.
func (b *BlobReader) checkRange(resp *http.Response) error {
	text, _ := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	first, rest, _ := strings.Cut(text, "-")
	_, whole, _ := strings.Cut(rest, "/")
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil || start != b.offset {
		return invalid("the registry was asked for the blob %s from byte %d and sent %q", b.digest, b.offset, Clean(text, 60))
	}
	if whole != "*" && whole != strconv.FormatInt(b.size, 10) {
		return invalid("the blob %s has %s bytes in the registry, %d in the manifest", b.digest, Clean(whole, 20), b.size)
	}
	return nil
}

package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// complete ends an upload with what of the blob is not there yet.
func (r *Repository) complete(ctx context.Context, at *url.URL, blob Blob) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	resp, err := r.do(ctx, request{method: http.MethodPut, url: withDigest(at, blob.Digest), header: header, body: blob.Content, size: blob.Size})
	if err != nil {
		return r.markSession(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusOK {
		return invalid("the registry answered %d to the end of an upload, not 201", resp.StatusCode)
	}
	return nil
}

// markSession says of an upload's failure whether another session is worth a try.
func (r *Repository) markSession(err error) error {
	if e := As(err); e != nil {
		e.session = sessionLost(e)
		if e.Status == http.StatusExpectationFailed {
			r.noExpect.Store(true)
			e.session = true
		}
	}
	return err
}

// pieceSize in bytes: what has to arrive within a token's life, which is a minute in some registries. Registries may want
// more (distribution specification, "Pushing a blob in chunks").
const pieceSize = 16 << 20

// completeInPieces sends a blob in several requests, each with a token that is new if need be. Some registries look at
// the token when the last byte has arrived; where it does not live as long as an upload takes, nothing else works.
func (r *Repository) completeInPieces(ctx context.Context, at *url.URL, blob Blob) error {
	piece := max(pieceSize, r.minimumPiece.Load())
	for start := int64(0); start < blob.Size; start += piece {
		size := min(piece, blob.Size-start)
		header := http.Header{"Content-Type": {"application/octet-stream"}, "Content-Range": {fmt.Sprintf("%d-%d", start, start+size-1)}}
		resp, err := r.do(ctx, request{method: http.MethodPatch, url: at.String(), header: header, body: section(blob, start, size), size: size})
		if err != nil {
			return r.markSession(err)
		}
		_ = resp.Body.Close()
		if at, err = r.location(resp); err != nil {
			return err
		}
	}
	return r.complete(ctx, at, Blob{Digest: blob.Digest})
}

// section is a part of a blob's content.
func section(blob Blob, start, size int64) Content {
	return opener(func() (io.ReadCloser, error) {
		body, err := openSized(blob.Content, blob.Size)
		if err != nil {
			return nil, err
		}
		if err := skip(body, start); err != nil {
			_ = body.Close()
			return nil, local(err, "what is to be pushed cannot be read: %s", Clean(err.Error(), 200))
		}
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(body, size), body}, nil
	})
}

// skip moves on, without reading where that is possible.
func skip(body io.Reader, n int64) error {
	if seeker, ok := body.(io.Seeker); ok {
		_, err := seeker.Seek(n, io.SeekStart)
		return err
	}
	_, err := io.CopyN(io.Discard, body, n)
	return err
}

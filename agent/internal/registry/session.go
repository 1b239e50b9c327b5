package registry

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// begin starts an upload session and returns the URL to send to.
func (r *Repository) begin(ctx context.Context) (*url.URL, error) {
	resp, err := r.do(ctx, request{method: http.MethodPost, url: r.at("/blobs/uploads/")})
	if err != nil {
		return nil, r.explainPost(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return nil, invalid("the registry answered %d to the beginning of an upload, not 202", resp.StatusCode)
	}
	if least, err := strconv.ParseInt(resp.Header.Get("OCI-Chunk-Min-Length"), 10, 64); err == nil {
		r.minimumPiece.Store(least)
	}
	return r.location(resp)
}

// explainPost: some registries make no repository by themselves, and one just closes the connection.
func (r *Repository) explainPost(err error) error {
	e := As(err)
	switch {
	case e == nil:
	case e.Kind == NotFound:
		e.Hint = "the repository " + cut(r.ref.Repository, 80) + " has to be made first: this registry does not make it by itself"
	case e.passes && e.Status == 0 && strings.Contains(e.Reason, "closed the connection"):
		e.Hint = "some registries do so when the repository has to be made first"
	}
	return err
}

// location reads where an upload goes on. It has to be at the registry itself: the request carries the login. Scheme and
// port are those that the registry was reached by: behind a proxy that ends TLS it does not know them.
func (r *Repository) location(resp *http.Response) (*url.URL, error) {
	at, err := resp.Location()
	if err != nil {
		return nil, invalid("the registry did not say where to upload to")
	}
	asked := resp.Request.URL
	if !strings.EqualFold(at.Hostname(), asked.Hostname()) {
		return nil, invalid("the registry sends uploads to another host, %s", Clean(at.Host, 100))
	}
	at.Scheme, at.Host, at.User, at.Fragment = asked.Scheme, asked.Host, nil, ""
	return at, nil
}

// cancelWithin is how long the end of a session that is not needed may take: registries forget it anyway.
const cancelWithin = 10 * time.Second

// abandon ends a session; many registries do not know how.
func (r *Repository) abandon(ctx context.Context, at *url.URL) {
	_ = within(context.WithoutCancel(ctx), cancelWithin, func(ctx context.Context) error {
		resp, err := r.do(ctx, request{method: http.MethodDelete, url: at.String()})
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

// withDigest adds the parameter without touching the state that the registry keeps in the others.
func withDigest(at *url.URL, digest string) string {
	whole := *at
	if whole.RawQuery != "" {
		whole.RawQuery += "&"
	}
	whole.RawQuery += "digest=" + url.QueryEscape(digest)
	return whole.String()
}

// sessionLost says whether an upload's failure is of its session alone, so that another one is worth a try at once: the
// registry forgot it (restart, another replica, token of another life), or bytes went missing on the way.
func sessionLost(e *Error) bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable:
		return true
	case http.StatusBadRequest:
		return e.Code == "BLOB_UPLOAD_INVALID" || e.Code == "BLOB_UPLOAD_UNKNOWN" || e.Code == "DIGEST_INVALID" || e.Code == "SIZE_INVALID"
	}
	return false
}

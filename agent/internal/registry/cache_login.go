package registry

import (
	"context"
	"net/http"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// AwaitCacheLogin waits until the login of the step's own cache is there, unless the registry wants none: both may come
// later than the step. It takes the options' Timeout at most.
func AwaitCacheLogin(ctx context.Context, o Options) error {
	if o.Cache == nil {
		return nil
	}
	// A login that is there is used, whether or not its registry answers yet.
	if is, err := o.Cache.IsThere(); is || err != nil {
		return err
	}
	r, err := Open(reference.Reference{Host: o.Cache.Host, PlainHTTP: o.PlainLogin(o.Cache.Host)}, o)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.retry(ctx, o.Cache.Host, func(ctx context.Context) error {
		resp, err := r.do(ctx, request{method: http.MethodGet, url: r.at("")})
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

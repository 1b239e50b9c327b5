// Package registry is everything that the agent does with a registry: it resolves and fetches manifests, streams blobs,
// proves that an output may be pushed, pushes it, and says in words for a step's author why something did not work.
//
// It stands on oras-go's auth client (challenges, tokens, credentials that do not follow a redirect) and error codes.
// Its Repository is not used: it forgets the registry's own message with a 404 and the time to wait with a 429, and its
// retries know neither the step's timeout nor a log. Requests are those of the OCI distribution specification 1.1.
package registry

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
)

// Options say how to speak to a registry. The zero value of each is what most steps want.
type Options struct {
	// Use is what the repository is opened for: it chooses the password and the scope of tokens.
	Use credentials.Use
	// Secret has the logins and the CA. Nil: none.
	Secret *credentials.Secret
	// Cache has the login of the step's own cache, which may come later. Nil: the step has none.
	Cache *credentials.Late
	// Request is the id of the step's admission: it goes with each request, for the registry's log. Empty: none is known.
	Request string
	// PlainLogin says whether a host (with its port) may be shown a login over plain HTTP. Nil: none may.
	PlainLogin func(host string) bool
	// Timeout is how long something that may pass is tried again. Default 5 m.
	Timeout time.Duration
	// Stall is how long no byte may move before a connection is given up. Default 5 m.
	Stall time.Duration
	// Connect is how long one connection may take to be made. Default 10 s.
	Connect time.Duration
	// Log is told what is waited for, in one line without a line break. Called from any goroutine. Nil: nobody is told.
	Log func(line string)
	// Explain is told every request and what came of it, without queries and logins. Nil: nobody is told.
	Explain func(line string)
	// Proxy chooses one for a request. Nil: HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	Proxy func(*http.Request) (*url.URL, error)

	// clock is replaced by tests.
	clock clock
}

// Defaults of Options.
const (
	DefaultTimeout = 5 * time.Minute
	DefaultStall   = 5 * time.Minute
	DefaultConnect = 10 * time.Second
)

type clock struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
}

// userAgent is that of each request.
func (o Options) userAgent() string {
	const agent = "oras-operator-agent"
	if o.Request == "" {
		return agent
	}
	return agent + " request/" + o.Request
}

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	if o.PlainLogin == nil {
		o.PlainLogin = func(string) bool { return false }
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Stall <= 0 {
		o.Stall = DefaultStall
	}
	if o.Connect <= 0 {
		o.Connect = DefaultConnect
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Explain == nil {
		o.Explain = func(string) {}
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	if o.clock.now == nil {
		o.clock = clock{now: time.Now, sleep: Sleep}
	}
	return o
}

// Sleep returns after d, or with the reason for which ctx has ended.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// Repository is one repository of a registry, and the artifact in it that was asked for. It may be used by several
// goroutines at once. Logins are read once, but that of the step's own cache again where it is refused: after hours of
// waiting, open it anew.
type Repository struct {
	ref       reference.Reference
	o         Options
	transport *trusting
	http      *http.Client

	// noExpect: somebody on the way does not know the header Expect.
	noExpect atomic.Bool
	// minimumPiece in bytes: what the registry wants of an upload in pieces, 0 where it did not say.
	minimumPiece atomic.Int64

	mu sync.Mutex
	// logins in the order in which they are tried; nil until they are read.
	logins []credentials.Login
	read   bool
	// client shows the login at position current; settled when it was accepted.
	client  *auth.Client
	current int
	settled bool
}

// Open prepares to speak to a repository; no request is made. The error is an Error.
func Open(ref reference.Reference, o Options) (*Repository, error) {
	o = o.withDefaults()
	transport, err := trustingFor(ref, o)
	if err != nil {
		return nil, err
	}
	r := &Repository{ref: ref, o: o, transport: transport}
	watch := &guard{base: explained{transport, o}, secrets: r.hasLogin, plainLogin: o.PlainLogin, proxy: o.Proxy, now: o.clock.now}
	r.http = &http.Client{Transport: watch, CheckRedirect: checkRedirect}
	r.client = r.newClient(credentials.Login{})
	return r, nil
}

// Close ends connections that are kept for further requests.
func (r *Repository) Close() { r.transport.CloseIdleConnections() }

// Reference returns what was opened.
func (r *Repository) Reference() reference.Reference { return r.ref }

func (r *Repository) hasLogin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.logins) > 0
}

func (r *Repository) newClient(login credentials.Login) *auth.Client {
	host := r.ref.APIHost()
	credential := auth.Credential{
		Username: login.Username, Password: login.Password, RefreshToken: login.IdentityToken, AccessToken: login.RegistryToken,
	}
	return &auth.Client{
		Client: r.http,
		Header: http.Header{"User-Agent": {r.o.userAgent()}},
		Cache:  auth.NewCache(),
		Credential: func(_ context.Context, asked string) (auth.Credential, error) {
			if asked != host {
				return auth.EmptyCredential, nil
			}
			return credential, nil
		},
	}
}

// session returns the client for the next request, and its position among the logins.
func (r *Repository) session(ctx context.Context) (*auth.Client, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.read {
		logins, err := r.readLogins(ctx)
		if err != nil {
			return nil, 0, local(err, "%s", Clean(err.Error(), maxReason))
		}
		r.logins, r.current, r.read = logins, 0, true
		login := credentials.Login{}
		if len(logins) > 0 {
			login = logins[0]
		}
		r.client = r.newClient(login)
	}
	return r.client, r.current, nil
}

// readLogins returns those of the step's own cache first: they are for it alone.
func (r *Repository) readLogins(ctx context.Context) ([]credentials.Login, error) {
	own, err := r.o.Cache.Logins(r.ref.Host, r.ref.Repository)
	if err != nil {
		return nil, err
	}
	others, err := r.o.Secret.Logins(ctx, r.ref, r.o.Use)
	return slices.Concat(own, others), err
}

// lookAgain finds out whether a refusal passes, because the Secret with the login of the step's own cache was not there
// yet or has changed since it was read. Refusals of other registries stay what they are.
func (r *Repository) lookAgain(refused error) error {
	if !r.o.Cache.Has(r.ref.Host) {
		return refused
	}
	own, err := r.o.Cache.Logins(r.ref.Host, r.ref.Repository)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && len(own) > 0 && slices.Contains(r.logins, own[0]) {
		return refused
	}
	r.read, r.settled = false, false
	e := *As(refused)
	e.Kind, e.passes = Unavailable, true
	if len(own) == 0 {
		e.Reason += "; the Secret with its login is not there yet"
		e.Hint = "the operator makes it with the OrasCache, see kubectl describe orascache"
	}
	return &e
}

// nextLogin goes on to the login after the one that was refused, as the kubelet does. False: there is none.
func (r *Repository) nextLogin(refused int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != refused {
		return true // Another goroutine went on.
	}
	if r.settled || r.current+1 >= len(r.logins) {
		return false
	}
	r.current++
	r.client = r.newClient(r.logins[r.current])
	return true
}

func (r *Repository) settle(resp *http.Response) {
	if resp.StatusCode < 400 && resp.Request.Header.Get("Authorization") != "" {
		r.mu.Lock()
		r.settled = true
		r.mu.Unlock()
	}
}

// request is one of the specification's. The body can be read again, for the same request with a token.
type request struct {
	method string
	// url is the whole URL; see at.
	url    string
	header http.Header
	body   Content
	size   int64
	// from is another repository that is read from (mount).
	from string
}

// at returns the URL of a path below the repository, such as `/manifests/v1`.
func (r *Repository) at(path string) string {
	scheme := "https://"
	if r.ref.PlainHTTP && !r.transport.overTLS() {
		scheme = "http://"
	}
	return scheme + r.ref.APIHost() + "/v2/" + r.ref.Repository + path
}

// do makes a request, with another login if one is refused. A status of 300 or more, as no answer, is an Error; a
// response's body has to be closed. A context that ended is returned as its cause.
func (r *Repository) do(ctx context.Context, q request) (*http.Response, error) {
	for {
		client, position, err := r.session(ctx)
		if ended := r.ended(ctx); err != nil && ended != nil {
			return nil, ended // A helper was ended with it.
		}
		if err != nil {
			return nil, err
		}
		resp, err := r.send(ctx, client, q)
		if err == nil {
			r.settle(resp)
			return resp, nil
		}
		if e := As(err); e != nil && e.untrusted && r.o.Cache.Has(r.ref.Host) {
			return nil, r.trustAgain(e)
		}
		if e := As(err); e == nil || e.Kind != Denied {
			return nil, err
		}
		if !r.nextLogin(position) {
			return nil, r.lookAgain(r.explainDenial(err))
		}
	}
}

func (r *Repository) send(ctx context.Context, client *auth.Client, q request) (*http.Response, error) {
	last := &refusal{}
	req, err := r.build(context.WithValue(ctx, lastRefusal{}, last), q)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	ended := r.ended(ctx)
	switch {
	case err != nil && ended != nil:
		return nil, ended
	case err != nil:
		e := fromNetwork(err, r.ref.Host)
		if e.Hint == "" && !r.o.PlainLogin(r.ref.Host) {
			e.Hint = hintAtPolicy(err, r.ref.Host)
		}
		if errors.Is(err, auth.ErrBasicCredentialNotFound) && last.text != "" {
			e = fromRefusal(*last, r.ref.APIHost())
		}
		return nil, e
	case resp.StatusCode >= 300:
		defer func() { _ = resp.Body.Close() }()
		return nil, fromRefusal(readRefusal(resp, r.o.clock.now()), r.ref.APIHost())
	}
	return resp, nil
}

// ended returns why a context ended: an Error when the try took too long, else its cause. Nil: it did not.
func (r *Repository) ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if cause != nil && errors.As(cause, new(noAnswerError)) {
		return fromNetwork(cause, r.ref.Host)
	}
	return cause
}

// expectFrom is the size in bytes from which a registry is asked first whether it wants the body at all: a refusal
// (token, quota, size) then costs nothing, and is not lost in a broken connection.
const expectFrom = 1 << 20

func (r *Repository) build(ctx context.Context, q request) (*http.Request, error) {
	scope := registry.Reference{Registry: r.ref.APIHost(), Repository: r.ref.Repository}
	actions := []string{auth.ActionPull}
	if r.o.Use == credentials.Push {
		actions = append(actions, auth.ActionPush)
	}
	ctx = auth.AppendRepositoryScope(ctx, scope, actions...)
	if q.from != "" {
		scope.Repository = q.from
		ctx = auth.AppendRepositoryScope(ctx, scope, auth.ActionPull)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, q.url, nil)
	if err != nil {
		return nil, invalid("the registry named a URL that is none: %s", Clean(q.url, 200))
	}
	for key, values := range q.header {
		req.Header[key] = values
	}
	if q.body == nil || q.size == 0 {
		return req, nil
	}
	if req.Body, err = q.open(); err != nil {
		return nil, err
	}
	req.GetBody, req.ContentLength = q.open, q.size
	if q.size >= expectFrom && !r.noExpect.Load() {
		req.Header.Set("Expect", "100-continue")
	}
	return req, nil
}

func (q request) open() (io.ReadCloser, error) { return openSized(q.body, q.size) }

// explainDenial adds what to look at where the registry gave no reason of its own.
func (r *Repository) explainDenial(err error) error {
	e := As(err)
	if e == nil || e.Kind != Denied || e.Hint != "" {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.logins) > 0:
		sources := []string{}
		for _, login := range r.logins {
			sources = append(sources, Clean(login.Source, 80))
		}
		e.Hint = "it was shown " + strings.Join(sources, ", then ")
		if e.generic {
			e.Hint += "; check the Secret that " + contract.OrasEnvAnnotation + " names"
		}
	case r.o.Secret != nil && e.generic:
		e.Hint = "the Secret has no login for " + r.ref.Host + "/" + r.ref.Repository
	case !e.generic:
		e.Hint = "no login was shown"
	default:
		e.Hint = "name a Secret with a login in " + contract.OrasEnvAnnotation + ", or check the name: some registries refuse what is not there"
	}
	return e
}

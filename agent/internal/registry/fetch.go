package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// Fetch gets a file of at most so many bytes from a web server, over TLS alone. It is not a registry, but the connections,
// proxies, tries and words are those that registries get. pem holds CAs beside the system's, or nothing.
//
// The query of the URL is told to nobody but the server: it may hold a token.
func Fetch(ctx context.Context, address string, pem []byte, most int64, o Options) ([]byte, error) {
	o = o.withDefaults()
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return nil, invalid("%s is not a URL that begins with https:// and a host", Clean(address, 200))
	}
	transport, err := newTransport(o, pem)
	if err != nil {
		return nil, err
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: explained{transport, o}, CheckRedirect: staysOnTLS}
	p := &patience{o: o, what: Clean(address, 200), who: at.Host, began: o.clock.now()}
	for {
		var content []byte
		err := within(ctx, min(p.left(), longestTry), func(ctx context.Context) (err error) {
			content, err = fetch(ctx, client, at, most, o)
			return err
		})
		if err == nil {
			return content, nil
		}
		if err := p.wait(ctx, err); err != nil {
			return nil, err
		}
	}
}

func fetch(ctx context.Context, client *http.Client, at *url.URL, most int64, o Options) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, invalid("%s is not a URL", Clean(at.String(), 200))
	}
	req.Header.Set("User-Agent", o.userAgent())
	resp, err := client.Do(req)
	if err != nil {
		return nil, notFetched(ctx, err, at.Host)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		said := readRefusal(resp, o.clock.now())
		text := said.text
		if text == "" {
			text = http.StatusText(said.status)
		}
		found := &Error{Status: said.status, Reason: fmt.Sprintf("%s answered %d %s", Clean(said.host, 100), said.status, text), retryAfter: said.retryAfter}
		found.Kind, found.passes = kindOf(said.status)
		return nil, found
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, notFetched(ctx, err, at.Host)
	}
	if int64(len(content)) > most {
		return nil, invalid("it is longer than the %d bytes that are allowed", most)
	}
	return content, nil
}

// notFetched is why there was no answer. Hints that speak of the step's registry do not apply.
func notFetched(ctx context.Context, err error, host string) error {
	cause := context.Cause(ctx)
	if cause != nil && !errors.As(cause, new(noAnswerError)) {
		return cause
	}
	if cause != nil {
		err = cause
	}
	found := fromNetwork(err, host)
	if strings.Contains(found.Hint, contract.RegistryAnnotation) {
		found.Hint = ""
	}
	return found
}

func staysOnTLS(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer") // It may hold a token.
	switch {
	case len(via) > maxRedirects:
		return redirectError{fmt.Sprintf("%s redirects more than %d times", Clean(via[0].URL.Host, 100), maxRedirects)}
	case req.URL.Scheme != "https":
		return redirectError{fmt.Sprintf("%s redirects to %s without TLS; only https:// is followed", Clean(via[len(via)-1].URL.Host, 100), Clean(req.URL.Host, 100))}
	}
	return nil
}

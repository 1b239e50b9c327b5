package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// noAnswerError ends one try.
type noAnswerError struct{ limit time.Duration }

func (e noAnswerError) Error() string { return fmt.Sprintf("no answer within %s", Words(e.limit)) }

// plainLoginError: a login would have gone over plain HTTP.
type plainLoginError struct {
	host string
	// proxied is the registry, when host is a proxy.
	proxied string
}

func (e plainLoginError) Error() string {
	return "the password is not shown to " + e.host + " over plain HTTP"
}

// redirectError: a redirect that is not followed.
type redirectError struct{ why string }

func (e redirectError) Error() string { return e.why }

// proxyError: the proxy did not make a connection.
type proxyError struct {
	status int
	text   string
}

func (e proxyError) Error() string { return e.text }

// fromNetwork says in words why there was no answer. Texts of libraries hold URLs, so each kind has its own words.
func fromNetwork(err error, host string) *Error {
	if found := As(err); found != nil {
		return found
	}
	if found := fromTLS(err, host); found != nil {
		return found
	}
	var noAnswer noAnswerError
	var plain plainLoginError
	var redirect redirectError
	var proxy proxyError
	var refused *errcode.ErrorResponse
	var file *fs.PathError
	denied := &Error{Kind: Denied, Status: http.StatusUnauthorized, Cause: err, generic: true}
	switch {
	case errors.As(err, &noAnswer):
		return passing(err, "no answer within %s", Words(noAnswer.limit))
	case errors.As(err, &plain):
		found := local(err, "%s", plain.Error())
		found.Hint = "only the step's own cache gets it without TLS; write https:// in " + contract.RegistryAnnotation
		if plain.proxied != "" {
			found.Hint = "add " + plain.proxied + " to NO_PROXY of the installation"
		}
		return found
	case errors.As(err, &redirect):
		return &Error{Kind: Invalid, Reason: redirect.why, Cause: err}
	case errors.As(err, &proxy):
		return fromProxy(proxy)
	case errors.As(err, &refused):
		return fromTokenService(refused, err)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		denied.Reason = "the registry asks for a password"
		return denied
	case strings.Contains(err.Error(), "missing username or password"): // oras-go has no type for it.
		denied.Reason = "the registry asks for a user and a password, and the login has only one of them, or a token"
		return denied
	case strings.Contains(err.Error(), "bearer realm"), strings.Contains(err.Error(), "unsupported protocol scheme"):
		// oras-go's guard of token services: loopback, link-local and metadata addresses, plain HTTP after TLS.
		denied.Reason = "the registry names a token service that no login is shown to: " + Clean(innermost(err).Error(), 200)
		return denied
	case errors.As(err, &file):
		return local(err, "%s cannot be read: %v", Clean(file.Path, 200), file.Err)
	}
	return fromConnection(err, host)
}

// fromConnection: all of these may pass. Names of Services come with their Pods, connections break.
func fromConnection(err error, host string) *Error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return passing(err, "the name %s is not known", Clean(dns.Name, 253))
	case errors.As(err, &dns):
		return passing(err, "the name %s could not be looked up", Clean(dns.Name, 253))
	case errors.Is(err, syscall.ECONNREFUSED):
		return passing(err, "%s refuses connections", target(err, host))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return passing(err, "%s cannot be reached from this Pod", target(err, host))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return passing(err, "the connection to %s stalled", host)
	case errors.As(err, &timeout) && timeout.Timeout():
		return passing(err, "%s does not answer connections", target(err, host))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return passing(err, "%s closed the connection before its answer was whole", host)
	}
	return passing(err, "no answer from %s: %s", host, Clean(innermost(err).Error(), 200))
}

// hintAtPolicy is for a host, with its port, that is not the step's own cache. All that a client sees of a NetworkPolicy is
// a name that is known and a connection that is not made: some engines drop packets, some reject them.
func hintAtPolicy(err error, host string) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" || errors.As(err, new(*net.DNSError)) || !isService(host) {
		return ""
	}
	return "if it runs in another namespace, its OrasCache must let this one in: spec.networkPolicy.from"
}

// isService says whether a host, with its port, is named as a Service of a cluster, or as one of its Pods.
func isService(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return strings.HasSuffix(name, ".svc") || strings.Contains(name, ".svc.")
}

// innermost leaves out what names the request.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// target is the address that was dialled, which may be a proxy's, as `ghcr.io (10.0.0.1:3128)`.
func target(err error, host string) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil && op.Addr.String() != host {
		return fmt.Sprintf("%s (%s)", host, op.Addr)
	}
	return host
}

// fromTLS: what is wrong with a certificate or a scheme does not pass. An alert may: proxies send one while they start.
func fromTLS(err error, host string) *Error {
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		found := local(err, "%s does not speak TLS", host)
		found.untrusted = true
		found.Hint = fmt.Sprintf("if its registry is without TLS, write http://%s in %s", host, contract.RegistryAnnotation)
		return found
	case errors.As(err, &unknown):
		found := local(err, "the certificate of %s is signed by a CA that is not known here", host)
		found.untrusted = true
		found.Hint = "put the certificate of the CA under the key ca.crt into the Secret that " + contract.OrasEnvAnnotation + " names"
		return found
	case errors.As(err, &certificate):
		found := local(err, "the certificate of %s is not accepted: %s", host, Clean(certificate.Err.Error(), 300))
		found.untrusted = true
		return found
	}
	return nil
}

func fromProxy(e proxyError) *Error {
	found := &Error{Kind: Local, Status: e.status, Reason: e.text, Hint: "check HTTPS_PROXY and NO_PROXY of the installation"}
	if e.status >= 500 || e.status == http.StatusTooManyRequests || e.status == http.StatusRequestTimeout {
		found.Kind, found.passes = Unavailable, true
	}
	return found
}

// Words writes a duration as authors write theirs: 5m, 1m30s, 250ms.
func Words(d time.Duration) string {
	d = d.Round(time.Millisecond)
	if d > time.Second {
		d = d.Round(time.Second)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

package registry

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// Kind is what an author has to look at.
type Kind int

// Kinds of failures.
const (
	// Unavailable: no answer, or none but "later", for as long as was allowed.
	Unavailable Kind = iota + 1
	// NotFound: no such artifact, blob or repository.
	NotFound
	// Denied: the login, or none, is not enough for this.
	Denied
	// Invalid: an answer that will not change: a refusal for another reason, or content that is not what it should be.
	Invalid
	// Local: something in the Pod or in how the registry is named: certificates, scheme, proxy, files.
	Local
)

// Error is why a registry did not do something. Its text is for the author: one line, at most 800 bytes, no secrets.
type Error struct {
	Kind Kind
	// Status is the HTTP status, 0 where there was no answer.
	Status int
	// Code is the registry's own, the first if it sent several: DENIED, NAME_UNKNOWN, …; may be empty.
	Code string
	// Reason says what was found.
	Reason string
	// Hint says what to do; may be empty.
	Hint string
	// Cause is what lies beneath, for errors.Is.
	Cause error

	// passes: worth another try after a while, retryAfter if the registry said how long.
	passes     bool
	retryAfter time.Duration
	// session: the upload has to begin anew, and that is worth a try at once.
	session bool
	// elsewhere: not the registry answered, but whom it redirects to.
	elsewhere bool
	// generic: the registry gave no reason of its own.
	generic bool
	// untrusted: there was no TLS where there should be, or none was spoken where it should be, or its certificate is not
	// accepted.
	untrusted bool
}

const (
	maxReason = 600
	maxHint   = 190
)

// Error returns reason and hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return cut(e.Reason, maxReason)
	}
	return cut(strings.TrimSuffix(e.Reason, "."), maxReason) + "; " + cut(e.Hint, maxHint)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// As finds the Error in a chain, or nil.
func As(err error) *Error {
	var found *Error
	if errors.As(err, &found) {
		return found
	}
	return nil
}

// Codes are the exit codes for each kind.
type Codes struct{ NotFound, Denied, Unavailable, Invalid, Local int }

// InputCodes are those of an input.
func InputCodes() Codes {
	return Codes{
		NotFound: contract.ExitInputNotFound, Denied: contract.ExitDenied, Unavailable: contract.ExitRegistryUnavailable,
		Invalid: contract.ExitInputInvalid, Local: contract.ExitSetupFailed,
	}
}

// ProofCodes are those of proving, before the program runs, that the output may be pushed. A repository that is not
// there is no missing input, and a refusal for whatever reason is not one of a push: that is tried again.
func ProofCodes() Codes {
	return Codes{
		NotFound: contract.ExitDenied, Denied: contract.ExitDenied, Unavailable: contract.ExitRegistryUnavailable,
		Invalid: contract.ExitDenied, Local: contract.ExitSetupFailed,
	}
}

// PushCodes are those of pushing the output.
func PushCodes() Codes {
	const code = contract.ExitPushFailed
	return Codes{NotFound: code, Denied: code, Unavailable: code, Invalid: code, Local: code}
}

// Failure makes the error that ends a container.
//
// what was tried, for example `pull of ghcr.io/acme/data:v1`. The message stays under 1 KiB.
func (c Codes) Failure(what string, err error) *failure.Failure {
	found := As(err)
	if found == nil {
		return failure.Wrap(err, c.Invalid, "%s: %s", cut(what, 160), Clean(err.Error(), maxReason))
	}
	return failure.Wrap(err, c.of(found.Kind), "%s: %s", cut(what, 160), found.Error())
}

func (c Codes) of(kind Kind) int {
	switch kind {
	case NotFound:
		return c.NotFound
	case Denied:
		return c.Denied
	case Unavailable:
		return c.Unavailable
	case Local:
		return c.Local
	default:
		return c.Invalid
	}
}

func invalid(format string, args ...any) *Error {
	return &Error{Kind: Invalid, Reason: fmt.Sprintf(format, args...)}
}

func local(cause error, format string, args ...any) *Error {
	return &Error{Kind: Local, Reason: fmt.Sprintf(format, args...), Cause: cause}
}

func passing(cause error, format string, args ...any) *Error {
	return &Error{Kind: Unavailable, Reason: fmt.Sprintf(format, args...), Cause: cause, passes: true}
}

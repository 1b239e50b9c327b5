// Package failure holds the errors that end a step: an exit code of the documented table and a sentence for the author.
package failure

import (
	"errors"
	"fmt"
)

// Failure is an error that decides how a container ends.
type Failure struct {
	// Code is the exit code of the container, from the table in the documentation.
	Code int
	// Message says what was found, where, and what to do. It holds no secrets.
	Message string
	// Cause is the error underneath, if any. Message already says what of it matters to the author.
	Cause error
}

// New returns a Failure without a cause.
func New(code int, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns a Failure that keeps its cause for errors.Is and errors.As.
func Wrap(cause error, code int, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Error returns the sentence.
func (f *Failure) Error() string { return f.Message }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Cause }

// As finds the Failure in a chain of errors, or nil.
func As(err error) *Failure {
	var found *Failure
	if errors.As(err, &found) {
		return found
	}
	return nil
}

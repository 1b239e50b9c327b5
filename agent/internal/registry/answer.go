package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

const (
	// maxErrorBody in bytes: what is read of a refusal.
	maxErrorBody = 64 << 10
	// maxRetryAfter bounds what a registry can ask for.
	maxRetryAfter = time.Minute
)

// refusal is what a registry said with a status of 400 or more.
type refusal struct {
	status     int
	host       string
	code       string
	text       string
	retryAfter time.Duration
}

// readRefusal reads a bounded part of the body and leaves the response with it, for who reads it after.
func readRefusal(resp *http.Response, now time.Time) refusal {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // A part of a reason is better than none.
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	said := refusal{status: resp.StatusCode, host: resp.Request.URL.Host, retryAfter: retryAfter(resp.Header.Get("Retry-After"), now)}
	said.code, said.text = parseErrors(body, resp.Header.Get("Content-Type"))
	return said
}

// parseErrors takes the codes and messages of the specification's error body, else what can be read as text.
func parseErrors(body []byte, contentType string) (code, text string) {
	var parsed struct {
		Errors errcode.Errors `json:"errors"`
	}
	if json.Unmarshal(body, &parsed) == nil && len(parsed.Errors) > 0 {
		var said []string
		for _, e := range parsed.Errors[:min(len(parsed.Errors), 3)] {
			said = append(said, sentenceOf(e))
		}
		return Clean(parsed.Errors[0].Code, 60), Clean(strings.Join(said, "; "), 400)
	}
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "text/html" || strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
		return "", ""
	}
	return "", Clean(string(body), 200)
}

func sentenceOf(e errcode.Error) string {
	text := e.Code
	if e.Message != "" {
		text += ": " + e.Message
	}
	// Some registries put the reason here; what is no text says nothing to authors.
	if detail, ok := e.Detail.(string); ok && detail != "" && detail != e.Message {
		text += " (" + detail + ")"
	}
	return text
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3). 0: not said.
func retryAfter(text string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		wait = time.Duration(min(seconds, 3600)) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, maxRetryAfter))
}

// fromRefusal says what the registry answered, always with its own code and message.
func fromRefusal(said refusal, host string) *Error {
	e := &Error{Status: said.status, Code: said.code, retryAfter: said.retryAfter, elsewhere: said.host != host}
	who := "the registry"
	if e.elsewhere {
		who = Clean(said.host, 100) + ", to which the registry redirects,"
	}
	e.generic = isGeneric(said.status, said.text)
	if said.text == "" {
		e.Reason = fmt.Sprintf("%s answered %d %s", who, said.status, http.StatusText(said.status))
	} else {
		e.Reason = fmt.Sprintf("%s answered %d %s", who, said.status, said.text)
	}
	e.Kind, e.passes = kindOf(said.status)
	switch {
	case e.elsewhere && e.Kind == Denied:
		// The signature of the redirect ran out; the next request gets another one.
		e.Kind, e.passes = Unavailable, true
	case said.status == http.StatusBadRequest && strings.Contains(said.text, "HTTP request to an HTTPS server"):
		e.Kind, e.untrusted = Local, !e.elsewhere
		e.Hint = fmt.Sprintf("write https://%s in %s", host, contract.RegistryAnnotation)
	case said.status == http.StatusRequestEntityTooLarge:
		e.Hint = "the registry, or a proxy before it, limits how large an upload may be"
	}
	return e
}

// isGeneric says whether a refusal has no reason of its own: then it is the login that has to be looked at.
func isGeneric(status int, text string) bool {
	text = strings.ToLower(text)
	return text == "" || status == http.StatusUnauthorized || strings.Contains(text, "access to the resource is denied") ||
		strings.Contains(text, "authentication required") || text == "denied" || text == "denied: denied" || text == "unauthorized"
}

// kindOf a status, and whether it may pass.
func kindOf(status int) (Kind, bool) {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Denied, false
	case status == http.StatusNotFound:
		return NotFound, false
	case status == http.StatusProxyAuthRequired:
		return Local, false
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		return Unavailable, true
	case status == http.StatusNotImplemented || status == http.StatusHTTPVersionNotSupported:
		return Invalid, false
	case status >= 500:
		return Unavailable, true
	}
	return Invalid, false
}

// fromTokenService: the registry sent us to it, and it refused.
func fromTokenService(refused *errcode.ErrorResponse, cause error) *Error {
	var said []string
	for _, e := range refused.Errors[:min(len(refused.Errors), 3)] {
		said = append(said, sentenceOf(e))
	}
	text := Clean(strings.Join(said, "; "), 400)
	e := &Error{Status: refused.StatusCode, Cause: cause, generic: isGeneric(refused.StatusCode, text)}
	if len(refused.Errors) > 0 {
		e.Code = Clean(refused.Errors[0].Code, 60)
	}
	if text == "" {
		text = http.StatusText(refused.StatusCode)
	}
	e.Kind, e.passes = kindOf(refused.StatusCode)
	if e.Kind == NotFound || e.Kind == Invalid {
		e.Kind = Denied // Whatever it says, there is no token.
	}
	e.Reason = fmt.Sprintf("the registry's token service %s answered %d %s", Clean(refused.URL.Host, 100), refused.StatusCode, text)
	return e
}

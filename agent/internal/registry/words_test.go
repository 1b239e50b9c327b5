package registry

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "",
		"plain words":                            "plain words",
		" a\tb\r\n\vc ":                          "a b c",
		"a\x00b\x1b[0mc\x7f\u0085d\u009b":        "ab[0mc d",
		"\u202egnp\u2066.\u200f\ufeffexe\u00ad":  "gnp.exe",
		"\xff\xfeok":                             "�ok",
		"see https://a.b/c?sig=x&y=z#f or d":     "see https://a.b/c or d",
		`"https://user:pass@a.b:5000/c?x"`:       `"https://a.b:5000/c"`,
		"https://user:pass@a.b":                  "https://a.b",
		"https://user:p@ss@a.b/x@y":              "https://a.b/x@y",
		"Get /v2/x?token=abc: no":                "Get /v2/x: no",
		`Get "https://a.b/c?sig=x": no`:          `Get "https://a.b/c": no`,
		`https://a.b/it's?sig=x`:                 `https://a.b/it's`,
		`https://a.b/"c"?sig=x <https://d?y>.`:   `https://a.b/"c" <https://d>.`,
		`https://u'"er:p<ss@a.b/c`:               `https://a.b/c`,
		"https://user:p/ss@a.b":                  "https://a.b",
		"https://user:p?s#s@a.b:5000/c":          "https://a.b:5000/c",
		"https://p.b/https://user:pass@a.b/c":    "https://p.b/https://a.b/c",
		"https://p@p.b/?to=https://user:pass@a":  "https://p.b/",
		"https://a.b:5000/c@sha256:0123":         "https://a.b:5000/c@sha256:0123",
		"https://[fe80::1]:5000/c@sha256:0123":   "https://[fe80::1]:5000/c@sha256:0123",
		"what? why?":                             "what? why?",
		"s3://bucket/key?X-Amz-Signature=1 done": "s3://bucket/key done",
	} {
		if got := Clean(text, 1000); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Clean("üüüü", 6); got != "ü…" {
		t.Errorf("%q", got)
	}
	if got := Clean("ab", 1); len(got) > len("…") {
		t.Errorf("%q", got)
	}
}

func checkClean(t interface{ Fatalf(string, ...any) }, text string, most int) {
	got := Clean(text, most)
	if len(got) > most || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) {
		t.Fatalf("%q: %q", text, got)
	}
	for _, word := range strings.Fields(got) {
		url := regexp.MustCompile("[a-zA-Z]://").FindStringIndex(word)
		if url == nil {
			continue
		}
		if strings.Contains(word[url[0]:], "?") {
			t.Fatalf("%q: %q has a query", text, got)
		}
		for _, rest := range strings.Split(word[url[0]:], "://")[1:] {
			if host := regexp.MustCompile("^[^/?#]*").FindString(rest); strings.Contains(host, "@") {
				t.Fatalf("%q: %q has a login", text, got)
			}
		}
	}
	if again := Clean(got, most); again != got {
		t.Fatalf("%q: %q, then %q", text, got, again)
	}
}

func TestCleanOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkClean(t, rapid.String().Draw(t, "text"), rapid.IntRange(3, 300).Draw(t, "most"))
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"errors":[{"code":"DENIED","message":"no https://a:b@c/d?e","detail":"why"}]}`), "application/json")
	f.Add([]byte(`{"errors":[{"code":"A","detail":{"x":[1]}},{},{},{},{}]}`), "")
	f.Add([]byte("<html>"), "text/html; charset=\xff")
	f.Add([]byte(`a://"?`), "text/plain")
	f.Add([]byte("a://#@"), "text/plain")
	f.Add([]byte("a://b@c://d:e/f@g?h"), "text/plain")
	f.Add([]byte("\x1b[2J\u202e bad"), "text/plain")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		code, text := parseErrors(body, contentType)
		if len(code) > 60 || len(text) > 400 {
			t.Fatalf("%q %q", code, text)
		}
		checkClean(t, text, 400)
		e := fromRefusal(refusal{status: 403, host: "h", code: code, text: text}, "h")
		message := PushCodes().Failure("push to x", e).Message
		if len(message) >= 1024 || strings.ContainsFunc(message, unicode.IsControl) {
			t.Fatalf("%q", message)
		}
	})
}

func TestMessagesAreBounded(t *testing.T) {
	long := strings.Repeat("ü", 5000)
	for _, err := range []error{&Error{Kind: Denied, Reason: long, Hint: long}, errors.New(long)} {
		if f := PushCodes().Failure(long, err); len(f.Message) >= 1024 || !utf8.ValidString(f.Message) {
			t.Error(len(f.Message))
		}
	}
}

func TestCodes(t *testing.T) {
	for kind, want := range map[Kind][3]int{
		NotFound: {181, 182, 190}, Denied: {182, 182, 190}, Unavailable: {183, 183, 190}, Invalid: {184, 182, 190}, Local: {185, 185, 190},
	} {
		e := &Error{Kind: kind, Reason: "x"}
		got := [3]int{InputCodes().Failure("", e).Code, ProofCodes().Failure("", fmt.Errorf("in: %w", e)).Code, PushCodes().Failure("", e).Code}
		if got != want {
			t.Error(kind, got, want)
		}
	}
}

func TestDescribeTags(t *testing.T) {
	many := []string{}
	for i := range maxTags {
		many = append(many, fmt.Sprintf("tag-%d", i))
	}
	for wanted, c := range map[string]struct {
		tags []string
		want string
	}{
		"v2":      {[]string{"v1"}, "there is the tag v1; is v1 meant?"},
		"final":   {[]string{"v1", "v2"}, "there are the tags v2, v1"},
		"tag-100": {many, "there are the tags tag-100, tag-900, tag-800, tag-700, tag-600 and 995 more at least; is tag-100 meant?"},
		"x":       {[]string{strings.Repeat("y", 500), "\x1b[2J"}, "there are the tags [2J, " + strings.Repeat("y", 57) + "…"},
	} {
		if got := describeTags(wanted, c.tags, len(c.tags) == maxTags); got != c.want {
			t.Errorf("%s: %s", wanted, got)
		}
	}
}

// What libraries say goes to nobody: each kind has a sentence.
func TestFromNetwork(t *testing.T) {
	secret := "https://h/x?secret-signature"
	address := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 3128}
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: secret, Err: &net.OpError{Op: "dial", Net: "tcp", Addr: address, Err: err}}
	}
	for _, c := range []struct {
		err    error
		kind   Kind
		passes bool
		want   string
	}{
		{dial(syscall.ECONNREFUSED), Unavailable, true, "h (10.0.0.1:3128) refuses connections"},
		{dial(syscall.EHOSTUNREACH), Unavailable, true, "h (10.0.0.1:3128) cannot be reached from this Pod"},
		{dial(os.ErrDeadlineExceeded), Unavailable, true, "the connection to h stalled"},
		{dial(&net.DNSError{Name: "x.svc", IsNotFound: true}), Unavailable, true, "the name x.svc is not known"},
		{dial(&net.DNSError{Name: "x.svc", IsTemporary: true}), Unavailable, true, "the name x.svc could not be looked up"},
		{dial(&net.DNSError{Name: "x.svc", IsTimeout: true}), Unavailable, true, "the name x.svc could not be looked up"},
		{dial(timeoutError{}), Unavailable, true, "h (10.0.0.1:3128) does not answer connections"},
		{dial(syscall.ECONNRESET), Unavailable, true, "h closed the connection before its answer was whole"},
		{dial(syscall.EPIPE), Unavailable, true, "h closed the connection before its answer was whole"},
		{&url.Error{Op: "Get", URL: secret, Err: io.EOF}, Unavailable, true, "h closed the connection before its answer was whole"},
		{io.ErrUnexpectedEOF, Unavailable, true, "h closed the connection before its answer was whole"},
		{&url.Error{Op: "Get", URL: secret, Err: errors.New("strange\nthing")}, Unavailable, true, "no answer from h: strange thing"},
		{fmt.Errorf("get %q: %w", secret, errors.New("strange")), Unavailable, true, `no answer from h: strange`},
		{&url.Error{Op: "Get", URL: secret, Err: http.ErrSchemeMismatch}, Local, false, "h does not speak TLS; "},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, Local, false, "h does not speak TLS; "},
		{&fs.PathError{Op: "read", Path: "/share/blob", Err: syscall.EIO}, Local, false, "/share/blob cannot be read: input/output error"},
		{proxyError{status: 503, text: "the proxy p answered 503"}, Unavailable, true, "the proxy p answered 503; "},
	} {
		e := fromNetwork(c.err, "h")
		if e.Kind != c.kind || e.passes != c.passes || !strings.HasPrefix(e.Error(), c.want) || strings.Contains(e.Error(), "secret-signature") {
			t.Errorf("%v: %d %v %s", c.err, e.Kind, e.passes, e)
		}
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestStatus(t *testing.T) {
	for status, want := range map[int]string{
		400: "4 false", 401: "3 false", 403: "3 false", 404: "2 false", 405: "4 false", 407: "5 false", 408: "1 true", 409: "4 false", 412: "4 false",
		413: "4 false", 425: "1 true", 429: "1 true", 500: "1 true", 501: "4 false", 502: "1 true", 503: "1 true", 504: "1 true", 505: "4 false", 507: "1 true", 301: "4 false",
	} {
		kind, passes := kindOf(status)
		if got := fmt.Sprint(int(kind), passes); got != want {
			t.Error(status, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "x": 0, "99999999999999999999": 0, "3600": time.Minute,
		"Tue, 01 Jan 2030 00:00:07 GMT": 7 * time.Second, "Tue, 01 Jan 2029 00:00:07 GMT": 0, "Tue, 01 Jan 2040 00:00:07 GMT": time.Minute,
	} {
		if got := retryAfter(text, now); got != want {
			t.Error(text, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", 90 * time.Second: "1m30s", time.Hour: "1h", 250*time.Millisecond + 3: "250ms", 10 * time.Second: "10s", 100 * time.Minute: "1h40m", 1500 * time.Millisecond: "2s",
	} {
		if got := Words(d); got != want {
			t.Error(d, got, want)
		}
	}
}

// A file passes whole through the watched connection, in parts that the kernel copies, and no more of it than is asked.
func TestStallConnReadsFiles(t *testing.T) {
	content := noise(3*chunk + 17)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, chunk, chunk + 1, len(content) - 5, len(content), len(content) + 5} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan []byte)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				got <- nil
				return
			}
			b, _ := io.ReadAll(conn)
			got <- b
		}()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		watched := &stallConn{Conn: conn, stall: time.Minute}
		n, err := io.Copy(watched, io.LimitReader(file, int64(size)))
		want := content[:min(size, len(content))]
		if err != nil || int(n) != len(want) {
			t.Error(size, n, err)
		}
		if n, err := watched.Write(content); err != nil || n != len(content) {
			t.Error(n, err)
		}
		_, _ = file.Close(), conn.Close()
		if b := <-got; !bytes.Equal(b, append(bytes.Clone(want), content...)) {
			t.Error(size, len(b))
		}
		_ = listener.Close()
	}
}

// The container oras is not started again after what fails before the program, and has no reason to be.
func TestWhatFailsBeforeTheProgramIsNotTriedAgain(t *testing.T) {
	for _, codes := range []Codes{InputCodes(), ProofCodes()} {
		for _, code := range []int{codes.NotFound, codes.Denied, codes.Unavailable, codes.Invalid, codes.Local} {
			if !slices.Contains(contract.EndsForGood, code) {
				t.Errorf("exit code %d of %+v", code, codes)
			}
		}
	}
}

package registry

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// htpasswd starts a registry that asks for me:right-secret.
func htpasswd(t *testing.T) *server {
	t.Helper()
	testprogram.Require(t, "htpasswd")
	out, err := exec.Command("htpasswd", "-nbBC", "4", "me", "right-secret").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=x", "REGISTRY_AUTH_HTPASSWD_PATH="+file)
	s.users = file
	return s
}

// leaks says whether a password or one of its encodings is in a text.
func leaks(texts ...string) bool {
	for _, text := range texts {
		for _, word := range []string{"right-secret", "wrong-secret", "cmlnaHQtc2VjcmV0", "bWU6cmlnaHQtc2VjcmV0"} {
			if strings.Contains(text, word) {
				return true
			}
		}
	}
	return false
}

// The shapes of art-31, each against a registry that asks.
func TestPasswords(t *testing.T) {
	s := htpasswd(t)
	right := `{"auth": "` + base64.StdEncoding.EncodeToString([]byte("me:right-secret")) + `"}`
	wrong := `{"username": "me", "password": "wrong-secret"}`
	for name, c := range map[string]struct {
		files map[string]string
		want  string // of the message; empty: it works
	}{
		"user and passwords":       {map[string]string{"ORAS_USER": "me", "ORAS_PUSH_PASS": "right-secret\n"}, ""},
		"host":                     {map[string]string{".dockerconfigjson": `{"auths": {"HOST": ` + right + `}}`}, ""},
		"path beside host":         {map[string]string{".dockerconfigjson": `{"auths": {"HOST/team-a": ` + right + `, "HOST": ` + wrong + `}}`}, ""},
		"wrong path, right host":   {map[string]string{".dockerconfigjson": `{"auths": {"HOST/team-a": ` + wrong + `, "HOST": ` + right + `}}`}, ""},
		"store beside auth":        {map[string]string{".dockerconfigjson": `{"auths": {"HOST": ` + right + `}, "credsStore": "desktop"}`}, ""},
		"scheme and v1":            {map[string]string{".dockerconfigjson": `{"auths": {"https://HOST/v1/": ` + right + `}}`}, ""},
		"wildcard":                 {map[string]string{".dockerconfigjson": `{"auths": {"*.0.0.1:PORT": ` + right + `}}`}, ""},
		"legacy":                   {map[string]string{".dockercfg": `{"HOST": ` + right + `}`}, ""},
		"wrong":                    {map[string]string{"ORAS_USER": "me", "ORAS_PUSH_PASS": "wrong-secret"}, "it was shown ORAS_USER and ORAS_PUSH_PASS; check the Secret"},
		"wrong twice":              {map[string]string{".dockerconfigjson": `{"auths": {"HOST/team-a": ` + wrong + `, "HOST": ` + wrong + `}}`}, "/team-a, then the entry HOST; check"},
		"for another registry":     {map[string]string{"ORAS_USER": "me", "ORAS_PUSH_PASS": "right-secret", "registry": "ghcr.io"}, "the Secret has no login for HOST/team-a/x"},
		"the other password alone": {map[string]string{"ORAS_USER": "me", "ORAS_PULL_PASS": "right-secret"}, "the Secret has no login for HOST/team-a/x"},
		"broken":                   {map[string]string{".dockerconfigjson": `{"auths": {"HOST": {"auth": "right-secret"}}}`}, "its entry HOST has an auth that is not"},
	} {
		t.Run(name, func(t *testing.T) {
			_, port, _ := strings.Cut(s.host, ":")
			fill := strings.NewReplacer("HOST", s.host, "PORT", port)
			for file, text := range c.files {
				c.files[file] = fill.Replace(text)
			}
			r, seen := open(t, place(t, s.host, "team-a/x:v1"), func(o *Options) { o.Secret = secret(t, s.host, c.files) })
			err := r.ProvePush(context.Background())
			if leaks(fmt.Sprintf("%v %+v", err, r.o.Secret), seen.all()) {
				t.Error("it shows the password")
			}
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				blobs, manifest := artifact([]byte(name))
				if _, err := r.PushArtifact(context.Background(), blobs, manifestType, manifest); err != nil {
					t.Error(err)
				}
				return
			}
			f := ProofCodes().Failure("push to x", err)
			if want := fill.Replace(c.want); !strings.Contains(f.Message, want) {
				t.Errorf("%d %s\nwant %s", f.Code, f, want)
			}
		})
	}
	r, _ := open(t, place(t, s.host, "team-a/x:v1"), nil)
	_, err := r.Manifest(context.Background())
	f := InputCodes().Failure("pull of x", err)
	if f.Code != 182 || !strings.Contains(f.Message, "UNAUTHORIZED: authentication required; name a Secret") {
		t.Error(f.Code, f)
	}
}

// tokenServer signs tokens that the real registry takes for whatever is asked for, for me:right-secret; for nobody it
// gives the right to pull.
type tokenServer struct {
	*httptest.Server
	given atomic.Int32
}

func newTokenServer(t *testing.T, key *ecdsa.PrivateKey, cert []byte) *tokenServer {
	s := &tokenServer{}
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.given.Add(1)
		user, password, known := r.BasicAuth()
		if known && (user != "me" || password != "right-secret") {
			refuse(w, 401, "UNAUTHORIZED", "incorrect username or password")
			return
		}
		access := []map[string]any{}
		for _, scope := range r.URL.Query()["scope"] {
			parts := strings.Split(scope, ":")
			actions := strings.Split(parts[2], ",")
			if !known {
				actions = []string{"pull"}
			}
			access = append(access, map[string]any{"type": parts[0], "name": parts[1], "actions": actions})
		}
		now := time.Now().Unix()
		text := encode(map[string]any{"alg": "ES256", "typ": "JWT", "x5c": []string{base64.StdEncoding.EncodeToString(cert)}}) + "." +
			encode(map[string]any{"iss": "test", "aud": r.URL.Query().Get("service"), "nbf": now - 10, "exp": now + 300, "iat": now, "jti": "x", "sub": user, "access": access})
		sum := sha256.Sum256([]byte(text))
		a, b, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Error(err)
		}
		signature := append(a.FillBytes(make([]byte, 32)), b.FillBytes(make([]byte, 32))...)
		_ = json.NewEncoder(w).Encode(map[string]any{"token": text + "." + base64.RawURLEncoding.EncodeToString(signature)})
	}))
	t.Cleanup(s.Close)
	return s
}

func TestTokens(t *testing.T) {
	certFile, _, _, cert, key := certificate(t)
	tokens := newTokenServer(t, key, cert)
	s := startServer(t, "REGISTRY_AUTH=token", "REGISTRY_AUTH_TOKEN_REALM="+tokens.URL+"/token", "REGISTRY_AUTH_TOKEN_SERVICE=test",
		"REGISTRY_AUTH_TOKEN_ISSUER=test", "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE="+certFile)
	ctx := context.Background()
	content := noise(2 << 20)
	blobs, manifest := artifact(content)
	r, _ := open(t, place(t, s.host, "a/b:v1"), func(o *Options) {
		o.Secret = secret(t, s.host, map[string]string{"ORAS_USER": "me", "ORAS_PUSH_PASS": "right-secret"})
	})
	if err := r.ProvePush(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PushArtifact(ctx, blobs, manifestType, manifest); err != nil {
		t.Fatal(err)
	}
	if n := tokens.given.Load(); n > 2 {
		t.Errorf("%d tokens for one push", n)
	}
	// Streamed, with a token that is there already.
	u := r.StartUpload(ctx, io.NopCloser(strings.NewReader("streamed")))
	if err := u.Commit(ctx, digestOf([]byte("streamed"))); err != nil {
		t.Fatal(err)
	}
	// Another repository's blob needs a scope of its own.
	other, _ := open(t, place(t, s.host, "c/d:v1"), func(o *Options) { o.Secret = r.o.Secret })
	if !other.Mount(ctx, digestOf(content), r.Reference()) {
		t.Error("not mounted")
	}
	// Nobody may pull, not push.
	anonymous, _ := open(t, place(t, s.host, "a/b:v1"), nil)
	if got, err := anonymous.Manifest(ctx); err != nil || !bytes.Equal(got.Bytes, manifest) {
		t.Error(err)
	}
	if f := ProofCodes().Failure("push", anonymous.ProvePush(ctx)); f.Code != 182 || !strings.Contains(f.Message, "name a Secret") {
		t.Error(f.Code, f)
	}
	// The token service's own words.
	wrong, seen := open(t, place(t, s.host, "a/b:v1"), func(o *Options) {
		o.Secret = secret(t, s.host, map[string]string{"ORAS_USER": "me", "ORAS_PUSH_PASS": "wrong-secret"})
	})
	f := ProofCodes().Failure("push", wrong.ProvePush(ctx))
	if f.Code != 182 || !strings.Contains(f.Message, "token service "+strings.TrimPrefix(tokens.URL, "http://")+" answered 401 UNAUTHORIZED: incorrect username or password; it was shown ORAS_USER") {
		t.Error(f.Code, f)
	}
	if leaks(f.Message, seen.all()) {
		t.Error("it shows the password")
	}
}

func TestTLS(t *testing.T) {
	certFile, keyFile, ca, _, _ := certificate(t)
	s := startServer(t, "REGISTRY_HTTP_TLS_CERTIFICATE="+certFile, "REGISTRY_HTTP_TLS_KEY="+keyFile)
	plain := startServer(t)
	for name, c := range map[string]struct {
		host  string
		plain bool
		ca    string
		want  string
	}{
		"its CA":        {s.host, false, ca, ""},
		"no CA":         {s.host, false, "", "is signed by a CA that is not known here; put the certificate of the CA under the key ca.crt"},
		"HTTP to HTTPS": {s.host, true, "", "write https://" + s.host + " in oras.converged-computing.github.io/registry"},
		"HTTPS to HTTP": {plain.host, false, "", "does not speak TLS; if its registry is without TLS, write http://" + plain.host},
	} {
		t.Run(name, func(t *testing.T) {
			ref := place(t, c.host, "a:b")
			ref.PlainHTTP = c.plain
			r, seen := open(t, ref, func(o *Options) {
				if c.ca != "" {
					o.Secret = secret(t, c.host, map[string]string{"ca.crt": c.ca})
				}
			})
			err := r.ProvePush(context.Background())
			if c.want == "" {
				blobs, manifest := artifact(noise(2 << 20))
				if _, pushErr := r.PushArtifact(context.Background(), blobs, manifestType, manifest); err != nil || pushErr != nil {
					t.Error(err, pushErr)
				}
				return
			}
			f := ProofCodes().Failure("push", err)
			if f.Code != 185 || !strings.Contains(f.Message, c.want) || seen.all() != "" {
				t.Error(f.Code, f, seen.all())
			}
		})
	}
	if _, err := Open(place(t, s.host, "a:b"), Options{Secret: secret(t, s.host, map[string]string{"ca.crt": "nothing"})}); As(err) == nil || As(err).Kind != Local {
		t.Error(err)
	}
}

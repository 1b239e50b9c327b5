package main

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withPassword pulls from a registry that asks for a password; HOST in the options is the registry's. The second result
// says what was shown to it.
func withPassword(t *testing.T, right bool, options ...string) (pull *container, shown func() []string) {
	t.Helper()
	h := newHostile(t)
	input, repository := h.put(t, manifestOf(t, []layer{h.blob([]byte("hello"), "f")}))
	host := strings.TrimPrefix(h.URL, "http://")
	var seen []string
	manifest := h.manifests[repository]
	h.special["/v2/"+repository+"/manifests/1"] = func(w http.ResponseWriter, r *http.Request) {
		user, password, has := r.BasicAuth()
		if has {
			h.mutex.Lock()
			seen = append(seen, r.Header.Get("Authorization"))
			h.mutex.Unlock()
		}
		if user != "me" || password != "s3cret-of-pull" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", typeManifest)
		_, _ = w.Write(manifest)
	}
	folder := t.TempDir()
	password := "s3cret-of-pull\n"
	if !right {
		password = "s3cret-that-is-wrong"
	}
	for name, value := range map[string]string{"ORAS_USER": "me\n", "ORAS_PULL_PASS": password, "ORAS_PUSH_PASS": "s3cret-of-push"} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600))
	}
	p := newPod(t, "")
	arguments := []string{"pull", "--share", p.share, "--timeout", "2", "--input", input, "--credentials", folder, "--debug"}
	for _, option := range options {
		arguments = append(arguments, strings.ReplaceAll(option, "HOST", host))
	}
	return p.start(arguments...), func() []string {
		h.mutex.Lock()
		defer h.mutex.Unlock()
		return seen
	}
}

// The password is used where it is right, refused where it is wrong, shown to no other registry and nowhere in the log.
func TestPasswords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		right   bool
		options []string
		code    int
		says    string
		shown   bool
	}{
		"right":                                    {true, []string{"--credentials-host", "HOST", "--plain-login-host", "HOST"}, 0, "", true},
		"wrong":                                    {false, []string{"--credentials-host", "HOST", "--plain-login-host", "HOST"}, 182, "401", true},
		"for another registry":                     {true, []string{"--credentials-host", "registry.example", "--plain-login-host", "HOST"}, 182, "has no login for", false},
		"over plain HTTP to no cache of ours":      {true, []string{"--credentials-host", "HOST"}, 185, "not shown", false},
		"over plain HTTP, for another cache":       {true, []string{"--credentials-host", "HOST", "--plain-login-host", "cache.example:5000"}, 185, "not shown", false},
		"for a registry whose name begins so":      {true, []string{"--credentials-host", "HOST0", "--plain-login-host", "HOST"}, 182, "has no login for", false},
		"for a registry whose name ends so, .HOST": {true, []string{"--credentials-host", "evil.HOST", "--plain-login-host", "HOST"}, 182, "has no login for", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pull, shown := withPassword(t, c.right, c.options...)
			wants(t, pull, c.code, c.says)
			if (len(shown()) > 0) != c.shown {
				t.Errorf("shown: %q", shown())
			}
			message, _ := os.ReadFile(pull.message)
			said := pull.stderr.String() + pull.stdout.String() + string(message)
			for _, secret := range []string{"s3cret", base64.StdEncoding.EncodeToString([]byte("me:s3cret"))[:8]} {
				if strings.Contains(said, secret) {
					t.Errorf("it is in the log: %s", said)
				}
			}
		})
	}
}

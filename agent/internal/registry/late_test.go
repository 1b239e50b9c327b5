package registry

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// lateLogin writes the login of a cache where a step finds it.
func lateLogin(t *testing.T, dir, host, password string) {
	t.Helper()
	entry := base64.StdEncoding.EncodeToString([]byte("me:" + password))
	text := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, entry)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoginOfTheCache(t *testing.T) {
	s := htpasswd(t)
	dir := t.TempDir()
	lateLogin(t, dir, s.host, "right-secret")
	r, _ := open(t, place(t, s.host, "a/b:v1"), func(o *Options) {
		o.Cache = &credentials.Late{Dir: dir, Host: s.host}
		// It is for the cache alone, and so tried first.
		o.Secret = secret(t, s.host, map[string]string{"ORAS_USER": "me", "ORAS_PUSH_PASS": "wrong-secret"})
	})
	if err := r.ProvePush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// A step may be there before its cache, and the Secret later than the registry.
func TestLoginOfTheCacheThatComesLater(t *testing.T) {
	s := htpasswd(t)
	dir := t.TempDir()
	said := &journal{}
	r, _ := open(t, place(t, s.host, "a/b:v1"), func(o *Options) {
		o.Cache = &credentials.Late{Dir: dir, Host: s.host}
		o.Log = func(line string) {
			said.log(line)
			lateLogin(t, dir, s.host, "right-secret")
		}
	})
	if err := r.ProvePush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := said.all(); !strings.Contains(got, "authentication required; the Secret with its login is not there yet; trying again") {
		t.Error(got)
	}
}

// A step that goes on for long may outlive the password that it began with.
func TestLoginOfTheCacheThatChanges(t *testing.T) {
	testprogram.Require(t, "htpasswd")
	s := htpasswd(t)
	dir := t.TempDir()
	lateLogin(t, dir, s.host, "right-secret")
	r, _ := open(t, place(t, s.host, "a/b:v1"), func(o *Options) { o.Cache = &credentials.Late{Dir: dir, Host: s.host} })
	if err := r.ProvePush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("htpasswd", "-bBC", "4", s.users, "me", "other-secret").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	// The registry reads the file again when its time has changed, which it knows in seconds.
	later := time.Now().Add(10 * time.Second)
	if err := os.Chtimes(s.users, later, later); err != nil {
		t.Fatal(err)
	}
	if f := ProofCodes().Failure("push to x", r.ProvePush(context.Background())); f == nil || f.Code != 182 || leaks(f.Message) {
		t.Error(f)
	}
	lateLogin(t, dir, s.host, "other-secret")
	blobs, manifest := artifact([]byte("late"))
	if _, err := r.PushArtifact(context.Background(), blobs, manifestType, manifest); err != nil {
		t.Error(err)
	}
}

func TestLoginOfTheCacheIsForNobodyElse(t *testing.T) {
	s := htpasswd(t)
	dir := t.TempDir()
	lateLogin(t, dir, s.host, "right-secret")
	for _, host := range []string{"other:5000", "127.0.0.1:1", "127.0.0.1"} {
		r, _ := open(t, place(t, s.host, "a/b:v1"), func(o *Options) { o.Cache = &credentials.Late{Dir: dir, Host: host} })
		if f := ProofCodes().Failure("push to x", r.ProvePush(context.Background())); f == nil || f.Code != 182 {
			t.Error(host, f)
		}
	}
}

func TestLoginOfTheCacheThatIsBroken(t *testing.T) {
	s := htpasswd(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("right-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := open(t, place(t, s.host, "a/b:v1"), func(o *Options) { o.Cache = &credentials.Late{Dir: dir, Host: s.host} })
	err := r.ProvePush(context.Background())
	if e := As(err); e == nil || e.Kind != Local || leaks(e.Error()) || !strings.Contains(e.Error(), "the login of the OrasCache in") {
		t.Error(err)
	}
}

package credentials

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// folder makes a Secret's folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t testing.TB, files map[string]string, passwordsFor string) *Secret {
	t.Helper()
	secret, err := Read(folder(t, files), passwordsFor)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func pairs(logins []Login) []string {
	found := []string{}
	for _, l := range logins {
		found = append(found, l.Username+":"+l.Password)
	}
	return found
}

func logins(t testing.TB, secret *Secret, host, repository string, use Use) []string {
	t.Helper()
	found, err := secret.Logins(context.Background(), reference.Reference{Host: host, Repository: repository}, use)
	if err != nil {
		t.Fatal(err)
	}
	return pairs(found)
}

// testdata/kubelet.json was compared with what the keyring of Kubernetes 1.36.3 answers (pkg/credentialprovider); where
// more is taken here, its answer stands under "kubelet". The operator asks with the same logins: its tests read the table,
// too, and write one of cases that they make up, LOGINS_TABLE.
func TestLoginsAsTheKubelet(t *testing.T) {
	table := os.Getenv("LOGINS_TABLE")
	if table == "" {
		table = "testdata/kubelet.json"
	}
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Host, Repository, PasswordsFor string
		PlainHTTP                            bool
		Config                               json.RawMessage
		Secret                               map[string]string
		Want                                 []string
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			ask := func(key, config string, use Use) []string {
				files := map[string]string{key: config}
				maps.Copy(files, c.Secret)
				ref := reference.Reference{Host: c.Host, PlainHTTP: c.PlainHTTP, Repository: c.Repository}
				found, err := read(t, files, c.PasswordsFor).Logins(t.Context(), ref, use)
				if err != nil {
					t.Fatal(err)
				}
				return pairs(found)
			}
			got := ask(".dockerconfigjson", string(c.Config), Pull)
			if !reflect.DeepEqual(got, c.Want) {
				t.Errorf("config.json: %v, want %v", got, c.Want)
			}
			var whole struct{ Auths json.RawMessage }
			if err := json.Unmarshal(c.Config, &whole); err != nil {
				t.Fatal(err)
			}
			got = ask(".dockercfg", string(whole.Auths), Push)
			if !reflect.DeepEqual(got, c.Want) {
				t.Errorf(".dockercfg: %v, want %v", got, c.Want)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	secret := read(t, map[string]string{"config.json": `{"auths": {
		"a.azurecr.io": {"auth": "MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOg==", "identitytoken": "refresh"},
		"b.io": {"registrytoken": "access"}, "c.io": {}}}`}, "step")
	for host, want := range map[string]Login{
		"a.azurecr.io": {IdentityToken: "refresh", Source: "the entry a.azurecr.io"},
		"b.io":         {RegistryToken: "access", Source: "the entry b.io"},
	} {
		got, err := secret.Logins(context.Background(), reference.Reference{Host: host, Repository: "x"}, Pull)
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %d logins, %v", host, len(got), err)
		}
	}
	if got := logins(t, secret, "c.io", "x", Pull); len(got) != 0 {
		t.Error("an empty entry is a login:", got)
	}
}

func TestPasswordsOfTheirOwn(t *testing.T) {
	files := map[string]string{"ORAS_USER": "me\n", "ORAS_PULL_PASS": "pull\r\n", "ORAS_PUSH_PASS": "push"}
	secret := read(t, files, "cache:5000")
	for name, c := range map[string]struct {
		host string
		use  Use
		want []string
	}{
		"pull":             {"cache:5000", Pull, []string{"me:pull"}},
		"push":             {"cache:5000", Push, []string{"me:push"}},
		"another registry": {"ghcr.io", Push, []string{}},
		"another port":     {"cache:5001", Push, []string{}},
	} {
		if got := logins(t, secret, c.host, "a/b", c.use); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := logins(t, read(t, map[string]string{"ORAS_USER": "me"}, "h"), "h", "x", Pull); len(got) != 0 {
		t.Error("a user without a password is a login:", got)
	}
}

func TestRegistryKey(t *testing.T) {
	config := `{"auths": {"ghcr.io": {"username": "me", "password": "x"}, "other.io": {"username": "me", "password": "x"}}}`
	secret := read(t, map[string]string{"ORAS_USER": "u", "ORAS_PULL_PASS": "p", "registry": "https://ghcr.io/acme\n", ".dockerconfigjson": config}, "step")
	for place, want := range map[string][]string{
		"ghcr.io/acme/x":  {"me:x", "u:p"},
		"ghcr.io/acme":    {"me:x", "u:p"},
		"ghcr.io/acmes/x": {},
		"other.io/acme/x": {},
		"step/acme/x":     {},
	} {
		host, repository, _ := strings.Cut(place, "/")
		if got := logins(t, secret, host, repository, Pull); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", place, got, want)
		}
	}
}

func TestReadFails(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"not JSON":     {map[string]string{".dockerconfigjson": `{"auths": s3cret`}, "key .dockerconfigjson: it is not a docker configuration"},
		"legacy":       {map[string]string{".dockercfg": `["s3cret"]`}, "key .dockercfg: it is not a docker configuration"},
		"bad registry": {map[string]string{"registry": "a b"}, "key registry: \"a b\" is not a registry"},
		"too long":     {map[string]string{"ca.crt": strings.Repeat("s3cret", 200_000)}, "key ca.crt cannot be read: it is longer than 1 MiB"},
	} {
		_, err := Read(folder(t, c.files), "h")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none"), "h"); err == nil {
		t.Error("a missing folder is taken")
	}
}

func TestBrokenEntry(t *testing.T) {
	secret := read(t, map[string]string{".dockerconfigjson": `{"auths": {"a.io": {"auth": "s3cret!"}, "b.io": {"auth": "bWU6eA=="}, "c.io": 7}}`}, "step")
	if got := logins(t, secret, "b.io", "x", Pull); !reflect.DeepEqual(got, []string{"me:x"}) {
		t.Error("a broken entry of another registry is in the way:", got)
	}
	for _, host := range []string{"a.io", "c.io"} {
		_, err := secret.Logins(context.Background(), reference.Reference{Host: host, Repository: "x"}, Pull)
		if err == nil || !strings.Contains(err.Error(), "its entry "+host) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// helperIn puts a credential helper into PATH.
func helperIn(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

func TestHelpers(t *testing.T) {
	helperIn(t, "test", `[ "$1" = get ] || exit 3
read -r server
case "$server" in
ecr.example) echo '{"ServerURL": "x", "Username": "AWS", "Secret": "from-helper"}' ;;
token.example) echo '{"Username": "<token>", "Secret": "refresh"}' ;;
https://index.docker.io/v1/) echo '{"Username": "hub", "Secret": "h"}' ;;
broken.example) echo 'AccessDenied: no role'; echo s3cret >&2; exit 1 ;;
leak.example) echo '{"Secret": "s3cret"}'; exit 1 ;;
long.example) head -c 1000000 /dev/zero ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac`)
	config := func(text string) *Secret { return read(t, map[string]string{".dockerconfigjson": text}, "step") }
	own := config(`{"auths": {"ecr.example": {"username": "a", "password": "b"}, "other.example": {"username": "a", "password": "b"}},
		"credHelpers": {"*.example": "test", "docker.io": "test", "up.io": "../test"}, "credsStore": "desktop"}`)
	if got := logins(t, own, "ecr.example", "x", Pull); !reflect.DeepEqual(got, []string{"AWS:from-helper", "a:b"}) {
		t.Error(got)
	}
	if got := logins(t, own, "other.example", "x", Pull); !reflect.DeepEqual(got, []string{"a:b"}) {
		t.Error(got)
	}
	if got := logins(t, own, "registry-1.docker.io", "x", Pull); !reflect.DeepEqual(got, []string{"hub:h"}) {
		t.Error(got)
	}
	if got := logins(t, own, "up.io", "x", Pull); len(got) != 0 {
		t.Error("a helper that is a path is run:", got)
	}
	token, err := own.Logins(context.Background(), reference.Reference{Host: "token.example", Repository: "x"}, Pull)
	if err != nil || len(token) != 1 || token[0].IdentityToken != "refresh" {
		t.Error(len(token), err)
	}
	for host, want := range map[string]string{"broken.example": "AccessDenied: no role", "leak.example": "failed (exit status 1)", "long.example": "docker-credential-test"} {
		_, err := own.Logins(context.Background(), reference.Reference{Host: host, Repository: "x"}, Pull)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", host, err)
		}
	}
	store := config(`{"auths": {"ecr.example": {"username": "a", "password": "b"}}, "credsStore": "test"}`)
	if got := logins(t, store, "ecr.example", "x", Pull); !reflect.DeepEqual(got, []string{"a:b", "AWS:from-helper"}) {
		t.Error(got)
	}
}

func TestLoginsDoNotPrintThemselves(t *testing.T) {
	login := Login{Username: "me", Password: "s3cret", IdentityToken: "s3cret", RegistryToken: "s3cret", Source: "x"}
	inside := struct{ L []Login }{[]Login{login}}
	encoded, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(login), fmt.Sprintf("%+v %#v %s %q %x", inside, inside, &login, login, login), string(encoded)} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, fmt.Sprintf("%x", "s3cret")) {
			t.Error(text)
		}
	}
}

func TestNoSecret(t *testing.T) {
	var none *Secret
	if got, err := none.Logins(context.Background(), reference.Reference{Host: "h", Repository: "x"}, Pull); err != nil || got != nil || none.CA() != nil {
		t.Error(got, err)
	}
}

func FuzzDockerConfig(f *testing.F) {
	text, err := os.ReadFile("testdata/kubelet.json")
	if err != nil {
		f.Fatal(err)
	}
	var cases []struct{ Config json.RawMessage }
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add([]byte(c.Config), "r.example.com", "acme/x")
	}
	f.Add([]byte(`{"auths":{"[::1":{"auth":"AAAA"},"%zz":{},"[a":{"username":"u"}},"credHelpers":{"":"","x":"/bin/sh"}}`), "[::1]:5", "a")
	f.Fuzz(func(t *testing.T, text []byte, host, repository string) {
		for _, parse := range []func([]byte) (dockerConfig, error){parseConfig, parseLegacyConfig} {
			config, err := parse(text)
			if err != nil {
				continue
			}
			wanted := wantedBy(reference.Reference{Host: host, Repository: repository})
			config.helper(wanted)
			first, err := config.logins(wanted)
			again, _ := config.logins(wanted)
			if !reflect.DeepEqual(first, again) {
				t.Error("another answer the second time")
			}
			for _, login := range first {
				if login.isEmpty() || err != nil {
					t.Error("an empty login, or one beside an error")
				}
			}
		}
	})
}

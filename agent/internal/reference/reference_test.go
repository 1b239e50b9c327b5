package reference

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const sum = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestParseArtifact(t *testing.T) {
	for text, want := range map[string]Artifact{
		"a:b":                           {Repository: "a", Tag: "b"},
		"repository/name:tag":           {Repository: "repository/name", Tag: "tag"},
		"a.b:c":                         {Repository: "a.b", Tag: "c"},
		"a/b.c__d-e:V_1.0-x":            {Repository: "a/b.c__d-e", Tag: "V_1.0-x"},
		"rb/x@" + sum:                   {Repository: "rb/x", Digest: sum},
		"rb/x:v1@" + sum:                {Repository: "rb/x", Tag: "v1", Digest: sum},
		"oci://ghcr.io/me/data:v1":      {Host: "ghcr.io", Repository: "me/data", Tag: "v1"},
		"oci://localhost:5000/a:b":      {Host: "localhost:5000", Repository: "a", Tag: "b"},
		"oci://[fd00::1]:5000/a:b":      {Host: "[fd00::1]:5000", Repository: "a", Tag: "b"},
		"oci://[::1]/a:b@" + sum:        {Host: "[::1]", Repository: "a", Tag: "b", Digest: sum},
		"oci://10.0.0.1:5000/a/b/c/d:e": {Host: "10.0.0.1:5000", Repository: "a/b/c/d", Tag: "e"},
	} {
		got, err := ParseArtifact(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// What the operator's schema lists as refused (x-refused of the formats), and more of the kind.
func TestParseArtifactRefuses(t *testing.T) {
	for _, text := range []string{
		"", ":", "@", "/", "a", "a:", ":b", "a@", "oci://", "oci:///a:b", "oci://ghcr..io/a:b", "oci://ghcr.io:65536/a:b",
		"oci://ghcr.io:0/a:b", "oci://ghcr.io:/a:b", "oci://a.-b/a:b", "oci://a-.b/a:b", "oci://[:::::::]/a:b",
		"oci://[1::2::3]/a:b", "oci://[::1]:99999/a:b", "oci://[fe80::1%eth0]/a:b", "oci://a b/c:d", "oci://host", "oci://[]/a:b",
		"oci://user@host/a:b", "Upper/case:tag", "no-tag", "https://host/repo:tag", "ghcr.io/me/results:v1", "host:5000/a:b",
		"localhost/a:b", "[::1]/a:b", "oci://[::1/a:b", "a//b:t", "/a:b", "a/:b", "a:b:c", "a@sha256:123", " a:b", "a:b\n", "a:b ",
		"a:.b", "a:-b", "a:" + strings.Repeat("b", 129), "a..b:c", "a___b:c", "a/../b:c", "a@sha512:" + strings.Repeat("a", 128),
		"a@" + strings.ToUpper(sum), "a@" + sum + "@" + sum, "a:b@" + sum + "0", "a?b:c", "a#b:c", "a%2f:c", "oci://h/a\x00:b",
		strings.Repeat("a", 511) + ":b",
	} {
		if got, err := ParseArtifact(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func TestParseArtifactSaysWhatMayBeMeant(t *testing.T) {
	_, err := ParseArtifact("ghcr.io/me/results:v1")
	if err == nil || !strings.Contains(err.Error(), "write oci:// before it") {
		t.Error(err)
	}
}

func TestParseOutput(t *testing.T) {
	if _, err := ParseOutput("a/b:c@" + sum); err == nil {
		t.Error("an output with a digest is taken")
	}
	if got, err := ParseOutput("a/b:c"); err != nil || got.Tag != "c" {
		t.Error(got, err)
	}
}

func TestParseRegistry(t *testing.T) {
	for text, want := range map[string]Registry{
		"ghcr.io":                      {Host: "ghcr.io"},
		"https://ghcr.io/":             {Host: "ghcr.io"},
		"ghcr.io/acme":                 {Host: "ghcr.io", Prefix: "acme"},
		"us-docker.pkg.dev/project/r/": {Host: "us-docker.pkg.dev", Prefix: "project/r"},
		"http://oras-0.oras.default.svc.cluster.local:5000": {Host: "oras-0.oras.default.svc.cluster.local:5000", PlainHTTP: true},
		"http://[fd00::1]:5000/a":                           {Host: "[fd00::1]:5000", PlainHTTP: true, Prefix: "a"},
		"localhost:5000":                                    {Host: "localhost:5000"},
	} {
		got, err := ParseRegistry(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "http://", "ghcr..io", "ghcr.io:65536", "ghcr.io:0", "a.-b", "a-.b", "[:::::::]", "[1::2::3]", "[::1]:99999",
		"http://ghcr..io", "ftp://host", "host//path", "host//", "host/Upper", "host/a:tag", "user@host", "a b", "[::1", "/path",
		"oci://host", "host?x", "host#x", "http://https://host", strings.Repeat("a.", 300) + "b",
	} {
		if got, err := ParseRegistry(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func TestIn(t *testing.T) {
	plain := Registry{Host: "cache:5000", PlainHTTP: true, Prefix: "team"}
	for text, want := range map[string]string{
		"a/b:c":                      "http://cache:5000/team/a/b:c",
		"a/b:c@" + sum:               "http://cache:5000/team/a/b:c@" + sum,
		"oci://cache:5000/a:b":       "http://cache:5000/a:b",
		"oci://ghcr.io/me/x:v1":      "https://ghcr.io/me/x:v1",
		"oci://[::1]:5000/me@" + sum: "https://[::1]:5000/me@" + sum,
	} {
		artifact, err := ParseArtifact(text)
		if err != nil {
			t.Fatal(err)
		}
		got := artifact.In(plain)
		if got.String() != want {
			t.Errorf("%s: %s; want %s", text, got, want)
		}
		back, err := Parse(got.String())
		if err != nil || back != got {
			t.Errorf("%s is read back as %+v, %v", got, back, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "a/b:c", "oci://h/a:b", "https://h", "https://h/a", "https:///a:b", "http://u:p@h/a:b", "https://h/a:b?x=1"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func TestDockerHub(t *testing.T) {
	for _, host := range []string{"docker.io", "index.docker.io", "registry-1.docker.io"} {
		if got := (Reference{Host: host}).APIHost(); got != "registry-1.docker.io" {
			t.Error(host, got)
		}
	}
	if got := (Reference{Host: "ghcr.io", Digest: sum, Tag: "x"}); got.APIHost() != "ghcr.io" || got.Version() != sum {
		t.Error(got)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(oci://([a-z0-9]{1,9}(\.[a-z0-9]{1,5}){0,3}|\[fd00::[0-9a-f]{1,4}\])(:[1-9][0-9]{0,3})?/)?[a-z0-9]{1,9}(__[a-z0-9]{1,5})?(/[a-z0-9]{1,9}(-{1,3}[a-z0-9]{1,5})?){0,3}(:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}(@sha256:[a-f0-9]{64})?|@sha256:[a-f0-9]{64})`).Draw(t, "text")
		if strings.HasPrefix(text, "localhost/") {
			t.Skip()
		}
		artifact, err := ParseArtifact(text)
		if err != nil {
			t.Fatal(err)
		}
		whole := artifact.In(Registry{Host: "h", Prefix: "p"})
		if back, err := Parse(whole.String()); err != nil || back != whole {
			t.Fatal(back, err)
		}
	})
}

// Whatever is taken goes into URLs as it is: it has to be harmless there, and mean the same when it is read again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a:b", "rb/x:v1@" + sum, "oci://[fd00::1]:5000/a:b", "https://ghcr.io/me/x:v1", "http://h:5000/a/b@" + sum, "ghcr.io/acme/",
		"oci://a/../b:c", "localhost/x:y", "https://h/a:b?c", "http://[::ffff:1.2.3.4]/a:b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		harmless := func(parts ...string) {
			for _, part := range parts {
				if strings.ContainsAny(part, " ?#%\\\x00\n\r\t<>\"'") || strings.Contains(part, "..") || strings.Contains(part, "//") {
					t.Errorf("%q has the part %q", text, part)
				}
			}
		}
		if r, err := ParseRegistry(text); err == nil {
			harmless(r.Host, r.Prefix)
			if back, err := ParseRegistry(r.String()); err != nil || back != r {
				t.Errorf("%q: %+v is read back as %+v, %v", text, r, back, err)
			}
		}
		if a, err := ParseArtifact(text); err == nil {
			harmless(a.Host, a.Repository, a.Digest)
			whole := a.In(Registry{Host: "h", PlainHTTP: true, Prefix: "p"})
			if back, err := Parse(whole.String()); err != nil || back != whole {
				t.Errorf("%q: %+v is read back as %+v, %v", text, whole, back, err)
			}
		}
		if r, err := Parse(text); err == nil {
			harmless(r.Host, r.Repository, r.Digest)
			if r.String() != text {
				t.Errorf("%q is written as %q", text, r)
			}
		}
	})
}

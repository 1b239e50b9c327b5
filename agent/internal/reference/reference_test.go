package reference

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const sum = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestParse(t *testing.T) {
	for text, want := range map[string]Reference{
		"https://h/a:b":                           {Host: "h", Repository: "a", Tag: "b"},
		"https://h/repository/name:tag":           {Host: "h", Repository: "repository/name", Tag: "tag"},
		"https://h/a.b:c":                         {Host: "h", Repository: "a.b", Tag: "c"},
		"https://h/a/b.c__d-e:V_1.0-x":            {Host: "h", Repository: "a/b.c__d-e", Tag: "V_1.0-x"},
		"https://h/rb/x@" + sum:                   {Host: "h", Repository: "rb/x", Digest: sum},
		"http://h/rb/x:v1@" + sum:                 {Host: "h", PlainHTTP: true, Repository: "rb/x", Tag: "v1", Digest: sum},
		"https://ghcr.io/me/data:v1":              {Host: "ghcr.io", Repository: "me/data", Tag: "v1"},
		"http://localhost:5000/a:b":               {Host: "localhost:5000", PlainHTTP: true, Repository: "a", Tag: "b"},
		"https://[fd00::1]:5000/a:b":              {Host: "[fd00::1]:5000", Repository: "a", Tag: "b"},
		"https://[::1]/a:b@" + sum:                {Host: "[::1]", Repository: "a", Tag: "b", Digest: sum},
		"http://10.0.0.1:5000/a/b/c/d:e":          {Host: "10.0.0.1:5000", PlainHTTP: true, Repository: "a/b/c/d", Tag: "e"},
		"http://oras-0.oras.ns.svc.x:5000/t/a:b_": {Host: "oras-0.oras.ns.svc.x:5000", PlainHTTP: true, Repository: "t/a", Tag: "b_"},
	} {
		got, err := Parse(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// What the operator's schema lists as refused (x-refused of the formats), and more of the kind.
func TestParseRefuses(t *testing.T) {
	refused := []string{"", ":", "@", "/", "a", "a/b:c", "oci://h/a:b", "ftp://h/a:b", "HTTPS://h/a:b", " https://h/a:b", "https://h/" + strings.Repeat("a", 1100) + ":b"}
	for _, host := range []string{
		"", "ghcr..io", "ghcr.io:65536", "ghcr.io:0", "ghcr.io:", "a.-b", "a-.b", "[:::::::]", "[1::2::3]", "[::1]:99999", "[fe80::1%eth0]",
		"a b", "[]", "[::1", "user@host", "u:p@h", "https://h",
	} {
		refused = append(refused, "https://"+host+"/a:b")
	}
	for _, path := range []string{
		"", "/", "a", "a:", ":b", "a@", "Upper/case:tag", "no-tag", "a//b:t", "/a:b", "a/:b", "a:b:c", "a@sha256:123", " a:b", "a:b\n", "a:b ",
		"a:.b", "a:-b", "a:" + strings.Repeat("b", 129), "a..b:c", "a___b:c", "a/../b:c", "a@sha512:" + strings.Repeat("a", 128),
		"a@" + strings.ToUpper(sum), "a@" + sum + "@" + sum, "a:b@" + sum + "0", "a?b:c", "a#b:c", "a%2f:c", "a\x00:b", "a:b?x=1",
	} {
		refused = append(refused, "https://h/"+path)
	}
	for _, text := range append(refused, "https://h") {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
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
		text := rapid.StringMatching(`https?://([a-z0-9]{1,9}(\.[a-z0-9]{1,5}){0,3}|\[fd00::[0-9a-f]{1,4}\])(:[1-9][0-9]{0,3})?/[a-z0-9]{1,9}(__[a-z0-9]{1,5})?(/[a-z0-9]{1,9}(-{1,3}[a-z0-9]{1,5})?){0,3}(:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}(@sha256:[a-f0-9]{64})?|@sha256:[a-f0-9]{64})`).Draw(t, "text")
		if got, err := Parse(text); err != nil || got.String() != text {
			t.Fatal(got, err)
		}
	})
}

// Whatever is taken goes into URLs as it is: it has to be harmless there, and mean the same when it is read again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"https://ghcr.io/me/x:v1", "http://h:5000/a/b@" + sum, "https://h/rb/x:v1@" + sum, "https://[fd00::1]:5000/a:b", "ghcr.io/acme/",
		"https://a/../b:c", "localhost/x:y", "https://h/a:b?c", "http://[::ffff:1.2.3.4]/a:b",
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
		if r, err := Parse(text); err == nil {
			harmless(r.Host, r.Repository, r.Digest)
			if r.String() != text {
				t.Errorf("%q is written as %q", text, r)
			}
		}
	})
}

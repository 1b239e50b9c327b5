package names_test

import (
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

func TestStays(t *testing.T) {
	for _, c := range []struct {
		depth  int
		target string
		want   bool
	}{
		{0, "a", true}, {0, "a/b", true}, {0, "./a//b/", true}, {0, "..", false}, {1, "..", true}, {1, "../..", false}, {1, "../a", true},
		{2, "../../a", true}, {2, ".././../a", true}, {2, "a/..", false}, {0, "/a", false}, {0, "", false}, {3, "a\x00b", false}, {0, "...", true}, {0, "..a/b", true},
	} {
		if got := names.Stays(c.depth, c.target); got != c.want {
			t.Errorf("%d %q: %v", c.depth, c.target, got)
		}
	}
}

// Cleaned names are what the standard library makes of them, where they are taken at all.
func TestClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bc", ".", "..", "", "/", "...", "\n", "\xff"}), 0, 8).Draw(t, "steps")
		name := strings.Join(steps, "/")
		got, err := names.Clean(name, 4096)
		leaves := strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../")
		if (err != nil) != leaves {
			t.Fatalf("%q: %v", name, err)
		}
		want := filepath.Clean("./" + name)
		if want == "." {
			want = ""
		}
		if err == nil && got != want {
			t.Fatalf("%q: %q", name, got)
		}
	})
	for _, name := range []string{strings.Repeat("x", 256), strings.Repeat("x/", 2100), "a\x00"} {
		if _, err := names.Clean(name, 4096); err == nil {
			t.Errorf("%q is taken", names.Printable(name))
		}
	}
}

func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{"a\x1b[31mb\n": "a?[31mb?", "café": "café", "\u202ex": "?x", strings.Repeat("y", 300): strings.Repeat("y", 200) + "..."} {
		if got := names.Printable(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}
